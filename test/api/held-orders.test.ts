// An order that somebody holds for long: invoicing it fails after a while, costs nobody else more, and can be done later.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let somebody: pg.Client;

beforeAll(async () => {
  billhead = await startTestProduct();
  somebody = new pg.Client({ connectionString: billhead.databaseUrl });
  await somebody.connect();
});
afterAll(async () => {
  await somebody.end();
  await billhead.close();
});

test('it keeps those that came with it waiting no longer than for the lock, and is invoiced by the same call later', async () => {
  for (const id of ['first', 'held', 'free']) await billhead.ask(PLACE_ORDER, { input: order(id) });
  const settled: string[] = [];
  const invoice = (id: string) =>
    billhead.product.app
      .invoiceItems(billhead.actor, { items: [`${id}-1`], invoiceId: id })
      .finally(() => settled.push(id));
  await somebody.query('BEGIN');
  let held: PromiseSettledResult<unknown>;
  try {
    await somebody.query(`SELECT FROM orders WHERE id = 'held' FOR UPDATE`);
    // The first one begins alone; the others come meanwhile, and go together.
    const [first, together, free] = await Promise.allSettled(['first', 'held', 'free'].map(invoice));
    expect([first, free]).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    held = together as PromiseSettledResult<unknown>;
  } finally {
    await somebody.query('ROLLBACK');
  }
  expect(held).toMatchObject({
    status: 'rejected',
    reason: { code: '55P03', message: 'canceling statement due to lock timeout' },
  });
  expect(settled).toEqual(['first', 'free', 'held']);
  await invoice('held');
  const { rows } = await somebody.query('SELECT id, sequence::int FROM invoices ORDER BY sequence');
  expect(rows).toEqual(['first', 'free', 'held'].map((id, index) => ({ id, sequence: index + 1 })));
}, 60_000);
