// Online payment through the real product with Stripe as its gateway, against recorded answers.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Log } from '../../src/ports.ts';
import { item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import {
  apiError,
  cardError,
  checkoutSession,
  heldIntent,
  metadataOf,
  ok,
  paymentIntent,
  paymentMethod,
  refundOf,
  startStripeRecordings,
  type StripeRecordings,
} from '../setup/stripe-recordings.ts';

let stripe: StripeRecordings;
let billhead: TestProduct;
const logged: unknown[] = [];

beforeAll(async () => {
  const log: Log = {
    info: (...entry) => void logged.push(entry),
    warn: (...entry) => void logged.push(entry),
    error: (...entry) => void logged.push(entry),
  };
  stripe = await startStripeRecordings();
  const env = { PAYMENT_GATEWAY: 'stripe', STRIPE_SECRET_KEY: stripe.secretKey, STRIPE_API_URL: stripe.url };
  billhead = await startTestProduct({ env, log });
});
afterAll(async () => {
  await billhead.close();
  await stripe.close();
});
afterEach(() => stripe.reset());

const INVOICE = `invoice {
  id number state total reimbursement { amount_due amount_paid amount_refunded payments { amount is_refund status reference } }
}`;
const INVOICE_ORDER = `mutation InvoiceOrder($input: InvoiceOrderInput!) { invoiceOrder(input: $input) { ${INVOICE} } }`;

/** An order of 24.20 whose money is held by a PaymentIntent of its own. */
async function placeOrder(id: string) {
  const intent = `pi_${id}`;
  await billhead.ask(PLACE_ORDER, {
    input: { ...order(id), payment: { method: 'card', authorization: intent } },
  });
  return {
    intent,
    held: heldIntent({ id: intent }),
    captured: paymentIntent({ id: intent }),
    GET: `GET /v1/payment_intents/${intent}`,
    CAPTURE: `POST /v1/payment_intents/${intent}/capture`,
    input: { order_id: id, capture: 'ONLINE', invoice_id: `inv-${id}` },
  };
}

async function invoicePaid(id: string) {
  const placed = await placeOrder(id);
  stripe.on(placed.GET, ok(placed.held));
  stripe.on(placed.CAPTURE, ok(placed.captured));
  const { invoice } = (await billhead.ask(INVOICE_ORDER, { input: placed.input })).invoiceOrder;
  return { ...placed, invoice };
}

const captures = () => stripe.requests.filter(({ route }) => route.endsWith('/capture'));

test('a decline leaves no invoice and burns no number; what is captured is PAID, by one capture', async () => {
  const declined = await placeOrder('declined');
  stripe.on(declined.GET, ok(declined.held));
  stripe.on(declined.CAPTURE, cardError());
  const refusal = await billhead.refusal(INVOICE_ORDER, { input: declined.input });
  expect(refusal.extensions.code).toBe('PAYMENT_GATEWAY_ERROR');
  expect(refusal.message).toBe('The payment gateway declined: Your card has insufficient funds.');
  expect(await billhead.ask('{ invoices { total_count } }')).toEqual({ invoices: { total_count: 0 } });
  stripe.reset();

  const { invoice, intent } = await invoicePaid('captured');
  expect(invoice).toMatchObject({
    number: expect.stringMatching(/-0*1$/),
    state: 'PAID',
    total: 2420,
    reimbursement: {
      amount_due: 0,
      amount_paid: 2420,
      payments: [{ amount: 2420, is_refund: false, status: 'SUCCEEDED', reference: intent }],
    },
  });
  expect(captures().map(({ form }) => form['amount_to_capture'])).toEqual(['2420']);
});

test('an answer that was lost is found out by the same call again, and the money is taken once', async () => {
  const { input, held, captured, GET, CAPTURE } = await placeOrder('lost');
  stripe.on(GET, ok(held), ok(held));
  stripe.on(CAPTURE, apiError(500));
  const refusal = await billhead.refusal(INVOICE_ORDER, { input });
  expect(refusal.extensions.code).toBe('PAYMENT_GATEWAY_ERROR');
  expect(refusal.message).toContain('did not answer');

  const [first] = captures();
  stripe.on(GET, ok({ ...captured, metadata: first && metadataOf(first) }));
  const { invoiceOrder } = await billhead.ask(INVOICE_ORDER, { input });
  expect(invoiceOrder.invoice).toMatchObject({ state: 'PAID', reimbursement: { amount_paid: 2420 } });
  expect(captures()).toHaveLength(1);
});

test('an answer of which Stripe knows nothing is asked for again under the same key', async () => {
  const { input, held, captured, GET, CAPTURE } = await placeOrder('repeated');
  stripe.on(GET, ok(held), ok(held), ok(held), ok(held));
  stripe.on(CAPTURE, apiError(500), ok(captured));
  await billhead.refusal(INVOICE_ORDER, { input });
  const { invoiceOrder } = await billhead.ask(INVOICE_ORDER, { input });
  expect(invoiceOrder.invoice.state).toBe('PAID');
  const [first, second] = captures();
  expect(second).toEqual(first);
});

test('money is held at a means of payment, and captured from that', async () => {
  await billhead.ask(PLACE_ORDER, { input: order('held') });
  stripe.on(`GET /v1/payment_methods/${paymentMethod().id}`, ok(paymentMethod()));
  stripe.on('POST /v1/payment_intents', ok(heldIntent({ id: 'pi_held' })));
  const input = { order_id: 'held', source: paymentMethod().id };
  await billhead.ask(
    'mutation A($input: AuthorizePaymentInput!) { authorizePayment(input: $input) { order { id } } }',
    {
      input,
    },
  );
  stripe.on('GET /v1/payment_intents/pi_held', ok(heldIntent({ id: 'pi_held' })));
  stripe.on('POST /v1/payment_intents/pi_held/capture', ok(paymentIntent({ id: 'pi_held' })));
  const { invoiceOrder } = await billhead.ask(INVOICE_ORDER, { input: { order_id: 'held', capture: 'ONLINE' } });
  expect(invoiceOrder.invoice.state).toBe('PAID');
});

test('a second part of an authorisation is declined, and the order stays as it was', async () => {
  const { CAPTURE, GET, held, captured, input } = await placeOrder('parts');
  const items = [{ order_item_id: 'parts-1', qty: 1 }];
  stripe.on(GET, ok(held), ok(captured));
  const message = 'This PaymentIntent could not be captured because it has a status of succeeded.';
  const error = { code: 'payment_intent_unexpected_state', type: 'invalid_request_error', message };
  stripe.on(CAPTURE, ok(captured), apiError(400, error));
  await billhead.ask(INVOICE_ORDER, { input: { ...input, items } });
  const refusal = await billhead.refusal(INVOICE_ORDER, { input: { ...input, items, invoice_id: 'inv-second' } });
  expect(refusal).toMatchObject({ message: `The payment gateway declined: ${message}` });
  expect(captures().map(({ form }) => form['amount_to_capture'])).toEqual(['1210', '1210']);
});

test('a refund gives a part back', async () => {
  const { invoice, intent } = await invoicePaid('refunded');
  stripe.on('POST /v1/refunds', ok(refundOf({ amount: 420, payment_intent: intent })));
  const mutation = `mutation R($input: RefundPaymentInput!) { refundPayment(input: $input) { ${INVOICE} } }`;
  const { refundPayment } = await billhead.ask(mutation, {
    input: { invoice_id: invoice.id, amount: 420, mode: 'ONLINE' },
  });
  expect(refundPayment.invoice.reimbursement.amount_refunded).toBe(420);
  expect(stripe.requests.at(-1)?.form).toMatchObject({ payment_intent: intent, amount: '420' });
});

test('a void gives all back and cancels the invoice', async () => {
  const { invoice, intent } = await invoicePaid('voided');
  stripe.on('POST /v1/refunds', ok(refundOf({ payment_intent: intent })));
  const mutation = `mutation V($input: InvoiceIdInput!) { voidInvoice(input: $input) { ${INVOICE} } }`;
  const { voidInvoice } = await billhead.ask(mutation, { input: { invoice_id: invoice.id } });
  expect(voidInvoice.invoice.state).toBe('CANCELED');
  expect(stripe.requests.at(-1)?.form).toMatchObject({ payment_intent: intent, amount: '2420' });
});

test('a payment link leads to a page of Stripe; once that is paid, so is the invoice, and it can be refunded', async () => {
  await billhead.ask(PLACE_ORDER, { input: order('linked') });
  const mutation = `mutation I($input: InvoiceOrderInput!) {
    invoiceOrder(input: $input) { invoice { id payment_link } }
  }`;
  const { invoice } = (await billhead.ask(mutation, { input: { order_id: 'linked', capture: 'NO_CAPTURE' } }))
    .invoiceOrder;
  const session = `GET /v1/checkout/sessions/${checkoutSession().id}`;
  stripe.on('POST /v1/checkout/sessions', ok(checkoutSession()));
  stripe.on(session, ok(checkoutSession()));
  const page = await fetch(invoice.payment_link, { redirect: 'manual' });
  expect([page.status, page.headers.get('location')]).toEqual([303, checkoutSession().url]);
  expect(stripe.requests[0]?.form).toMatchObject({ success_url: invoice.payment_link });

  const paid = { status: 'complete', payment_status: 'paid', url: null, payment_intent: paymentIntent() };
  stripe.on(session, ok(checkoutSession(paid)));
  expect(await (await fetch(invoice.payment_link)).text()).toContain('Thank you');
  stripe.on('POST /v1/refunds', ok(refundOf()));
  const refund = `mutation R($input: RefundPaymentInput!) { refundPayment(input: $input) { ${INVOICE} } }`;
  await billhead.ask(refund, { input: { invoice_id: invoice.id, amount: 2420, mode: 'ONLINE' } });
  expect(stripe.requests.at(-1)?.form).toMatchObject({ payment_intent: paymentIntent().id });
});

test('an amount that Stripe cannot carry is declined without asking', async () => {
  const payment = { method: 'card', authorization: 'pi_dinars' };
  const items = [item({ quantity: 1, unit_price: 1001 })];
  await billhead.ask(PLACE_ORDER, { input: { ...order('dinars', { currency: 'BHD', items }), payment } });
  const refusal = await billhead.refusal(INVOICE_ORDER, { input: { order_id: 'dinars', capture: 'ONLINE' } });
  expect(refusal.message).toBe('The payment gateway declined: Stripe takes multiples of 10 in BHD, which 1211 is not.');
  expect(stripe.requests).toEqual([]);
});

test('no log carries the secret key', () => {
  expect(JSON.stringify(logged)).toContain('gateway.no_answer');
  expect(JSON.stringify(logged)).not.toContain(stripe.secretKey);
});

test('a start with the test gateway on a database of its own warns that no money moves; one with Stripe does not', async () => {
  const warned: string[] = [];
  const log: Log = { info: () => undefined, warn: (event) => void warned.push(event), error: () => undefined };
  await (await startTestProduct({ log })).close();
  expect(warned).toContain('gateway.test_in_use');
  expect(JSON.stringify(logged)).not.toContain('gateway.test_in_use');
});
