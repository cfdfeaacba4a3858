// The report of numbers: complete while nothing was touched, and every gap and every number that stands twice is listed.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyRow } from '../setup/copy-row.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { tamper } from '../setup/tampering.ts';

let billhead: TestProduct;
let database: pg.Client;
let year: number;

const REPORT = `query ($year: Int) { invoiceNumberReport(year: $year) { is_complete series {
  series year count counter first_sequence last_sequence first_number last_number is_complete
  gaps { first last } duplicates } } }`;
const report = async (variables: object = {}) => (await billhead.ask(REPORT, variables)).invoiceNumberReport;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  const items = Array.from({ length: 8 }, (_, index) => item({ id: `o-${index}` }));
  await billhead.ask(PLACE_ORDER, { input: order('o', { items }) });
  for (const { id } of items) await billhead.ask(INVOICE_ITEMS, { input: { items: [id], invoice_id: id } });
  const { rows } = await database.query<{ year: number }>('SELECT year FROM number_series');
  year = rows[0]?.year ?? 0;
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

test('of a merchant without invoices is empty and complete', async () => {
  const key = await billhead.addMerchant('empty');
  expect((await billhead.ask(REPORT, {}, key)).invoiceNumberReport).toEqual({ is_complete: true, series: [] });
});

test('counts what was issued, refused calls and other merchants apart', async () => {
  await billhead.refusal(INVOICE_ITEMS, { input: { items: ['o-1'], invoice_id: 'twice' } });
  const series = {
    series: 'invoice',
    year,
    count: 8,
    counter: 8,
    first_sequence: 1,
    last_sequence: 8,
    first_number: `${year}-000001`,
    last_number: `${year}-000008`,
    is_complete: true,
    gaps: [],
    duplicates: [],
  };
  expect(await report()).toEqual({ is_complete: true, series: [series] });
  expect(await report({ year })).toEqual({ is_complete: true, series: [series] });
  expect(await report({ year: year - 1 })).toEqual({ is_complete: true, series: [] });
});

test('lists gaps at the beginning, within and at the end, and numbers that stand twice', async () => {
  await tamper(billhead.databaseUrl, `DELETE FROM invoices WHERE sequence IN (1, 3, 4, 8)`);
  await tamper(billhead.databaseUrl, 'ALTER TABLE invoices DROP CONSTRAINT invoices_merchant_id_number_key');
  await tamper(billhead.databaseUrl, 'DROP INDEX invoices_merchant_id_series_year_sequence_key').catch(() =>
    tamper(billhead.databaseUrl, 'ALTER TABLE invoices DROP CONSTRAINT invoices_merchant_id_series_year_sequence_key'),
  );
  await copyRow(database, 'invoices', 'o-4', { id: 'same-place' });
  await copyRow(database, 'invoices', 'o-5', { id: 'other-place', sequence: 11 });
  const { is_complete: isComplete, series } = await report();
  expect(isComplete).toBe(false);
  expect(series).toMatchObject([
    {
      count: 6,
      counter: 8,
      first_sequence: 2,
      last_sequence: 11,
      is_complete: false,
      gaps: [
        { first: 1, last: 1 },
        { first: 3, last: 4 },
        { first: 8, last: 8 },
        { first: 10, last: 10 },
      ],
      duplicates: [`${year}-000005`, `${year}-000006`],
    },
  ]);
});
