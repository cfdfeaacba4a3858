// Calls of Stripe whose answer was lost: nothing is assumed, and what became of them is found out.

import { inspect } from 'node:util';
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
  METHOD_OF,
  pending,
  REFUND,
  REFUNDS,
  SEARCH,
  succeeded,
} from '../setup/stripe-calls.ts';
import {
  apiError,
  heldIntent,
  invalidRequest,
  listOf,
  ok,
  paymentIntent,
  paymentMethod,
  refundOf,
  startStripeRecordings,
  type StripeRecordings,
  type StripeReply,
} from '../setup/stripe-recordings.ts';

let stripe: StripeRecordings;
let gateway: PaymentGateway;

beforeAll(async () => {
  stripe = await startStripeRecordings();
  gateway = connectStripe({ secretKey: stripe.secretKey, apiUrl: stripe.url, timeoutMs: 1_000 });
});
afterAll(() => stripe.close());
afterEach(() => stripe.reset());

const posts = () => stripe.requests.filter(({ route }) => route.startsWith('POST'));

describe('what leaves open if the call was carried out is thrown, and found out', () => {
  const lost: readonly [string, readonly StripeReply[]][] = [
    ['an error of Stripe', [apiError(500)]],
    ['a proxy that does not reach Stripe', [{ status: 503, body: { message: 'no upstream' } }]],
    ['a page that is not Stripe', [{ status: 200, body: ['Welcome to the network'] }]],
    ['a mere text', [{ status: 502, body: 'Bad Gateway' }]],
    ['the same key under way', [apiError(409, { type: 'invalid_request_error', code: 'idempotency_key_in_use' })]],
    ['too many requests', [apiError(429, { type: 'invalid_request_error', code: 'rate_limit' })]],
    ['the same key with other parameters', [apiError(400, { type: 'idempotency_error' })]],
    ['a secret key that is not accepted', [apiError(401, { type: 'invalid_request_error' })]],
    // The library tries once more when a connection was closed, under the same key.
    ['a connection that is cut after the request', ['cut', 'cut']],
    ['silence', ['silence']],
  ];

  test.each(lost)('%s: a capture', async (_, replies) => {
    stripe.on(INTENT_OF, ok(heldIntent()), ok(paymentIntent({ metadata: MARKS })));
    stripe.on(CAPTURE, ...replies);
    await expect(gateway.capture(call('CAPTURE'))).rejects.toThrow('Stripe');
    expect(new Set(posts().map(({ idempotencyKey }) => idempotencyKey))).toEqual(new Set([KEY]));
    expect(await gateway.find(call('CAPTURE'))).toEqual(succeeded(INTENT));
  });

  test.each(lost)('%s: while it is asked what became of a call', async (_, replies) => {
    stripe.on(INTENT_OF, ...replies);
    await expect(gateway.find(call('CAPTURE'))).rejects.toThrow('Stripe');
  });

  test.each<[string, Record<string, unknown>, GatewayAnswer | null]>([
    ['captured by it', { metadata: MARKS }, succeeded(INTENT)],
    ['on its way', { status: 'processing', metadata: MARKS }, pending(INTENT)],
    ['not captured', { status: 'requires_capture' }, null],
    ['captured by another call', { metadata: { ...MARKS, billhead_call: 'another' } }, null],
    ['captured for another merchant', { metadata: { ...MARKS, billhead_merchant: 'another' } }, null],
    ['captured by hand', {}, null],
  ])('a capture is found: %s', async (_, changes, answer) => {
    stripe.on(INTENT_OF, ok(paymentIntent(changes)));
    expect(await gateway.find(call('CAPTURE'))).toEqual(answer);
  });

  test('a capture of what Stripe does not have never was', async () => {
    stripe.on(INTENT_OF, invalidRequest('resource_missing', 'No such payment_intent'));
    expect(await gateway.find(call('CAPTURE'))).toBeNull();
  });

  test('an authorisation is found by what it was marked with', async () => {
    const others = heldIntent({ id: 'pi_other', metadata: { ...MARKS, billhead_merchant: 'another' } });
    stripe.on(
      SEARCH,
      ok(listOf('/v1/payment_intents/search', [others, heldIntent({ metadata: MARKS })], 'search_result')),
    );
    expect(await gateway.find(authorize)).toEqual(succeeded(INTENT));
    expect(stripe.requests[0]?.form).toEqual({ query: `metadata["billhead_call"]:"${CALL_ID}"`, limit: '10' });
  });

  test('an authorisation that is not found yet is made again under the same key', async () => {
    stripe.on(METHOD_OF, ok(paymentMethod()), ok(paymentMethod()));
    stripe.on(CREATE, 'silence', ok(heldIntent({ metadata: MARKS })));
    stripe.on(SEARCH, ok(listOf('/v1/payment_intents/search', [], 'search_result')));
    await expect(gateway.authorize(authorize)).rejects.toThrow('1000ms');
    expect(await gateway.find(authorize)).toBeNull();
    expect(await gateway.authorize(authorize)).toEqual(succeeded(INTENT));
    const [first, second] = posts();
    expect(second).toEqual(first);
  });

  test('an authorisation that was PENDING is asked by its reference', async () => {
    stripe.on(
      INTENT_OF,
      ok(paymentIntent({ status: 'requires_payment_method', last_payment_error: { message: 'No.' } })),
    );
    const waiting = { ...authorize, status: 'PENDING', reference: INTENT } as const;
    expect(await gateway.find(waiting)).toEqual(failed(INTENT, 'No'));
  });

  test.each(['VOID', 'REFUND', 'GIVE_BACK'] as const)('%s is found among the refunds, however many', async (kind) => {
    const page = { ...listOf('/v1/refunds', [refundOf({ id: 're_1' })]), has_more: true };
    stripe.on(REFUND, apiError(500));
    stripe.on(REFUNDS, ok(page), ok(listOf('/v1/refunds', [refundOf({ id: 're_2', metadata: MARKS })])));
    const lostCall = call(kind);
    await expect(kind === 'REFUND' ? gateway.refund(lostCall) : gateway.void(lostCall)).rejects.toThrow('Stripe (500)');
    expect(await gateway.find(lostCall)).toEqual(succeeded('re_2'));
    expect(stripe.requests.slice(1).map(({ form }) => form)).toEqual([
      { payment_intent: INTENT, limit: '100' },
      { payment_intent: INTENT, limit: '100', starting_after: 're_1' },
    ]);
  });

  test('a refund that is not there never was; one that was PENDING is asked by its reference', async () => {
    stripe.on(REFUNDS, ok(listOf('/v1/refunds', [refundOf()])));
    expect(await gateway.find(call('REFUND'))).toBeNull();
    stripe.on('GET /v1/refunds/re_9', ok(refundOf({ id: 're_9' })));
    expect(await gateway.find(call('REFUND', { status: 'PENDING', reference: 're_9' }))).toEqual(succeeded('re_9'));
  });
});

test('no error carries the secret key, or the answer of Stripe', async () => {
  stripe.on(
    INTENT_OF,
    apiError(401, { message: 'Invalid API Key provided: sk_test_*****p7dc' }),
    'cut',
    'cut',
    'silence',
  );
  for (let round = 0; round < 3; round += 1) {
    const error: unknown = await gateway.find(call('CAPTURE')).catch((thrown: unknown) => thrown);
    const shown = inspect(error, { depth: 10, showHidden: true });
    expect(error).toBeInstanceOf(Error);
    expect(shown).not.toContain(stripe.secretKey);
    expect(shown).not.toMatch(/headers|authorization/i);
  }
});

test('where nobody listens, the call is unknown', async () => {
  const nowhere = await startStripeRecordings();
  await nowhere.close();
  const unreachable = connectStripe({ secretKey: 'sk_test_1', apiUrl: nowhere.url });
  await expect(unreachable.capture(call('CAPTURE'))).rejects.toThrow('Stripe (no answer)');
});
