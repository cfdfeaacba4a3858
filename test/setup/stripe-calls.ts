// Calls of the payment gateway for tests of Stripe, where their objects are at Stripe, and what can be answered.

import { newCall, type GatewayAnswer, type GatewayCall } from '../../src/domain/gateway-call.ts';
import { checkoutSession, paymentIntent, paymentMethod } from './stripe-recordings.ts';

export const CALL_ID = '019aa8f2-7c1e-7d3b-9a55-0f6c1d2e3f40';
export const KEY = `demo:${CALL_ID}`;
export const INTENT = paymentIntent().id;
export const SESSION = checkoutSession().id;
export const METHOD = paymentMethod().id;
/** The metadata by which a call is known at Stripe. */
export const MARKS = { billhead_call: CALL_ID, billhead_merchant: 'demo' };

export const CREATE = 'POST /v1/payment_intents';
export const SEARCH = 'GET /v1/payment_intents/search';
export const INTENT_OF = `GET /v1/payment_intents/${INTENT}`;
export const CAPTURE = `POST /v1/payment_intents/${INTENT}/capture`;
export const REFUND = 'POST /v1/refunds';
export const REFUNDS = 'GET /v1/refunds';
export const METHOD_OF = `GET /v1/payment_methods/${METHOD}`;
export const SESSION_OF = `GET /v1/checkout/sessions/${SESSION}`;

export function call(kind: GatewayCall['kind'], changes: Partial<GatewayCall> = {}): GatewayCall {
  const context = {
    merchantId: 'demo',
    gateway: 'stripe',
    now: new Date('2026-11-22T00:00:00Z'),
    nextId: () => CALL_ID,
  };
  const asked = { kind, invoiceId: 'inv-1', orderIds: ['o-1'], amount: 2420n, currency: 'EUR', source: INTENT };
  return { ...newCall(asked, context), ...changes };
}

export const authorize = call('AUTHORIZE', { invoiceId: null, source: METHOD });

export const succeeded = (reference: string): GatewayAnswer => ({ status: 'SUCCEEDED', reference, reason: null });
export const pending = (reference: string): GatewayAnswer => ({ status: 'PENDING', reference, reason: null });
export const failed = (reference: string, reason: string): GatewayAnswer => ({ status: 'FAILED', reference, reason });
