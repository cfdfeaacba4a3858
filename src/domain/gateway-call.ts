// Calls of the payment gateway: written down before they are made, settled once, whatever is lost on the way.
//
// 1. A call is saved as ASKED under the id that is its idempotency key; the gateway is called after that, outside of
//    every lock. Whoever finds it later asks the gateway what became of it before it is made again.
// 2. It ends once: SUCCEEDED or FAILED. PENDING: the gateway knows of it and has not decided.
// 3. While the gateway decides about money of an order, the order is in payment review: nothing of it is invoiced,
//    cancelled or taken back meanwhile, so what was priced for the call stays as it was.

import type { Remark } from './invoice-notes.ts';
import type { Money, Quantity } from './money.ts';
import type { Order } from './order.ts';
import type { Payment, PaymentStatus } from './payment.ts';

/**
 * AUTHORIZE holds money of the customer for an order. CAPTURE takes it, or a part. CHECKOUT is a page of the gateway where
 * a person pays an invoice. VOID takes a capture back as if it had never been. REFUND gives back a part of one, or all.
 * GIVE_BACK returns money that came when the invoice could not take it any more.
 */
export type GatewayCallKind = 'AUTHORIZE' | 'CAPTURE' | 'CHECKOUT' | 'VOID' | 'REFUND' | 'GIVE_BACK';

export type GatewayCallStatus = 'ASKED' | 'PENDING' | 'SUCCEEDED' | 'FAILED';

/** What the gateway says became of a call. */
export interface GatewayAnswer {
  readonly status: Exclude<GatewayCallStatus, 'ASKED'>;
  /** What the gateway knows the result by. */
  readonly reference: string;
  /** Why it failed, in the gateway's words. */
  readonly reason: string | null;
}

export interface GatewayCall {
  readonly merchantId: string;
  /** Also its idempotency key at the gateway, and the id of the payment that comes of it. */
  readonly id: string;
  /** The gateway that was asked: no other one knows of it. */
  readonly gateway: string;
  readonly kind: GatewayCallKind;
  readonly status: GatewayCallStatus;
  /** null for an authorisation, which is of an order. */
  readonly invoiceId: string | null;
  readonly orderIds: readonly string[];
  /** VOID, REFUND, GIVE_BACK: the call that brought the money. */
  readonly targetId: string | null;
  /** What the gateway works on: a means of payment, an authorisation, or the reference of the money that came. */
  readonly source: string | null;
  readonly method: string;
  readonly amount: Money;
  readonly currency: string;
  readonly reference: string | null;
  readonly error: string | null;
  /** CAPTURE before its invoice is there: what is issued once the money is, or is on its way. */
  readonly issue: PlannedIssue | null;
  /** When the gateway is asked what became of it; null once it is settled. */
  readonly dueAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An invoice of the order form that waits for its money: the items as they were priced, and what was asked beside it. */
export interface PlannedIssue extends Remark {
  readonly picks: readonly { readonly itemId: string; readonly quantity: Quantity }[];
  readonly requestHash: string;
}

export type NewGatewayCall = Pick<GatewayCall, 'kind' | 'invoiceId' | 'orderIds' | 'amount' | 'currency' | 'source'> &
  Partial<Pick<GatewayCall, 'targetId' | 'issue' | 'method'>>;

/** Who is called, when, and where new ids come from. */
export interface CallContext {
  readonly merchantId: string;
  readonly gateway: string;
  readonly now: Date;
  readonly nextId: () => string;
}

/** A call that was not made yet. */
export function newCall(call: NewGatewayCall, { merchantId, gateway, now, nextId }: CallContext): GatewayCall {
  return {
    merchantId,
    id: nextId(),
    gateway,
    status: 'ASKED',
    targetId: null,
    method: gateway,
    issue: null,
    ...call,
    reference: null,
    error: null,
    dueAt: later(now, ASK_AFTER_MS),
    createdAt: now,
    updatedAt: now,
  };
}

/** A call that was made is answered well before this, or its caller is gone. */
export const ASK_AFTER_MS = 15_000;
const SOONEST_POLL_MS = 5_000;
const LATEST_POLL_MS = 10 * 60_000;
const MAX_ERROR = 500;

/** The call with what the gateway says of it. What is pending is asked again, more rarely the longer it takes. */
export function answered(call: GatewayCall, { status, reference, reason }: GatewayAnswer, now: Date): GatewayCall {
  const age = now.getTime() - call.createdAt.getTime();
  const pollMs = Math.min(Math.max(age / 4, SOONEST_POLL_MS), LATEST_POLL_MS);
  return {
    ...call,
    status,
    reference,
    error: reason?.slice(0, MAX_ERROR) ?? null,
    dueAt: status === 'PENDING' ? later(now, pollMs) : null,
    updatedAt: now,
  };
}

function later(instant: Date, delayMs: number): Date {
  return new Date(instant.getTime() + delayMs);
}

export function isUnsettled({ status }: GatewayCall): boolean {
  return status === 'ASKED' || status === 'PENDING';
}

const REVIEWED: ReadonlySet<GatewayCallKind> = new Set(['AUTHORIZE', 'CAPTURE', 'VOID']);

/** The order with its payment review as the calls say. */
export function underReview<T extends Pick<Order, 'id' | 'isInPaymentReview'>>(
  order: T,
  calls: readonly GatewayCall[],
): T {
  const isInPaymentReview = calls.some(
    (call) => REVIEWED.has(call.kind) && isUnsettled(call) && call.orderIds.includes(order.id),
  );
  return isInPaymentReview === order.isInPaymentReview ? order : { ...order, isInPaymentReview };
}

/** The payment that a call stands for on its invoice. */
export function paymentOf(call: GatewayCall, invoiceId: string, status: PaymentStatus): Payment {
  return {
    id: call.id,
    invoiceId,
    method: call.method,
    amount: call.amount,
    isRefund: call.kind === 'REFUND',
    status,
    reference: call.reference,
    createdAt: call.createdAt,
  };
}
