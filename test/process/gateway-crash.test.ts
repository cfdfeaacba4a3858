// A server that dies around a call of the payment gateway: in the end there is exactly one capture and one invoice.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { gatewayEntries, orderHolding, ORDER_TOTAL } from '../setup/gateway.ts';
import { PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';

let billhead: TestProduct;
let database: pg.Client;
let worker: RunningProcess;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  worker = startProcess('worker.ts', env());
  await worker.waitFor('worker.started');
}, 60_000);
afterAll(async () => {
  await worker.end('SIGTERM');
  await database.end();
  await billhead.close();
});

const env = () => ({ DATABASE_URL: billhead.databaseUrl, DATA_DIR: billhead.dataDir, PORT: '0' });

/** Asks a server of its own for an invoice paid ONLINE, and kills it as soon as `isTime`. */
async function killedWhile(id: string, isTime: () => Promise<boolean>): Promise<void> {
  const server = startProcess('server.ts', env());
  const [, address = ''] = /"address":"([^"]+)"/.exec(await server.waitFor('server.listening')) ?? [];
  const query = 'mutation M($input: InvoiceOrderInput!) { invoiceOrder(input: $input) { invoice { id } } }';
  const input = { order_id: id, capture: 'ONLINE', invoice_id: id, comment: 'Paid by card' };
  const answer = billhead.graphql(query, { input }, billhead.apiKey, address).catch(() => 'no answer');
  await eventually(isTime);
  expect(await server.end('SIGKILL')).toBe('SIGKILL');
  expect(await answer).toBe('no answer');
}

const calls = async (invoiceId: string) =>
  (await database.query<{ status: string }>('SELECT status FROM gateway_calls WHERE invoice_id = $1', [invoiceId]))
    .rows;

/** The sweep asks about a call once its caller must have given up; for this test that is now. */
const comeDue = (invoiceId: string) =>
  database.query('UPDATE gateway_calls SET due_at = now() WHERE invoice_id = $1 AND due_at IS NOT NULL', [invoiceId]);

async function expectOneOfEach(id: string, authorization: string): Promise<void> {
  await comeDue(id);
  const invoice = await eventually(
    async () =>
      (
        await billhead.ask(
          `{ invoice(id: "${id}") { state comments { comment } reimbursement { amount_paid payments { amount status } } } }`,
        )
      ).invoice,
  );
  expect(invoice).toEqual({
    state: 'PAID',
    comments: [{ comment: 'Paid by card' }],
    reimbursement: { amount_paid: ORDER_TOTAL, payments: [{ amount: ORDER_TOTAL, status: 'SUCCEEDED' }] },
  });
  expect(await gatewayEntries(billhead.databaseUrl, authorization)).toMatchObject([
    { kind: 'CAPTURE', status: 'SUCCEEDED', amount: ORDER_TOTAL },
  ]);
  const { order } = await billhead.ask(`{ order(id: "${id}") { status invoices { id } } }`);
  expect(order).toEqual({ status: 'PROCESSING', invoices: [{ id }] });
  expect(await calls(id)).toEqual([{ status: 'SUCCEEDED' }]);
}

describe('the server is killed', () => {
  test('between the gateway’s yes and our commit', async () => {
    await billhead.ask(PLACE_ORDER, { input: orderHolding('crash-yes', 'auth_timeout_crash') });
    await killedWhile(
      'crash-yes',
      async () => (await gatewayEntries(billhead.databaseUrl, 'auth_timeout_crash')).length > 0,
    );
    expect(await calls('crash-yes')).toEqual([{ status: 'ASKED' }]);
    const { invoice } = await billhead.ask(`{ invoice(id: "crash-yes") { id } }`);
    expect(invoice).toBeNull();
    await expectOneOfEach('crash-yes', 'auth_timeout_crash');
  }, 60_000);

  test('after the call was saved, before the gateway heard of it', async () => {
    await billhead.ask(PLACE_ORDER, { input: orderHolding('crash-early', 'auth_crash_early') });
    await database.query('BEGIN');
    // The gateway's books are closed: the call cannot come through.
    await database.query('LOCK TABLE test_gateway_entries IN ACCESS EXCLUSIVE MODE');
    const watcher = new pg.Client({ connectionString: billhead.databaseUrl });
    await watcher.connect();
    await killedWhile('crash-early', async () => {
      const { rows } = await watcher.query(`SELECT FROM gateway_calls WHERE invoice_id = 'crash-early'`);
      return rows.length > 0;
    });
    await watcher.end();
    await database.query('ROLLBACK');
    await expectOneOfEach('crash-early', 'auth_crash_early');
  }, 60_000);
});
