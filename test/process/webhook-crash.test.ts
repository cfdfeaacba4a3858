// A worker that ends while a webhook endpoint holds its answer: the event is told again, under the id that it had.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';
import { isSignedWith, startWebhookReceiver, type WebhookReceiver } from '../setup/webhook-receiver.ts';

let billhead: TestProduct;
let database: pg.Client;
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  billhead = await startTestProduct({ env: { WEBHOOKS_ALLOW_PRIVATE: 'true' } });
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
  await receiver.close();
});

async function startWorker() {
  const { databaseUrl, dataDir } = billhead;
  const env = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir, WEBHOOKS_ALLOW_PRIVATE: 'true' };
  const worker = startProcess('worker.ts', env);
  await worker.waitFor('worker.started');
  return worker;
}

const deliveries = async () =>
  (await billhead.ask('{ webhookDeliveries { nodes { webhook_id status attempts error } } }')).webhookDeliveries.nodes;

test('a worker is killed in the middle of a message: another one sends it once the lease has ended', async () => {
  // Holds its answer to the first message, and takes the others.
  receiver.answer('/hooks', (response, nth) => void (nth > 1 && response.writeHead(204).end()));
  const { createWebhookEndpoint } = await billhead.ask(`mutation { createWebhookEndpoint(input: {
    url: "${receiver.url}/hooks", events: [INVOICE_CREATED] }) { secret } }`);
  await billhead.ask(PLACE_ORDER, { input: order('o') });
  await billhead.ask(INVOICE_ITEMS, { input: { items: ['o-1'], invoice_id: 'i' } });
  const worker = await startWorker();
  await eventually(() => receiver.receivedAt('/hooks').length === 1, { timeoutMs: 30_000 });
  expect(await worker.end('SIGKILL')).toBe('SIGKILL');
  expect(await deliveries()).toMatchObject([{ status: 'PENDING', attempts: 1, error: null }]);
  const { rows } = await database.query(
    `SELECT due_at BETWEEN last_attempt_at + interval '15 seconds' AND last_attempt_at + interval '30 seconds' AS is_leased
     FROM webhook_deliveries`,
  );
  expect(rows).toEqual([{ is_leased: true }]);
  const next = await startWorker();
  await database.query(`UPDATE webhook_deliveries SET due_at = now() WHERE status = 'PENDING'`);
  await eventually(async () => (await deliveries())[0].status === 'SUCCEEDED', { timeoutMs: 30_000 });
  const copies = receiver.receivedAt('/hooks');
  expect(copies).toHaveLength(2);
  expect(copies[0]?.id).toBe(copies[1]?.id);
  expect(copies[0]?.body).toBe(copies[1]?.body);
  for (const copy of copies) expect(isSignedWith(createWebhookEndpoint.secret, copy)).toBe(true);
  expect(await deliveries()).toMatchObject([{ webhook_id: copies[0]?.id, status: 'SUCCEEDED', attempts: 2 }]);
  expect(await next.end('SIGTERM')).toBe(0);
}, 180_000);
