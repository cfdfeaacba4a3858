// From an event to the consumer of a merchant: told in its transaction, signed, tried again, and never told wrongly.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startSmtp, type TestSmtp } from '../setup/smtp.ts';
import { isSignedWith, startWebhookReceiver, type WebhookReceiver } from '../setup/webhook-receiver.ts';
import { CREATE_ENDPOINT, DELIVERIES, subscribedMerchant } from '../setup/webhook-subscriber.ts';

const UPDATE = `mutation Update($input: UpdateWebhookEndpointInput!) { updateWebhookEndpoint(input: $input) {
  endpoint { id url description events is_enabled disabled_reason } } }`;
const ROTATE = `mutation Rotate($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) {
  secret endpoint { former_secret_expires_at } } }`;
const RESEND = `mutation Resend($id: String!) { resendWebhookDelivery(input: { delivery_id: $id }) {
  delivery { id webhook_id status attempts } } }`;
const DELETE = `mutation Delete($id: String!) { deleteWebhookEndpoint(input: { endpoint_id: $id }) { endpoint_id } }`;
const ENDPOINTS = '{ webhookEndpoints { id url is_enabled disabled_reason description } }';
const INVOICE_ORDER = `mutation InvoiceOrder($input: InvoiceOrderInput!) { invoiceOrder(input: $input) { invoice { id } } }`;

const EVENTS = ['CREATED', 'PAID', 'CANCELED', 'CREDITED', 'PDF_READY', 'EMAIL_FAILED'].map(
  (name) => `INVOICE_${name}`,
);

let receiver: WebhookReceiver;
let smtp: TestSmtp;
/** Without a worker: what is owed stays until a test sends it. */
let still: TestProduct;
let billhead: TestProduct;
let database: pg.Client;

beforeAll(async () => {
  receiver = await startWebhookReceiver();
  smtp = await startSmtp({
    onRecipient: (address) => (address.startsWith('nobody') ? { code: 550, reason: 'no such user' } : null),
  });
  const env = { WEBHOOKS_ALLOW_PRIVATE: 'true' };
  billhead = await startTestProduct({ withWorker: true, smtpUrl: smtp.url, env });
  still = await startTestProduct({ env });
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
  await still.close();
  await smtp.close();
  await receiver.close();
});

const subscribed = (events: readonly string[] = EVENTS, product = billhead) =>
  subscribedMerchant(product, receiver, events);

const soon = <T>(check: () => T | Promise<T>) => eventually(check, { timeoutMs: 20_000 });

describe('an endpoint is told', () => {
  test('that an invoice was created and that its PDF is ready, signed so that the consumer’s library takes it', async () => {
    const shop = await subscribed();
    await shop.issue('i');
    await soon(() => shop.received().length === 2);
    expect(shop.types().toSorted()).toEqual(['invoice.created', 'invoice.pdf_ready']);
    const created = shop.received().find(({ message }) => message.type === 'invoice.created');
    const { invoice } = await shop.ask('{ invoice(id: "i") { number created_at pdf { sha256 } } }');
    expect(created?.message).toEqual({
      type: 'invoice.created',
      timestamp: invoice.created_at,
      data: {
        invoice_id: 'i',
        number: invoice.number,
        type: 'INVOICE',
        state: 'OPEN',
        customer_id: 'customer-1',
        order_ids: ['i'],
        currency: 'EUR',
        total_ex_vat: 2000,
        total_vat: 420,
        total: 2420,
        amount_due: 2420,
        amount_paid: 0,
        amount_refunded: 0,
        amount_credited: 0,
        corrects_invoice_id: null,
      },
    });
    const ready = shop.received().find(({ message }) => message.type === 'invoice.pdf_ready');
    expect(ready?.message.data).toMatchObject({ invoice_id: 'i', pdf_sha256: invoice.pdf.sha256 });
    for (const one of shop.received()) {
      expect(one.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Billhead-Webhooks/1' });
      expect(isSignedWith(shop.secret, one)).toBe(true);
      expect(isSignedWith(shop.secret, { ...one, body: one.body.replace('2420', '2421') })).toBe(false);
    }
    expect(shop.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    await soon(async () => {
      const deliveries = await shop.deliveries();
      expect(deliveries.map(({ webhook_id: id }: { webhook_id: string }) => id).toSorted()).toEqual(
        shop
          .received()
          .map(({ id }) => id)
          .toSorted(),
      );
      for (const one of deliveries) {
        expect(one).toMatchObject({
          status: 'SUCCEEDED',
          attempts: 1,
          response_status: 204,
          next_attempt_at: null,
          error: null,
        });
      }
      return true;
    });
  });

  test('that an invoice is paid: at once, at the gateway, and when the last of it came in, but once only', async () => {
    const shop = await subscribed(['INVOICE_PAID']);
    await shop.place('at-once');
    await shop.ask(INVOICE_ORDER, { input: { order_id: 'at-once', invoice_id: 'at-once' } });
    await shop.place('captured', { payment: { method: 'card', authorization: 'auth_1' } });
    await shop.ask(INVOICE_ORDER, { input: { order_id: 'captured', capture: 'ONLINE', invoice_id: 'captured' } });
    await shop.issue('in-parts');
    const pay = (amount: number) =>
      shop.ask(
        `mutation { registerPayment(input: { invoice_id: "in-parts", amount: ${amount}, method: "cash" }) { invoice { state } } }`,
      );
    await pay(420);
    await pay(2000);
    await shop.ask('mutation { archiveInvoice(input: { invoice_id: "in-parts" }) { invoice { id } } }');
    await soon(() => shop.received().length === 3);
    const told = shop
      .received()
      .map(({ message: { data } }) => `${data.invoice_id} ${data.state} ${data.amount_paid} ${data.amount_due}`);
    expect(told.toSorted()).toEqual(['at-once', 'captured', 'in-parts'].map((id) => `${id} PAID 2420 0`));
    expect(await shop.deliveries()).toHaveLength(3);
  });

  test('that an invoice is cancelled, by hand or by a void at the gateway', async () => {
    const shop = await subscribed(['INVOICE_CANCELED']);
    await shop.issue('by-hand');
    await shop.ask('mutation { cancelInvoice(input: { invoice_id: "by-hand" }) { invoice { id } } }');
    await shop.place('void', { payment: { method: 'card', authorization: 'auth_1' } });
    await shop.ask(INVOICE_ORDER, { input: { order_id: 'void', capture: 'ONLINE', invoice_id: 'void' } });
    await shop.ask('mutation { voidInvoice(input: { invoice_id: "void" }) { invoice { id } } }');
    await soon(() => shop.received().length === 2);
    const told = shop.received().map(({ message: { data } }) => `${data.invoice_id} ${data.state}`);
    expect(told.toSorted()).toEqual(['by-hand CANCELED', 'void CANCELED']);
  });

  test('that an invoice is credited, and of the credit invoice that was created for it', async () => {
    const shop = await subscribed(['INVOICE_CREATED', 'INVOICE_CREDITED']);
    await shop.place('o');
    await shop.ask(INVOICE_ORDER, { input: { order_id: 'o', invoice_id: 'i' } });
    await shop.ask(
      `mutation { cancelOrderItems(input: { order_id: "o", items: [{ id: "o-1", quantity: 1, contra_item_id: "c" }] }) { order { id } } }`,
    );
    await shop.ask('mutation { refundPayment(input: { invoice_id: "i" }) { invoice { id } } }');
    await shop.ask(INVOICE_ITEMS, { input: { items: ['c'], invoice_id: 'credit' } });
    await soon(() => shop.received().length === 3);
    const told = new Map(
      shop.received().map(({ message }) => [`${message.type} ${message.data.invoice_id}`, message.data]),
    );
    expect([...told.keys()].toSorted()).toEqual(['invoice.created credit', 'invoice.created i', 'invoice.credited i']);
    expect(told.get('invoice.created credit')).toMatchObject({
      type: 'CREDIT_INVOICE',
      total: -1210,
      corrects_invoice_id: 'i',
      order_ids: ['o'],
    });
    expect(told.get('invoice.credited i')).toMatchObject({
      type: 'INVOICE',
      credit_invoice_id: 'credit',
      amount_credited: 1210,
      amount_refunded: 1210,
      total: 2420,
    });
  });

  test('that a mail was given up: refused for good, or too old', async () => {
    const shop = await subscribed(['INVOICE_EMAIL_FAILED']);
    await shop.issue('i');
    const send = (to: string) =>
      shop.ask(`mutation { sendInvoiceEmail(input: { invoice_id: "i", to: "${to}" }) { invoice { emails { id } } } }`);
    await send('ada@example.com');
    const { sendInvoiceEmail } = await send('nobody@example.com');
    await soon(() => shop.received().length === 1);
    expect(shop.received()[0]?.message.data).toMatchObject({
      invoice_id: 'i',
      email_id: sendInvoiceEmail.invoice.emails[1].id,
      reason: expect.stringContaining('550') as string,
    });
    await database.query(
      `INSERT INTO invoice_emails (merchant_id, id, invoice_id, recipient, due_at, created_at)
       VALUES ($1, 'old', 'i', 'ada@example.com', now(), now() - interval '25 hours')`,
      [shop.merchantId],
    );
    await soon(() => shop.received().length === 2);
    expect(shop.received()[1]?.message.data).toMatchObject({
      email_id: 'old',
      reason: 'It could not be sent within 24 hours.',
    });
  });

  test('of what it asked for alone, each endpoint under the same id', async () => {
    const shop = await subscribed(['INVOICE_CREATED']);
    const second = {
      url: `${receiver.url}${shop.path}-second`,
      events: ['INVOICE_CREATED', 'INVOICE_CREATED', 'INVOICE_PDF_READY'],
    };
    const { createWebhookEndpoint } = await shop.ask(CREATE_ENDPOINT, { input: second });
    expect(createWebhookEndpoint.endpoint.events).toEqual(['INVOICE_CREATED', 'INVOICE_PDF_READY']);
    await shop.issue('i');
    await soon(() => receiver.receivedAt(`${shop.path}-second`).length === 2);
    await soon(() => shop.received().length === 1);
    const [first] = shop.received();
    const twin = receiver.receivedAt(`${shop.path}-second`).find(({ message }) => message.type === 'invoice.created');
    expect([twin?.id, twin?.body]).toEqual([first?.id, first?.body]);
    expect(isSignedWith(createWebhookEndpoint.secret, twin as never)).toBe(true);
    expect(isSignedWith(shop.secret, twin as never)).toBe(false);
  });

  test('nothing of other merchants', async () => {
    const one = await subscribed(['INVOICE_CREATED']);
    const other = await subscribed(['INVOICE_CREATED']);
    await one.issue('same');
    await soon(() => one.received().length === 1);
    expect(await other.deliveries()).toEqual([]);
    await other.issue('same');
    await soon(() => other.received().length === 1);
    expect(one.received()).toHaveLength(1);
    expect(one.received()[0]?.id).not.toBe(other.received()[0]?.id);
  });
});

describe('what did not happen', () => {
  test('is told to nobody: a transaction that is refused leaves no delivery', async () => {
    const shop = await subscribed(EVENTS, still);
    await shop.place('o', { payment: { method: 'card', authorization: 'auth_decline' } });
    const refused = await still.graphql(
      INVOICE_ORDER,
      { input: { order_id: 'o', capture: 'ONLINE', invoice_id: 'i' } },
      shop.key,
    );
    expect(refused.errors?.[0]?.extensions.code).toBe('PAYMENT_GATEWAY_ERROR');
    const again = await still.graphql(INVOICE_ITEMS, { input: { items: ['o-1', 'nothing'] } }, shop.key);
    expect(again.errors?.[0]?.extensions.code).toBe('NOT_INVOICEABLE');
    expect(await shop.deliveries()).toEqual([]);
  });

  test('and nothing is told twice: the same call again, or a PDF that is made anew', async () => {
    const shop = await subscribed(EVENTS, still);
    await shop.issue('i');
    await shop.ask(INVOICE_ITEMS, { input: { items: ['i-1'], invoice_id: 'i' } });
    const reference = { merchantId: shop.merchantId, invoiceId: 'i' };
    await still.product.app.renderInvoice(reference);
    expect((await shop.deliveries()).map(({ event }: { event: string }) => event).toSorted()).toEqual([
      'INVOICE_CREATED',
      'INVOICE_PDF_READY',
    ]);
    const own = new pg.Client({ connectionString: still.databaseUrl });
    await own.connect();
    await own.query(
      `UPDATE invoices SET pdf_status = 'PENDING', pdf_sha256 = NULL, pdf_due_at = now(), updated_at = now() WHERE merchant_id = $1`,
      [shop.merchantId],
    );
    await still.product.app.renderInvoice(reference);
    expect(await shop.deliveries()).toHaveLength(2);
    // Of a PDF that was ready before anybody noted when, nobody knows whether it was told.
    await own.query(`UPDATE invoices SET pdf_ready_at = NULL WHERE merchant_id = $1`, [shop.merchantId]);
    await own.query(
      `UPDATE invoices SET pdf_status = 'PENDING', pdf_sha256 = NULL, pdf_due_at = now(), updated_at = now() WHERE merchant_id = $1`,
      [shop.merchantId],
    );
    await own.end();
    await still.product.app.renderInvoice(reference);
    expect((await shop.ask('{ invoice(id: "i") { pdf { status } } }')).invoice.pdf.status).toBe('READY');
    expect(await shop.deliveries()).toHaveLength(2);
  });
});

describe('an endpoint that says no', () => {
  const due = async (merchantId: string) => {
    await database.query(
      `UPDATE webhook_endpoints SET rests_until = now() WHERE merchant_id = $1 AND rests_until > now()`,
      [merchantId],
    );
    await database.query(`UPDATE webhook_deliveries SET due_at = now() WHERE merchant_id = $1 AND status = 'PENDING'`, [
      merchantId,
    ]);
  };

  test('is asked again later, with the same message under the same id, until it says yes', async () => {
    const shop = await subscribed(['INVOICE_CREATED']);
    receiver.answer(shop.path, (response, nth) => {
      if (nth === 1)
        response
          .writeHead(500, { 'content-type': 'text/html' })
          .end('<h1>Sorry</h1> password=hunter2 \u0000ada@example.com');
      else if (nth === 2) response.writeHead(302, { location: `${receiver.url}${shop.path}-elsewhere` }).end();
      else if (nth === 3) response.socket?.destroy();
      else response.writeHead(200).end('thanks');
    });
    await shop.issue('i');
    const failedWith = async (attempts: number, error: string, status: number | null) => {
      const [delivery] = await soon(async () => {
        const found = await shop.deliveries();
        expect(found[0]).toMatchObject({ status: 'PENDING', attempts, error, response_status: status });
        return found;
      });
      const pauseMs = Date.parse(delivery.next_attempt_at) - Date.parse(delivery.last_attempt_at);
      expect(pauseMs).toBeGreaterThan(5_000 * 3 ** (attempts - 1) * 0.8 - 1);
      expect(pauseMs).toBeLessThan(5_000 * 3 ** (attempts - 1) * 1.2 + 5_000);
      await due(shop.merchantId);
      return delivery;
    };
    const first = await failedWith(1, 'It answered 500.', 500);
    expect(first.response).toBe('<h1>Sorry</h1> password=[redacted] [redacted]');
    await failedWith(2, 'It answered 302; redirects are not followed.', 302);
    await failedWith(3, 'It broke the connection off.', null);
    await soon(async () => (await shop.deliveries())[0].status === 'SUCCEEDED');
    expect((await shop.deliveries())[0]).toMatchObject({
      attempts: 4,
      error: null,
      response_status: 200,
      response: 'thanks',
      next_attempt_at: null,
    });
    expect(shop.received()).toHaveLength(4);
    expect(new Set(shop.received().map(({ id, body }) => `${id} ${body}`)).size).toBe(1);
    expect(receiver.receivedAt(`${shop.path}-elsewhere`)).toEqual([]);
    for (const one of shop.received()) expect(isSignedWith(shop.secret, one)).toBe(true);
  });

  test('is left alone as long as it asks for, within limits', async () => {
    const shop = await subscribed(['INVOICE_CREATED']);
    receiver.answer(shop.path, (response, nth) =>
      response.writeHead(429, { 'retry-after': nth === 1 ? '120' : '999999' }).end(),
    );
    await shop.issue('i');
    for (const [attempts, pauseMs] of [
      [1, 120_000],
      [2, 3 * 3_600_000],
    ] as const) {
      await soon(async () => {
        const [{ next_attempt_at: next, last_attempt_at: last, ...delivery }] = await shop.deliveries();
        expect(delivery).toMatchObject({ attempts, response_status: 429, error: 'It answered 429.' });
        expect(Date.parse(next) - Date.parse(last)).toBeGreaterThanOrEqual(pauseMs);
        expect(Date.parse(next) - Date.parse(last)).toBeLessThan(pauseMs + 5_000);
        return true;
      });
      await due(shop.merchantId);
    }
  });

  test('for a day is given up, and told again only when that is asked for', async () => {
    const shop = await subscribed(['INVOICE_CREATED']);
    receiver.answer(shop.path, (response, nth) => response.writeHead(nth < 3 ? 503 : 204).end());
    await shop.issue('i');
    // Counted when it begins; what came of it must stand there as well, or it would be what gives up.
    await soon(async () => (await shop.deliveries())[0]?.error === 'It answered 503.');
    await database.query(
      `UPDATE webhook_deliveries SET due_at = now(), first_attempt_at = now() - interval '24 hours' WHERE merchant_id = $1`,
      [shop.merchantId],
    );
    await soon(async () => (await shop.deliveries())[0].status === 'FAILED');
    const [given] = await shop.deliveries();
    expect(given).toMatchObject({ attempts: 2, error: 'It answered 503.', next_attempt_at: null });
    const { resendWebhookDelivery } = await shop.ask(RESEND, { id: given.id });
    expect(resendWebhookDelivery.delivery).toMatchObject({
      webhook_id: given.webhook_id,
      status: 'PENDING',
      attempts: 0,
    });
    expect(resendWebhookDelivery.delivery.id).not.toBe(given.id);
    await soon(async () => (await shop.deliveries({ statuses: ['SUCCEEDED'] })).length === 1);
    expect((await shop.deliveries({ statuses: ['FAILED'] }))[0].id).toBe(given.id);
    expect(new Set(shop.received().map(({ id, body }) => id + body)).size).toBe(1);
    expect(shop.received()).toHaveLength(3);
  });

  test('with 410 is disabled, with all that it was owed, until it is enabled again', async () => {
    const shop = await subscribed(['INVOICE_CREATED'], still);
    receiver.answer(shop.path, (response) => response.writeHead(410).end());
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await shop.issue(id);
    await still.product.app.deliverWebhooks(shop.reference);
    expect((await shop.ask(ENDPOINTS)).webhookEndpoints).toEqual([
      expect.objectContaining({ is_enabled: false, disabled_reason: 'The endpoint answered 410 Gone.' }),
    ]);
    expect(shop.received()).toHaveLength(4);
    const ended = await shop.deliveries();
    expect(ended).toHaveLength(6);
    for (const one of ended) {
      // Which of the answers came first, nobody can say.
      expect(one).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/answered 410/) as string });
    }
    await shop.issue('g');
    expect(await shop.deliveries()).toHaveLength(6);
    const refusal = await still.refusal(RESEND, { id: ended[0].id }, shop.key);
    expect([refusal.extensions.code, refusal.message]).toEqual([
      'CONFLICT',
      'The webhook endpoint of this delivery is disabled.',
    ]);
    const enabled = await shop.ask(UPDATE, { input: { endpoint_id: shop.endpointId, is_enabled: true } });
    expect(enabled.updateWebhookEndpoint.endpoint).toMatchObject({ is_enabled: true, disabled_reason: null });
    await shop.issue('h');
    expect(await shop.deliveries({ statuses: ['PENDING'] })).toHaveLength(1);
  });
});

describe('an event is told although', () => {
  test('whoever made it happen died between commit and enqueue: the sweep finds it', async () => {
    const shop = await subscribed(['INVOICE_CANCELED'], still);
    await shop.issue('i');
    const own = new pg.Client({ connectionString: still.databaseUrl });
    await own.connect();
    // Nobody asks the queue for what is committed here.
    await own.query(`UPDATE invoices SET state = 'CANCELED', updated_at = now() WHERE merchant_id = $1`, [
      shop.merchantId,
    ]);
    await own.end();
    expect(await shop.deliveries()).toEqual([expect.objectContaining({ status: 'PENDING', attempts: 0 })]);
    const worker = await still.addWorker();
    await soon(() => shop.received().length === 1);
    await worker.close();
  });

  test('its worker died in the middle: told again under the same id once the lease has ended', async () => {
    const shop = await subscribed(['INVOICE_CREATED'], still);
    await shop.issue('i');
    receiver.answer(shop.path, (response, nth) =>
      nth === 1 ? response.socket?.destroy() : response.writeHead(204).end(),
    );
    const own = new pg.Client({ connectionString: still.databaseUrl });
    await own.connect();
    const taken = async (seconds: string) => {
      await own.query(
        `UPDATE webhook_deliveries SET attempts = 1, due_at = now() + $2::interval, first_attempt_at = now(), last_attempt_at = now()
         WHERE merchant_id = $1`,
        [shop.merchantId, seconds],
      );
      await own.query(`UPDATE webhook_endpoints SET rests_until = NULL WHERE merchant_id = $1`, [shop.merchantId]);
    };
    await still.product.app.deliverWebhooks(shop.reference);
    expect(shop.received()).toHaveLength(1);
    // As it stands when nobody could say what became of the first attempt.
    await taken('20 seconds');
    await still.product.app.deliverWebhooks(shop.reference);
    expect(shop.received()).toHaveLength(1);
    await taken('0 seconds');
    await own.end();
    await still.product.app.deliverWebhooks(shop.reference);
    expect(shop.received()).toHaveLength(2);
    expect(shop.received()[0]?.id).toBe(shop.received()[1]?.id);
    expect(await shop.deliveries()).toEqual([expect.objectContaining({ status: 'SUCCEEDED', attempts: 2 })]);
  });
});

describe('secrets', () => {
  test('are two for a while: a consumer may know either; after that the new one alone', async () => {
    const shop = await subscribed(['INVOICE_CREATED'], still);
    const rotate = async (changes: object = {}) =>
      (await shop.ask(ROTATE, { input: { endpoint_id: shop.endpointId, ...changes } })).rotateWebhookSecret;
    const issued = async (id: string) => {
      await shop.issue(id);
      await still.product.app.deliverWebhooks(shop.reference);
      return shop.received().at(-1) as NonNullable<ReturnType<typeof shop.received>[0]>;
    };
    const second = await rotate();
    expect(Date.parse(second.endpoint.former_secret_expires_at) - Date.now()).toBeGreaterThan(23.9 * 3_600_000);
    const both = await issued('both');
    expect(String(both.headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect([shop.secret, second.secret].map((secret) => isSignedWith(secret, both))).toEqual([true, true]);
    const third = await rotate();
    const later = await issued('later');
    expect([shop.secret, second.secret, third.secret].map((secret) => isSignedWith(secret, later))).toEqual([
      false,
      true,
      true,
    ]);
    const fourth = await rotate({ former_secret_expires_at: '2026-01-01T00:00:00Z' });
    expect(fourth.endpoint.former_secret_expires_at).toBeNull();
    const last = await issued('last');
    expect([third.secret, fourth.secret].map((secret) => isSignedWith(secret, last))).toEqual([false, true]);
    const tooLong = { endpoint_id: shop.endpointId, former_secret_expires_at: '2099-01-01T00:00:00Z' };
    const { extensions } = await still.refusal(ROTATE, { input: tooLong }, shop.key);
    expect(extensions.faults?.[0]?.path).toEqual(['former_secret_expires_at']);
  });

  test('are in no answer but the one that made them, and in no database row once the endpoint is deleted', async () => {
    const shop = await subscribed(['INVOICE_CREATED'], still);
    expect(JSON.stringify(await shop.ask(ENDPOINTS))).not.toContain('whsec_');
    await shop.issue('i');
    await shop.ask(DELETE, { id: shop.endpointId });
    expect((await shop.ask(ENDPOINTS)).webhookEndpoints).toEqual([]);
    expect(await shop.deliveries()).toEqual([
      expect.objectContaining({ status: 'FAILED', error: 'The endpoint was deleted.' }),
    ]);
    const own = new pg.Client({ connectionString: still.databaseUrl });
    await own.connect();
    const { rows } = await own.query('SELECT secret, former_secret FROM webhook_endpoints WHERE merchant_id = $1', [
      shop.merchantId,
    ]);
    await own.end();
    expect(rows).toEqual([{ secret: '', former_secret: null }]);
    await shop.issue('later');
    expect(await shop.deliveries()).toHaveLength(1);
    for (const query of [DELETE, UPDATE, ROTATE]) {
      const variables = { id: shop.endpointId, input: { endpoint_id: shop.endpointId } };
      expect((await still.refusal(query, variables, shop.key)).extensions.code).toBe('NOT_FOUND');
    }
    const [gone] = await shop.deliveries();
    expect((await still.refusal(RESEND, { id: gone.id }, shop.key)).message).toBe(
      'The webhook endpoint of this delivery was deleted.',
    );
  });
});

describe('endpoints', () => {
  test('are at most ten, however many are made at once', async () => {
    const key = await still.addMerchant('many');
    const input = { url: 'https://shop.example.com/hooks', events: ['INVOICE_PAID'] };
    const answers = await Promise.all(Array.from({ length: 14 }, () => still.graphql(CREATE_ENDPOINT, { input }, key)));
    const codes = answers.flatMap(({ errors }) => errors?.map(({ extensions }) => extensions.code) ?? []);
    expect(codes).toEqual(Array.from({ length: 4 }, () => 'CONFLICT'));
    const { webhookEndpoints } = await still.ask(ENDPOINTS, {}, key);
    expect(webhookEndpoints).toHaveLength(10);
    await still.ask(DELETE, { id: webhookEndpoints[0].id }, key);
    await still.ask(CREATE_ENDPOINT, { input }, key);
  });

  test('are refused with every fault at once', async () => {
    const input = { url: 'ftp://shop.example.com', events: [], description: 'x'.repeat(201) };
    const { extensions } = await still.refusal(CREATE_ENDPOINT, { input });
    expect(extensions.faults?.map(({ path }) => path.join('.'))).toEqual(['url', 'events', 'description']);
    const long = { url: `https://shop.example.com/${'x'.repeat(2000)}`, events: ['INVOICE_PAID'] };
    expect((await still.refusal(CREATE_ENDPOINT, { input: long })).message).toBe(
      'url must have at most 2000 characters.',
    );
  });

  test('change in what is given alone, and give up what they are owed when they are disabled', async () => {
    const shop = await subscribed(['INVOICE_CREATED'], still);
    const change = async (changes: object) =>
      (await shop.ask(UPDATE, { input: { endpoint_id: shop.endpointId, ...changes } })).updateWebhookEndpoint.endpoint;
    expect(await change({ description: 'Books' })).toMatchObject({
      description: 'Books',
      events: ['INVOICE_CREATED'],
      url: receiver.url + shop.path,
    });
    expect(await change({ events: ['INVOICE_PAID', 'INVOICE_CREATED'] })).toMatchObject({
      description: 'Books',
      events: ['INVOICE_CREATED', 'INVOICE_PAID'],
    });
    await shop.issue('i');
    expect(await change({ description: null, is_enabled: false, url: `${receiver.url}/x` })).toMatchObject({
      description: null,
      is_enabled: false,
      url: `${receiver.url}/x`,
    });
    expect((await shop.deliveries())[0]).toMatchObject({ status: 'FAILED', error: 'The endpoint is disabled.' });
  });
});

test('deliveries are listed newest first, in pages, by endpoint, invoice, event and status', async () => {
  const shop = await subscribed(['INVOICE_CREATED', 'INVOICE_PAID'], still);
  await shop.issue('a');
  await shop.place('b', { items: [item({ id: 'b-1' })] });
  await shop.ask(INVOICE_ORDER, { input: { order_id: 'b', invoice_id: 'b' } });
  const list = async (filter: object, first = 10, after: string | null = null) =>
    (await shop.ask(DELIVERIES, { filter, first, after })).webhookDeliveries;
  const all = await list({});
  expect(all.total_count).toBe(3);
  expect(all.nodes.map(({ invoice_id: id }: { invoice_id: string }) => id)).toEqual(['b', 'b', 'a']);
  const page = await list({}, 2);
  expect([page.nodes.length, page.pageInfo.hasNextPage]).toEqual([2, true]);
  expect((await list({}, 2, page.pageInfo.endCursor)).nodes).toEqual([all.nodes[2]]);
  expect((await list({ invoice_ids: ['b'], events: ['INVOICE_PAID'] })).nodes).toHaveLength(1);
  expect((await list({ endpoint_ids: ['elsewhere'] })).total_count).toBe(0);
  expect((await list({ statuses: ['SUCCEEDED', 'FAILED'] })).total_count).toBe(0);
});
