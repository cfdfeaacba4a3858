// What an answer of the payment gateway makes of a call, its invoice and its orders.
//
// 1. A call that has ended stays as it is, however often the gateway answers.
// 2. Money that comes when the invoice cannot take it any more goes back at once, and is not given up when that fails.

import {
  answered,
  newCall,
  paymentOf,
  underReview,
  type CallContext,
  type GatewayAnswer,
  type GatewayCall,
} from './gateway-call.ts';
import { giveQuantitiesBack, nextState, receiveMoney } from './invoice-state.ts';
import type { Invoice } from './invoice.ts';
import type { InvoiceWithMoney } from './online-payment.ts';
import { orderStatus, type OrderWithItems } from './order.ts';
import type { Payment, PaymentStatus } from './payment.ts';
import { refunded } from './refund.ts';
import { reimbursement } from './reimbursement.ts';

/** What is to be saved. */
export interface Settlement {
  readonly call: GatewayCall;
  readonly invoice: Invoice;
  readonly orders: readonly OrderWithItems[];
  readonly payments: readonly Payment[];
  /** Calls that follow from this one. */
  readonly next: readonly GatewayCall[];
}

/** The settlement of a call for an invoice that is there. */
export function settleCall(
  call: GatewayCall,
  answer: GatewayAnswer,
  locked: InvoiceWithMoney,
  context: CallContext,
): Settlement {
  const settled = answered(call, answer, context.now);
  const effect = effectOf(settled, locked, context);
  const calls = locked.calls.map((one) => (one.id === call.id ? settled : one));
  return { call: settled, ...effect, orders: reviewed(effect.orders, calls, context.now) };
}

/** The orders with their payment review as the calls say; updated now where that is another one than before. */
export function reviewed(
  orders: readonly OrderWithItems[],
  calls: readonly GatewayCall[],
  now: Date,
): readonly OrderWithItems[] {
  return orders.map(({ order, items }) => {
    const current = underReview(order, calls);
    const updatedAt = current === order ? order.updatedAt : now;
    return { order: { ...current, status: orderStatus(current, items), updatedAt }, items };
  });
}

type Effect = Omit<Settlement, 'call'>;

function effectOf(call: GatewayCall, locked: InvoiceWithMoney, context: CallContext): Effect {
  switch (call.kind) {
    case 'CAPTURE':
    case 'CHECKOUT':
      return received(call, locked, context);
    case 'REFUND':
      return gaveBack(call, locked, context);
    case 'VOID':
      return voided(call, locked, context);
    case 'GIVE_BACK':
      return givenBack(call, locked, context);
    case 'AUTHORIZE':
      throw new RangeError('An authorisation is of an order, not of an invoice.');
  }
}

function received(call: GatewayCall, locked: InvoiceWithMoney, context: CallContext): Effect {
  const { invoice } = locked;
  if (call.status === 'SUCCEEDED') {
    if (call.amount > reimbursement(invoice, false).amountDue) return returned(call, locked, context);
    const changed = receiveMoney(invoice, call.amount, context.now);
    return { ...unchanged(locked, [paymentOf(call, invoice.id, 'SUCCEEDED')]), invoice: changed };
  }
  // Nobody has paid anything yet at a page that is merely open, or was closed.
  if (call.kind === 'CHECKOUT') return unchanged(locked, []);
  return unchanged(locked, [paymentOf(call, invoice.id, call.status === 'PENDING' ? 'PENDING' : 'FAILED')]);
}

function returned(call: GatewayCall, locked: InvoiceWithMoney, context: CallContext): Effect {
  const { id: targetId, invoiceId, orderIds, amount, currency, method, reference: source } = call;
  const giveBack = newCall(
    { kind: 'GIVE_BACK', invoiceId, orderIds, targetId, source, method, amount, currency },
    context,
  );
  const payment = paymentOf(call, locked.invoice.id, 'PENDING');
  // Nobody waits for it: the sweep makes it.
  return { ...unchanged(locked, [payment]), next: [{ ...giveBack, dueAt: context.now }] };
}

const FIRST_RETRY_MS = 60_000;
const LATEST_RETRY_MS = 86_400_000;

// Nobody else can give this money back, so a gateway that declines is asked by another call, and more and more rarely.
function givenBack(call: GatewayCall, locked: InvoiceWithMoney, context: CallContext): Effect {
  if (call.status === 'SUCCEEDED') return unchanged(locked, [targetPayment(call, locked, 'VOIDED')]);
  if (call.status !== 'FAILED') return unchanged(locked, []);
  const tries = locked.calls.filter(({ kind, targetId }) => kind === 'GIVE_BACK' && targetId === call.targetId).length;
  const delayMs = Math.min(FIRST_RETRY_MS * 2 ** (tries - 1), LATEST_RETRY_MS);
  const { kind, invoiceId, orderIds, targetId, source, method, amount, currency } = call;
  const again = newCall({ kind, invoiceId, orderIds, targetId, source, method, amount, currency }, context);
  return { ...unchanged(locked, []), next: [{ ...again, dueAt: new Date(context.now.getTime() + delayMs) }] };
}

function gaveBack(call: GatewayCall, locked: InvoiceWithMoney, { now }: CallContext): Effect {
  const status = ({ SUCCEEDED: 'SUCCEEDED', PENDING: 'PENDING', FAILED: 'FAILED', ASKED: 'PENDING' } as const)[
    call.status
  ];
  const before = unchanged(locked, [paymentOf(call, locked.invoice.id, status)]);
  if (call.status !== 'SUCCEEDED') return before;
  const { invoice, orders } = refunded(locked, call.amount, now);
  const settled = new Map(orders.map((placed) => [placed.order.id, placed]));
  return { ...before, invoice, orders: locked.orders.map((placed) => settled.get(placed.order.id) ?? placed) };
}

function voided(call: GatewayCall, locked: InvoiceWithMoney, { now }: CallContext): Effect {
  if (call.status !== 'SUCCEEDED') return unchanged(locked, []);
  const { invoice, lines, orders } = locked;
  const amountPaid = invoice.amountPaid - call.amount;
  // Captured at several authorisations: cancelled once the last of them is void.
  const isLast = amountPaid === 0n;
  return {
    invoice: {
      ...invoice,
      amountPaid,
      state: isLast ? nextState(invoice, 'void', 'be voided') : invoice.state,
      updatedAt: now,
    },
    orders: isLast ? giveQuantitiesBack(lines, orders, now) : orders,
    payments: [targetPayment(call, locked, 'VOIDED')],
    next: [],
  };
}

function targetPayment(call: GatewayCall, { invoice, calls }: InvoiceWithMoney, status: PaymentStatus): Payment {
  const target = calls.find(({ id }) => id === call.targetId);
  if (!target) throw new RangeError('What is taken back was captured by a call of the same invoice.');
  return paymentOf(target, invoice.id, status);
}

function unchanged({ invoice, orders }: InvoiceWithMoney, payments: readonly Payment[]): Effect {
  return { invoice, orders, payments, next: [] };
}
