// Plans for tables that have grown: an invoice costs the database no more because many were issued since it was empty.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { youngTables, type YoungTables } from '../../src/adapters/young-tables.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let database: pg.Client;
let tables: YoungTables;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  // Lest the autovacuum does what is looked for here.
  for (const table of ['orders', 'order_items', 'invoices', 'invoice_lines', 'invoice_orders']) {
    await database.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
  }
  tables = youngTables(billhead.databaseUrl);
});
afterAll(async () => {
  await tables.close();
  await database.end();
  await billhead.close();
});

/** Rows of invoices and of what belongs to them that were read, once the statistics know of so many invoices. */
async function rowsRead(invoices: number): Promise<number> {
  return eventually(async () => {
    // A connection tells what it did when it does something more, a second later at the soonest.
    await billhead.ask('{ customer(id: "customer-1") { id } }');
    const { rows } = await database.query<{ issued: string; read: string }>(
      `SELECT sum(n_tup_ins) FILTER (WHERE relname = 'invoices') AS issued,
         sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) AS read
       FROM pg_stat_user_tables WHERE relname IN ('invoices', 'invoice_lines', 'invoice_orders')`,
    );
    return Number(rows[0]?.issued) === invoices && { read: Number(rows[0]?.read) };
  }).then(({ read }) => read);
}

test('tables that have grown are counted once, and their invoices are looked up by key from then on', async () => {
  const items = Array.from({ length: 260 }, (_, index) => item({ id: `i-${index}` }));
  await billhead.ask(PLACE_ORDER, { input: order('o', { items }) });
  const issue = async (from: number, to: number) => {
    for (const { id } of items.slice(from, to)) await billhead.ask(INVOICE_ITEMS, { input: { items: [id] } });
    return rowsRead(to);
  };
  // Plans are made and kept while there is next to nothing.
  await issue(0, 220);
  expect(await tables.count()).toEqual(expect.arrayContaining(['invoice_lines', 'invoices', 'order_items']));
  expect(await tables.count()).toEqual([]);
  const before = await rowsRead(220);
  const read = (await issue(220, 260)) - before;
  // Found by their key: the same few for each, not the two hundred that are there.
  expect(read / 40).toBeLessThan(30);
});
