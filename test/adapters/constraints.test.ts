// The law in the database: what code got wrong does not get in, and no row points across merchants.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyRow } from '../setup/copy-row.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let database: pg.Client;

beforeAll(async () => {
  billhead = await startTestProduct();
  const otherKey = await billhead.addMerchant('other');
  for (const [id, key] of [
    ['o', billhead.apiKey],
    ['p', otherKey],
  ] as const) {
    const items = [item({ id: `${id}-1` }), item({ id: `${id}-2` })];
    await billhead.ask(PLACE_ORDER, { input: order(id, { items }) }, key);
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: `i-${id}` } }, key);
  }
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

const refused = (statement: string) =>
  database.query(statement).then(
    () => 'accepted',
    (error: pg.DatabaseError) => error.constraint ?? error.code,
  );

describe('a statement is refused that', () => {
  test.each([
    ['invoices an item twice', `UPDATE order_items SET quantity_invoiced_e4 = 40000 WHERE id = 'o-1'`, 'nothing_twice'],
    [
      'cancels what is invoiced',
      `UPDATE order_items SET quantity_canceled_e4 = 10000 WHERE id = 'o-1'`,
      'nothing_twice',
    ],
    [
      'gives back more than was taken',
      `UPDATE order_items SET quantity_invoiced_e4 = -10000 WHERE id = 'o-2'`,
      'nothing_twice',
    ],
    [
      'leaves a cent where no unit is left',
      `UPDATE order_items SET invoiced_ex_vat = invoiced_ex_vat - 1 WHERE id = 'o-1'`,
      'nothing_left_over',
    ],
    [
      'invoices more than the row',
      `UPDATE order_items SET invoiced_vat = total_vat + 1 WHERE id = 'o-2'`,
      'amounts_within_total',
    ],
    [
      'ships more than was ordered',
      `UPDATE order_items SET quantity_shipped_e4 = 20001 WHERE id = 'o-2'`,
      'shipped_within_ordered',
    ],
    [
      'makes an ordered row negative',
      `UPDATE order_items SET quantity_e4 = -10000 WHERE id = 'o-2'`,
      'contra_is_negative',
    ],
    [
      'charges VAT where there is none',
      `UPDATE order_items SET vat_category = 'E', vat_rate_e4 = 0 WHERE id = 'o-2'`,
      'only_standard_vat_is_charged',
    ],
    ['refunds more than was paid', `UPDATE invoices SET amount_refunded = 1 WHERE id = 'i-o'`, 'refunded_within_paid'],
    [
      'calls a PDF ready without a file',
      `UPDATE invoices SET pdf_status = 'READY', pdf_due_at = NULL WHERE id = 'i-o'`,
      'ready_has_a_file',
    ],
    [
      'puts another merchant’s item on an invoice',
      `UPDATE invoice_lines SET order_item_id = 'p-1' WHERE invoice_id = 'i-o'`,
      'invoice_lines_merchant_id_order_item_id_fkey',
    ],
    [
      'puts another merchant’s order on an invoice',
      `UPDATE invoice_orders SET order_id = 'p' WHERE invoice_id = 'i-o'`,
      'invoice_orders_merchant_id_order_id_fkey',
    ],
    [
      'moves an order to a customer that is not there',
      `UPDATE orders SET customer_id = 'nobody' WHERE id = 'o'`,
      'orders_merchant_id_customer_id_fkey',
    ],
  ])('%s', async (_, statement, constraint) => {
    expect(await refused(statement)).toBe(constraint);
  });
});

test('an invoice that takes a number twice is refused', async () => {
  const again = copyRow(database, 'invoices', 'i-o', { id: 'again' });
  await expect(again).rejects.toMatchObject({ constraint: 'invoices_merchant_id_number_key' });
});
/** Tables that belong to no merchant: the books of another party, and what signs for the whole installation. */
const OF_NO_MERCHANT = ['_prisma_migrations', 'test_gateway_entries', 'signing_keys'];

test('every primary, foreign and unique key begins with the merchant', async () => {
  const { rows } = await database.query<{ name: string; first: string }>(
    `
    SELECT c.conrelid::regclass || ' ' || c.conname AS name, a.attname AS first
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype IN ('p', 'f', 'u') AND c.connamespace = 'public'::regnamespace
      AND c.conrelid::regclass::text <> ALL ($1)`,
    [OF_NO_MERCHANT],
  );
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter(({ first }) => first !== 'merchant_id')).toEqual([]);
});
