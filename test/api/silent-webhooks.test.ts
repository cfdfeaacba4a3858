// Endpoints that do not answer at all: they rest, and whatever they are owed takes nobody else's place.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBullmqWorker } from '../../src/adapters/bullmq-worker.ts';
import { eventually } from '../setup/eventually.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { quietLog } from '../setup/quiet-log.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../setup/webhook-receiver.ts';
import { CREATE_ENDPOINT, subscribedMerchant } from '../setup/webhook-subscriber.ts';

let receiver: WebhookReceiver;
/** Without a worker: what is owed stays until a test sends it. */
let still: TestProduct;
let database: pg.Client;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  still = await startTestProduct({ env: { WEBHOOKS_ALLOW_PRIVATE: 'true' } });
  database = new pg.Client({ connectionString: still.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await still.close();
  await receiver.close();
});

/** A merchant that is told of new invoices, with so many of them. */
async function owed(invoices: number) {
  const shop = await subscribedMerchant(still, receiver, ['INVOICE_CREATED']);
  for (let index = 0; index < invoices; index += 1) await shop.issue(`i-${index}`);
  const deliver = () => still.product.app.deliverWebhooks(shop.reference);
  const rest = async () => {
    const { rows } = await database.query<{ until: Date | null }>(
      'SELECT rests_until AS until FROM webhook_endpoints WHERE merchant_id = $1',
      [shop.merchantId],
    );
    return rows[0]?.until ?? null;
  };
  const endRest = () =>
    database.query('UPDATE webhook_endpoints SET rests_until = now() WHERE merchant_id = $1', [shop.merchantId]);
  const breakOff = () => receiver.answer(shop.path, (response) => response.socket?.destroy());
  const take = () => receiver.answer(shop.path, (response) => response.writeHead(204).end());
  return { ...shop, deliver, rest, endRest, breakOff, take };
}

describe('an endpoint that did not answer', () => {
  test('rests, whichever delivery is due; then one alone is tried, and when that is answered all the others', async () => {
    const shop = await owed(6);
    shop.breakOff();
    await shop.deliver();
    expect(shop.received()).toHaveLength(4);
    const restsMs = ((await shop.rest())?.getTime() ?? 0) - Date.now();
    expect(restsMs).toBeGreaterThan(20_000);
    expect(restsMs).toBeLessThan(40_000);
    await shop.issue('later');
    await shop.deliver();
    expect(shop.received()).toHaveLength(4);
    await shop.endRest();
    await shop.deliver();
    expect(shop.received()).toHaveLength(5);
    await shop.deliver();
    expect(shop.received()).toHaveLength(5);
    shop.take();
    await shop.endRest();
    await shop.deliver();
    expect(await shop.rest()).toBeNull();
    // The five that failed wait for their own next attempt; the two that were never tried went through.
    expect(shop.received()).toHaveLength(7);
    expect(await shop.deliveries({ statuses: ['SUCCEEDED'] })).toHaveLength(2);
    for (const one of await shop.deliveries({ statuses: ['PENDING'] })) {
      expect(one).toMatchObject({ attempts: 1, error: 'It broke the connection off.' });
      const pauseMs = Date.parse(one.next_attempt_at) - Date.parse(one.last_attempt_at);
      expect(pauseMs).toBeLessThan(15_000);
    }
  });

  test('with anything but a status; one that says no goes on to be told of the next event', async () => {
    const shop = await owed(6);
    receiver.answer(shop.path, (response) => response.writeHead(500).end());
    await shop.deliver();
    expect(shop.received()).toHaveLength(6);
    expect(await shop.rest()).toBeNull();
    const gone = await owed(1);
    const update = `mutation Move($input: UpdateWebhookEndpointInput!) { updateWebhookEndpoint(input: $input) { endpoint { id } } }`;
    const moveTo = (url: string) => gone.ask(update, { input: { endpoint_id: gone.endpointId, url } });
    const refusing = await startWebhookReceiver();
    await refusing.close();
    await moveTo(refusing.url);
    await gone.deliver();
    expect(await gone.deliveries()).toMatchObject([{ attempts: 1, error: 'It refused the connection.' }]);
    expect(await gone.rest()).not.toBeNull();
    // At another address nobody has been silent yet.
    await moveTo(receiver.url + gone.path);
    expect(await gone.rest()).toBeNull();
    await gone.issue('next');
    await gone.deliver();
    expect(gone.received()).toHaveLength(1);
  });

  test('is tried again by the sweep alone, few of them at a time, and all the others in the same round', async () => {
    const well = await owed(1);
    const silent = await owed(0);
    const input = { url: `${receiver.url}${silent.path}`, events: ['INVOICE_CREATED'] };
    for (let index = 1; index < 8; index += 1) await silent.ask(CREATE_ENDPOINT, { input });
    await silent.issue('i');
    // The later it was made, the longer it has rested; one of them rests still.
    await database.query(
      `UPDATE webhook_endpoints AS endpoint SET ask_again_at = NULL, rests_until = now() + (1.5 - place) * interval '1 minute'
       FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS place FROM webhook_endpoints WHERE merchant_id = $1) AS made
       WHERE endpoint.merchant_id = $1 AND endpoint.id = made.id`,
      [silent.merchantId],
    );
    const asked = async () => {
      await still.product.app.sweepOwedWork();
      const { rows } = await database.query<{ merchant_id: string; place: number }>(
        `SELECT * FROM (
           SELECT merchant_id, ask_again_at, row_number() OVER (PARTITION BY merchant_id ORDER BY created_at, id)::int AS place
           FROM webhook_endpoints WHERE merchant_id = ANY($1)) AS endpoint
         WHERE ask_again_at > now() ORDER BY place`,
        [[well.merchantId, silent.merchantId]],
      );
      return {
        well: rows.filter(({ merchant_id: id }) => id === well.merchantId).map(({ place }) => place),
        silent: rows.filter(({ merchant_id: id }) => id === silent.merchantId).map(({ place }) => place),
      };
    };
    expect(await asked()).toEqual({ well: [1], silent: [4, 5, 6, 7, 8] });
    expect(await asked()).toEqual({ well: [1], silent: [2, 3, 4, 5, 6, 7, 8] });
  });
});

test('endpoints that hang hold up no other endpoint, however much they are owed', async () => {
  const hanging = await Promise.all([owed(7), owed(7)]);
  const well = await owed(0);
  for (const shop of hanging) receiver.answer(shop.path, () => {});
  const { app, databaseUrl } = still.product;
  // A worker with as many places as there are endpoints that hang.
  const worker = await startBullmqWorker({
    databaseUrl,
    log: quietLog,
    concurrency: { renderInvoice: 1, sendEmail: 1, sendWebhooks: hanging.length },
    handlers: {
      renderInvoice: async () => {},
      sendEmail: async () => {},
      sendWebhooks: (reference) => app.deliverWebhooks(reference),
    },
  });
  try {
    await eventually(
      async () => {
        await app.sweepOwedWork();
        for (const shop of hanging) {
          const tried = (await shop.deliveries()).filter(({ error }: { error: string | null }) => error !== null);
          expect(tried.length).toBeGreaterThanOrEqual(4);
        }
        return true;
      },
      { timeoutMs: 60_000 },
    );
    // Three of each were never tried and are due, and whoever asks for them asks before the other endpoint is owed anything.
    const endpoints = hanging.map(({ reference }) => reference);
    await database.query('UPDATE webhook_endpoints SET ask_again_at = NULL WHERE merchant_id = ANY($1)', [
      endpoints.map(({ merchantId }) => merchantId),
    ]);
    await app.sweepOwedWork();
    for (const shop of hanging) await shop.issue('one-more');
    await well.issue('i');
    await eventually(() => well.received().length === 1, { timeoutMs: 60_000 });
    // Had they been tried again, they would have had the places, and the other one would have come after them.
    expect(hanging.map((shop) => shop.received().length)).toEqual([4, 4]);
  } finally {
    await worker.close();
  }
}, 120_000);
