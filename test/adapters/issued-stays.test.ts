// The database refuses to change, add to, delete or empty what was issued, whoever asks with the rights of the product.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
/** The product's own user, who owns the tables. */
let database: pg.Client;

beforeAll(async () => {
  billhead = await startTestProduct();
  const items = [item({ id: 'o-1' }), item({ id: 'o-2' })];
  await billhead.ask(PLACE_ORDER, { input: order('o', { items }) });
  await billhead.ask(INVOICE_ITEMS, { input: { items: ['o-1'], invoice_id: 'i' } });
  await billhead.product.app.renderInvoice({ merchantId: 'demo', invoiceId: 'i' });
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

const outcomeOf = async (statement: string) => {
  await database.query('BEGIN');
  try {
    await database.query(statement);
    return 'accepted';
  } catch (error) {
    const { code, constraint, message } = error as pg.DatabaseError;
    return code === '23001' ? constraint : message;
  } finally {
    await database.query('ROLLBACK');
  }
};
const REFUSED = 'what_was_issued_stays';

/** Every other column is frozen: a new one has to be thought of here. */
const MAY_CHANGE: Readonly<Record<string, readonly string[]>> = {
  invoices: `state amount_paid amount_refunded amount_credited is_archived exclude_from_autopay pdf_status pdf_attempts
    pdf_error pdf_due_at updated_at sealed_sha256 pdf_ready_at`.split(/\s+/),
  invoice_lines: ['credited_e4', 'credited_ex_vat', 'credited_vat', 'credited_discount'],
  invoice_orders: [],
  sealed_invoices: [],
  invoice_chains: [],
};
const ANOTHER: Readonly<Record<string, (column: string) => string>> = {
  text: (column) =>
    `CASE WHEN ${column} ~ '^[0-9a-f]{64}$' THEN repeat('b', 64) ELSE coalesce(${column}, '') || 'x' END`,
  bigint: (column) => `${column} + 1`,
  integer: (column) => `${column} + 1`,
  boolean: (column) => `NOT ${column}`,
  date: (column) => `${column} + 1`,
  jsonb: (column) => `coalesce(${column}, '{}') || '{"name": "Somebody else"}'`,
  'timestamp with time zone': (column) => `coalesce(${column}, now()) + interval '1 second'`,
};

test('each frozen column of each table, and no other', async () => {
  // What a check or a foreign key would refuse before is not what is asked here.
  await database.query(`DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint WHERE contype IN ('c', 'f')
      AND (conrelid::regclass::text = ANY ('{${Object.keys(MAY_CHANGE).join(',')}}')
        OR confrelid::regclass::text = ANY ('{${Object.keys(MAY_CHANGE).join(',')}}'))
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.owner, c.conname); END LOOP; END $$`);
  let frozen = 0;
  for (const [table, mayChange] of Object.entries(MAY_CHANGE)) {
    const { rows } = await database.query<{ name: string; type: string }>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'`,
      [table],
    );
    expect(rows.length).toBeGreaterThan(3);
    for (const { name, type } of rows) {
      const outcome = await outcomeOf(`UPDATE ${table} SET ${name} = ${ANOTHER[type]?.(name)}`);
      expect({ table, name, outcome }).toEqual({
        table,
        name,
        outcome: mayChange.includes(name) ? 'accepted' : REFUSED,
      });
      frozen += Number(!mayChange.includes(name));
      expect(await outcomeOf(`UPDATE ${table} SET ${name} = ${name}`)).toBe('accepted');
    }
  }
  expect(frozen).toBeGreaterThan(60);
});

describe('a statement is refused that', () => {
  const tables = ['invoices', 'invoice_lines', 'invoice_orders', 'number_series', 'sealed_invoices', 'invoice_chains'];
  test.each(tables)('deletes from or empties %s', async (table) => {
    expect(await outcomeOf(`DELETE FROM ${table}`)).toBe(REFUSED);
    expect(await outcomeOf(`TRUNCATE ${table} CASCADE`)).toBe(REFUSED);
  });

  test('empties everything, from the merchants down', async () => {
    expect(await outcomeOf('TRUNCATE merchants CASCADE')).toBe(REFUSED);
  });

  test.each([
    ['sets a counter back', 'UPDATE number_series SET last_number = last_number - 1', REFUSED],
    ['moves a counter to another year', 'UPDATE number_series SET year = year + 1', REFUSED],
    ['moves a counter to another series', `UPDATE number_series SET series = 'x'`, REFUSED],
    ['and not one that moves it on', 'UPDATE number_series SET last_number = last_number + 1', 'accepted'],
    ['puts a PDF in the place of another', `UPDATE invoices SET pdf_sha256 = repeat('a', 64)`, REFUSED],
  ])('%s', async (_, statement, outcome) => {
    expect(await outcomeOf(statement)).toBe(outcome);
  });

  test.each(['invoice_lines', 'invoice_orders'])('adds to %s of an invoice that was issued before', async (table) => {
    const copy = `INSERT INTO ${table} SELECT (jsonb_populate_record(t, $1)).* FROM ${table} t`;
    const another = copy.replace('$1', `'{"position": 9, "order_id": null, "order_item_id": null}'`);
    expect(await outcomeOf(table === 'invoice_orders' ? another.replace('null', '"p"') : another)).toBe(REFUSED);
    // Even in a transaction that has touched the invoice itself.
    expect(
      await outcomeOf(
        `UPDATE invoices SET is_archived = true; ${table === 'invoice_orders' ? another.replace('null', '"p"') : another}`,
      ),
    ).toBe(REFUSED);
  });
});

test('the refusal says what to do instead', async () => {
  await expect(database.query(`UPDATE invoices SET memo = 'x'`)).rejects.toMatchObject({
    message: 'UPDATE of invoices is refused: what was issued never changes and never goes.',
    hint: 'A wrong invoice is cancelled or credited, by another document.',
    code: '23001',
    table: 'invoices',
  });
});
