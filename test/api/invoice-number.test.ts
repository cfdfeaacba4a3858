// Numbers: written as the merchant's pattern says, without a gap, through whichever operation they are given.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let database: pg.Client;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

const CREATE = `mutation Create($input: CreateInvoiceInput!) { createInvoice(input: $input) { invoice { number created_at } } }`;

test.each([
  ['{year}-{sequence:6}', (year: string, sequence: number) => `${year}-${String(sequence).padStart(6, '0')}`],
  ['{sequence:2}.{year}', (year: string, sequence: number) => `${String(sequence).padStart(2, '0')}.${year}`],
  ["F'{year}\\{sequence}/%s$1", (year: string, sequence: number) => `F'${year}\\${sequence}/%s$1`],
])('a merchant with %s goes on counting beyond 99', async (numberPattern, written) => {
  const merchant = `numbers of ${numberPattern}`;
  const key = await billhead.addMerchant(merchant, undefined, { numberPattern, timeZone: 'UTC' });
  const items = Array.from({ length: 12 }, (_, index) => item({ id: `i-${index}` }));
  await billhead.ask(PLACE_ORDER, { input: order('o', { items }) }, key);
  const year = String(new Date().getUTCFullYear());
  await database.query(`INSERT INTO number_series VALUES ($1, 'invoice', $2, 94)`, [merchant, year]);

  // They come in groups, and take their numbers together.
  const answers = await Promise.all(
    items.map(({ id }) => billhead.ask(INVOICE_ITEMS, { input: { items: [id], invoice_id: id } }, key)),
  );
  const line = { name: 'Advice', quantity: 1, unit_price: 100, vat_rate: '21' };
  const input = { customer_id: 'customer-1', currency: 'EUR', lines: [line] };
  const last = (await billhead.ask(CREATE, { input }, key)).createInvoice.invoice.number;

  const numbers = answers.map(({ invoiceItems }) => invoiceItems.invoice.number as string);
  const expected = Array.from({ length: 13 }, (_, index) => written(year, 95 + index));
  expect(new Set([...numbers, last])).toEqual(new Set(expected));
  expect(last).toBe(expected.at(-1));
  const { rows } = await database.query<{ number: string; sequence: string }>(
    'SELECT number, sequence FROM invoices WHERE merchant_id = $1 ORDER BY sequence',
    [merchant],
  );
  expect(rows.map(({ number, sequence }) => [number, Number(sequence)])).toEqual(
    expected.map((number, index) => [number, 95 + index]),
  );
});
