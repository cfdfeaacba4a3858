// Statements that go out together: when the database refuses one of them, nothing of its transaction stays.

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

/** The database refuses rows of `table` under a condition, as a constraint that we do not know of would. */
async function refuse(event: string, table: string, condition: string): Promise<void> {
  await database.query(`
    CREATE OR REPLACE FUNCTION refuse_for_the_test() RETURNS TRIGGER LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$;
    CREATE TRIGGER refused_for_the_test AFTER ${event} ON ${table} FOR EACH ROW WHEN (${condition})
      EXECUTE FUNCTION refuse_for_the_test()`);
}

test.each([
  ['the items', 'UPDATE', 'order_items', `NEW.id LIKE '%-7'`],
  ['the invoice', 'INSERT', 'invoices', `NEW.id LIKE '%-7'`],
  ['its lines, after the number was taken', 'INSERT', 'invoice_lines', `NEW.order_item_id LIKE '%-7'`],
])('a fault at %s leaves nothing of it, and those that came with it are issued without a gap', async (...fault) => {
  const [, event, table, condition] = fault;
  const merchant = `fault at ${table}`;
  const key = await billhead.addMerchant(merchant);
  const items = Array.from({ length: 20 }, (_, index) => item({ id: `i-${index}` }));
  await billhead.ask(PLACE_ORDER, { input: order('o', { items }) }, key);
  await refuse(event, table, condition);
  try {
    const answers = await Promise.all(
      items.map(({ id }) => billhead.graphql(INVOICE_ITEMS, { input: { items: [id], invoice_id: id } }, key)),
    );
    const failed = answers.flatMap(({ errors }, index) => (errors ? [index] : []));
    expect(failed).toEqual([7]);
    expect(answers[7]?.errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR');
  } finally {
    await database.query(`DROP TRIGGER refused_for_the_test ON ${table}`);
  }
  const { rows } = await database.query<{ issued: string; last: string; counter: string; untouched: string[] }>(
    `SELECT count(*) AS issued, max(sequence) AS last,
       (SELECT last_number FROM number_series WHERE merchant_id = $1) AS counter,
       (SELECT array_agg(id) FROM order_items WHERE merchant_id = $1 AND quantity_invoiced_e4 = 0) AS untouched
     FROM invoices WHERE merchant_id = $1`,
    [merchant],
  );
  expect(rows).toEqual([{ issued: '19', last: '19', counter: '19', untouched: ['i-7'] }]);
  // The same call succeeds once nothing stands in its way.
  const again = await billhead.ask(INVOICE_ITEMS, { input: { items: ['i-7'], invoice_id: 'i-7' } }, key);
  expect(again.invoiceItems.invoice.number).toMatch(/-000020$/);
});
