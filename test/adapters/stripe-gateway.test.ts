// Stripe behind the payment gateway port, against recorded answers: what is asked of Stripe, and what its answers mean.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectStripe } from '../../src/adapters/stripe-gateway.ts';
import type { GatewayAnswer } from '../../src/domain/gateway-call.ts';
import type { PaymentGateway } from '../../src/ports.ts';
import {
  authorize,
  call,
  CALL_ID,
  CAPTURE,
  CREATE,
  failed,
  INTENT,
  INTENT_OF,
  KEY,
  MARKS,
  METHOD,
  METHOD_OF,
  pending,
  REFUND,
  SESSION,
  SESSION_OF,
  succeeded,
} from '../setup/stripe-calls.ts';
import {
  cardError,
  checkoutSession,
  heldIntent,
  invalidRequest,
  ok,
  paymentIntent,
  paymentMethod,
  refundOf,
  startStripeRecordings,
  type StripeRecordings,
} from '../setup/stripe-recordings.ts';

const MARKS_IN_FORM = { 'metadata[billhead_call]': CALL_ID, 'metadata[billhead_merchant]': 'demo' };

let stripe: StripeRecordings;
let gateway: PaymentGateway;

beforeAll(async () => {
  stripe = await startStripeRecordings();
  gateway = connectStripe({ secretKey: stripe.secretKey, apiUrl: stripe.url, timeoutMs: 1_000 });
});
afterAll(() => stripe.close());
afterEach(() => stripe.reset());

const posts = () => stripe.requests.filter(({ route }) => route.startsWith('POST'));

describe('authorising', () => {
  const form = {
    amount: '2420',
    currency: 'eur',
    payment_method: METHOD,
    capture_method: 'manual',
    confirm: 'true',
    off_session: 'true',
    'automatic_payment_methods[enabled]': 'true',
    'automatic_payment_methods[allow_redirects]': 'never',
    ...MARKS_IN_FORM,
  };

  test('holds the amount, and asks for it once under merchant and call', async () => {
    stripe.on(METHOD_OF, ok(paymentMethod()));
    stripe.on(CREATE, ok(heldIntent({ metadata: MARKS })));
    expect(await gateway.authorize(authorize)).toEqual(succeeded(INTENT));
    expect(posts()).toEqual([{ route: CREATE, form, idempotencyKey: KEY }]);
  });

  test('names the customer with whom the means of payment is saved', async () => {
    stripe.on(METHOD_OF, ok(paymentMethod({ customer: 'cus_NffrFeUfNV2Hib' })));
    stripe.on(CREATE, ok(heldIntent({ customer: 'cus_NffrFeUfNV2Hib' })));
    expect(await gateway.authorize(authorize)).toEqual(succeeded(INTENT));
    expect(posts().map((request) => request.form)).toEqual([{ ...form, customer: 'cus_NffrFeUfNV2Hib' }]);
  });

  test.each([
    ['requires_capture', 'SUCCEEDED', null],
    ['processing', 'PENDING', null],
    ['requires_action', 'PENDING', null],
    ['requires_payment_method', 'FAILED', 'the payment_intent is requires_payment_method'],
    ['canceled', 'FAILED', 'the payment_intent is canceled'],
  ])('%s is %s', async (status, meaning, reason) => {
    stripe.on(METHOD_OF, ok(paymentMethod()));
    stripe.on(CREATE, ok(paymentIntent({ status })));
    expect(await gateway.authorize(authorize)).toEqual({ status: meaning, reference: INTENT, reason });
  });

  test('a status that nobody knows yet is no answer', async () => {
    stripe.on(METHOD_OF, ok(paymentMethod()));
    stripe.on(CREATE, ok(paymentIntent({ status: 'requires_prayer' })));
    await expect(gateway.authorize(authorize)).rejects.toThrow('requires_prayer');
  });

  test.each([
    ['a decline', {}, 'Your card has insufficient funds'],
    [
      'a wish for the customer at the bank',
      { code: 'authentication_required', message: 'It must be authenticated.' },
      'It must be authenticated',
    ],
  ])('%s is FAILED, never thrown', async (_, error, reason) => {
    stripe.on(METHOD_OF, ok(paymentMethod()));
    stripe.on(CREATE, cardError(error));
    expect(await gateway.authorize(authorize)).toEqual(failed(INTENT, reason));
  });

  test.each(['', '..', 'a/b', 'pm_1?x=y'])('%j is no means of payment, and Stripe is not asked', async (source) => {
    const answer = await gateway.authorize({ ...authorize, source });
    expect(answer).toEqual(failed(source, 'the means of payment is not a PaymentMethod of Stripe'));
    expect(stripe.requests).toEqual([]);
  });
});

describe('capturing', () => {
  test.each([
    ['the whole', 2420n],
    ['a part', 1000n],
  ])('%s takes that amount, and answers the PaymentIntent', async (_, amount) => {
    stripe.on(INTENT_OF, ok(heldIntent()));
    stripe.on(CAPTURE, ok(paymentIntent({ amount_received: Number(amount), metadata: MARKS })));
    expect(await gateway.capture(call('CAPTURE', { amount }))).toEqual(succeeded(INTENT));
    expect(posts()).toEqual([
      { route: CAPTURE, form: { amount_to_capture: String(amount), ...MARKS_IN_FORM }, idempotencyKey: KEY },
    ]);
  });

  test.each([
    [
      'a second part',
      'payment_intent_unexpected_state',
      'This PaymentIntent could not be captured because it has already been captured.',
    ],
    ['more than is held', 'amount_too_large', 'The amount is greater than the remaining amount.'],
  ])('%s is FAILED in the words of Stripe', async (_, code, message) => {
    stripe.on(INTENT_OF, ok(heldIntent()));
    stripe.on(CAPTURE, invalidRequest(code, message, { payment_intent: paymentIntent() }));
    expect(await gateway.capture(call('CAPTURE'))).toEqual(failed(INTENT, message.slice(0, -1)));
  });

  test('a decline is FAILED', async () => {
    stripe.on(INTENT_OF, ok(heldIntent()));
    stripe.on(CAPTURE, cardError());
    expect(await gateway.capture(call('CAPTURE'))).toEqual(failed(INTENT, 'Your card has insufficient funds'));
  });

  test.each([
    ['in another currency', { currency: 'usd' }, 'the authorisation is in USD'],
    ['of another merchant', { metadata: { billhead_merchant: 'acme' } }, 'the authorisation is of another merchant'],
  ])('an authorisation %s is left alone', async (_, changes, reason) => {
    stripe.on(INTENT_OF, ok(heldIntent(changes)));
    expect(await gateway.capture(call('CAPTURE'))).toEqual(failed(INTENT, reason));
    expect(posts()).toEqual([]);
  });

  test('an authorisation that Stripe does not have is FAILED', async () => {
    stripe.on(INTENT_OF, invalidRequest('resource_missing', `No such payment_intent: '${INTENT}'`));
    expect(await gateway.capture(call('CAPTURE'))).toEqual(failed(INTENT, `No such payment_intent: '${INTENT}'`));
  });

  test.each(['ch_123', 'pi_1/../../refunds', 'pi_', ''])(
    '%j is no authorisation, and Stripe is not asked',
    async (source) => {
      const answer = await gateway.capture(call('CAPTURE', { source }));
      expect(answer).toEqual(failed(source, 'the authorisation is not a PaymentIntent of Stripe'));
      expect(stripe.requests).toEqual([]);
    },
  );

  test.each([
    ['JPY', 500n, '500'],
    ['BHD', 5120n, '5120'],
    ['ISK', 5n, '500'],
  ])('%s is asked for in its minor unit at Stripe', async (currency, amount, asked) => {
    stripe.on(INTENT_OF, ok(heldIntent({ currency: currency.toLowerCase() })));
    stripe.on(CAPTURE, ok(paymentIntent()));
    expect(await gateway.capture(call('CAPTURE', { currency, amount }))).toEqual(succeeded(INTENT));
    expect(posts()[0]?.form).toMatchObject({ amount_to_capture: asked });
  });

  test('an amount that Stripe cannot carry is FAILED, and Stripe is not asked', async () => {
    const answer = await gateway.capture(call('CAPTURE', { currency: 'BHD', amount: 5124n }));
    expect(answer).toEqual(failed(INTENT, 'Stripe takes multiples of 10 in BHD, which 5124 is not'));
    expect(stripe.requests).toEqual([]);
  });
});

describe('giving back', () => {
  test.each(['VOID', 'GIVE_BACK'] as const)('%s refunds all that was captured', async (kind) => {
    stripe.on(REFUND, ok(refundOf({ metadata: MARKS })));
    expect(await gateway.void(call(kind))).toEqual(succeeded(refundOf().id));
    expect(stripe.requests).toEqual([
      { route: REFUND, form: { payment_intent: INTENT, amount: '2420', ...MARKS_IN_FORM }, idempotencyKey: KEY },
    ]);
  });

  test('a refund gives back its amount', async () => {
    stripe.on(REFUND, ok(refundOf({ amount: 420 })));
    expect(await gateway.refund(call('REFUND', { amount: 420n }))).toEqual(succeeded(refundOf().id));
    expect(posts()[0]?.form).toMatchObject({ payment_intent: INTENT, amount: '420' });
  });

  test.each([
    [{ status: 'pending' }, 'PENDING', null],
    [{ status: 'requires_action' }, 'PENDING', null],
    [{ status: 'failed', failure_reason: 'expired_or_canceled_card' }, 'FAILED', 'expired_or_canceled_card'],
    [{ status: 'canceled' }, 'FAILED', 'the refund is canceled'],
  ])('%j is %s', async (changes, status, reason) => {
    stripe.on(REFUND, ok(refundOf(changes)));
    expect(await gateway.refund(call('REFUND'))).toEqual({ status, reference: refundOf().id, reason });
  });

  test('more than is left is FAILED', async () => {
    const message = 'Refund amount (€24.20) is greater than unrefunded amount on charge (€20.00)';
    stripe.on(REFUND, invalidRequest('amount_too_large', message));
    expect(await gateway.refund(call('REFUND'))).toEqual(failed(INTENT, message));
  });
});

describe('a page to pay at', () => {
  const checkout = call('CHECKOUT', { source: null });
  const open = { ...checkout, status: 'PENDING', reference: SESSION } as const;

  test('is opened for the amount, and is PENDING', async () => {
    stripe.on('POST /v1/checkout/sessions', ok(checkoutSession({ metadata: MARKS })));
    expect(await gateway.openCheckout(checkout, 'https://shop.example/pay/token')).toEqual(pending(SESSION));
    expect(stripe.requests).toEqual([
      {
        route: 'POST /v1/checkout/sessions',
        idempotencyKey: KEY,
        form: {
          mode: 'payment',
          'line_items[0][quantity]': '1',
          'line_items[0][price_data][currency]': 'eur',
          'line_items[0][price_data][unit_amount]': '2420',
          'line_items[0][price_data][product_data][name]': 'Invoice',
          client_reference_id: CALL_ID,
          success_url: 'https://shop.example/pay/token',
          cancel_url: 'https://shop.example/pay/token',
          ...MARKS_IN_FORM,
          'payment_intent_data[metadata][billhead_call]': CALL_ID,
          'payment_intent_data[metadata][billhead_merchant]': 'demo',
        },
      },
    ]);
  });

  test('is shown while it is open, and nowhere once it is closed', async () => {
    stripe.on(SESSION_OF, ok(checkoutSession()), ok(checkoutSession({ status: 'expired', url: null })));
    expect(await gateway.checkoutUrl(open)).toBe(checkoutSession().url);
    expect(await gateway.checkoutUrl(open)).toBeNull();
    expect(await gateway.checkoutUrl(checkout)).toBeNull();
  });

  const paid = { status: 'complete', payment_status: 'paid', url: null };
  const declined = { status: 'requires_payment_method', last_payment_error: { message: 'The debit was refused.' } };
  test.each<[string, Record<string, unknown>, GatewayAnswer]>([
    ['open', {}, pending(SESSION)],
    [
      'paid: it is known by its PaymentIntent from then on',
      { ...paid, payment_intent: paymentIntent() },
      succeeded(INTENT),
    ],
    ['expired', { status: 'expired', url: null }, failed(SESSION, 'the page expired')],
    [
      'at the bank',
      { ...paid, payment_status: 'unpaid', payment_intent: paymentIntent({ status: 'processing' }) },
      pending(SESSION),
    ],
    [
      'declined by the bank',
      { ...paid, payment_status: 'unpaid', payment_intent: paymentIntent(declined) },
      failed(INTENT, 'The debit was refused'),
    ],
  ])('is found %s', async (_, changes, answer) => {
    stripe.on(SESSION_OF, ok(checkoutSession(changes)));
    expect(await gateway.find(open)).toEqual(answer);
    expect(stripe.requests.map(({ form }) => form)).toEqual([{ 'expand[0]': 'payment_intent' }]);
  });

  test('whose opening was never answered is unknown: nobody was sent there', async () => {
    expect(await gateway.find(checkout)).toBeNull();
  });
});
