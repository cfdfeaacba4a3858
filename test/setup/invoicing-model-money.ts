// The money of the invoices of the model: captured, paid, voided, refunded, or refused.

import * as m from './invoicing-model.ts';
import type { Invoice, Model, Order, Payment } from './invoicing-model.ts';

export interface Refused {
  readonly code: string;
  /** Of NOT_INVOICEABLE: each as "code item". */
  readonly blockers: readonly string[];
}

/** null: the operation succeeded. */
export type Outcome = Refused | null;

export const refuse = (code: string, blockers: readonly string[] = []): Refused => ({ code, blockers });

export const paymentOf = (method: string, amount: bigint): Payment => ({
  method,
  amount,
  isRefund: false,
  status: 'SUCCEEDED',
  capturedFor: null,
  of: null,
});

const isCapture = ({ capturedFor, isRefund, status }: Payment) =>
  capturedFor !== null && !isRefund && status === 'SUCCEEDED';

/** What the test gateway makes of a capture. */
export function verdictOn({ invoices }: Model, order: Order, amount: bigint): Payment['status'] {
  const source = order.authorization ?? '';
  if (source.startsWith('auth_decline')) return 'FAILED';
  const taken = invoices
    .flatMap(({ payments }) => payments)
    .filter((payment) => payment.capturedFor === order && !payment.isRefund)
    .filter(({ status }) => status === 'SUCCEEDED' || status === 'PENDING')
    .reduce((sum, payment) => sum + payment.amount, 0n);
  if (order.held !== null && amount > order.held - taken) return 'FAILED';
  return source.startsWith('auth_pending') ? 'PENDING' : 'SUCCEEDED';
}

const givesBack = ({ capturedFor }: Payment) => !capturedFor?.authorization?.startsWith('auth_norefund');

/** Books money that came, or is on its way: the invoice is PAID once nothing is due any more. */
export function receive(model: Model, invoice: Invoice, payment: Payment): void {
  const due = m.dueOf(model, invoice);
  invoice.payments.push(payment);
  if (payment.status === 'SUCCEEDED' && payment.amount === due) invoice.state = 'PAID';
}

/** The gateway decided about a pending payment. What the invoice cannot take any more goes back. */
export function decide(model: Model, invoice: Invoice, payment: Payment, verdict: 'pay' | 'decline'): void {
  if (payment.status !== 'PENDING') return;
  const due = m.dueOf(model, invoice);
  payment.status = verdict === 'decline' ? 'FAILED' : payment.amount > due ? 'VOIDED' : 'SUCCEEDED';
  if (payment.status === 'SUCCEEDED' && payment.amount === due) invoice.state = 'PAID';
}

/** One capture an order, of what the invoice carries of it, as far as it is due and neither captured nor on its way. */
export function capture(model: Model, invoice: Invoice): Outcome {
  if (invoice.state !== 'OPEN') return refuse('INVOICE_NOT_CAPTURABLE');
  let due = m.dueOf(model, invoice) - m.onItsWayOf(invoice);
  const planned: { readonly order: Order; readonly amount: bigint }[] = [];
  for (const order of [...m.ordersOf(invoice)].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const carried = m.gross(m.sumOf(invoice.lines.filter(({ item }) => item?.order === order)));
    const taken = invoice.payments
      .filter(({ capturedFor, isRefund }) => capturedFor === order && !isRefund)
      .filter(({ status }) => status === 'SUCCEEDED' || status === 'PENDING')
      .reduce((sum, payment) => sum + payment.amount, 0n);
    const amount = m.least(due, carried - taken);
    if (amount <= 0n) continue;
    due -= amount;
    planned.push({ order, amount });
  }
  if (planned.length === 0 || planned.some(({ order }) => order.authorization === null))
    return refuse('INVOICE_NOT_CAPTURABLE');
  const statuses = planned.map(({ order, amount }) => {
    const status = verdictOn(model, order, amount);
    receive(model, invoice, { ...paymentOf(order.method ?? 'test', amount), capturedFor: order, status });
    return status;
  });
  return statuses.includes('FAILED') ? refuse('PAYMENT_GATEWAY_ERROR') : null;
}

/** Contra items call for a credit of it, or it is one. */
export const isPartOfCredit = (model: Model, invoice: Invoice): boolean =>
  invoice.corrects !== null || m.contraItemsOf(model, invoice).length > 0;

/** Whether the gateway decides about money of an order on it. */
export const isHeldUp = (model: Model, invoice: Invoice): boolean =>
  m.ordersOf(invoice).some((order) => m.isInReview(model, order));

export function voidInvoice(model: Model, invoice: Invoice): Outcome {
  const captures = invoice.payments.filter(isCapture);
  const captured = captures.reduce((sum, { amount }) => sum + amount, 0n);
  const isOnline = captures.length > 0 && captured === m.paidOf(invoice);
  const isTouched = m.refundedOf(invoice) > 0n || isPartOfCredit(model, invoice) || isHeldUp(model, invoice);
  if (invoice.state !== 'PAID' || !isOnline || isTouched) return refuse('INVOICE_NOT_VOIDABLE');
  for (const payment of captures.filter(givesBack)) payment.status = 'VOIDED';
  if (!captures.every(givesBack)) return refuse('PAYMENT_GATEWAY_ERROR');
  invoice.state = 'CANCELED';
  return null;
}

export function cancelInvoice(model: Model, invoice: Invoice): Outcome {
  const isPaid = m.paidOf(invoice) > m.refundedOf(invoice);
  if (invoice.state !== 'OPEN' || isPaid || isHeldUp(model, invoice) || isPartOfCredit(model, invoice))
    return refuse('INVOICE_NOT_CANCELABLE');
  invoice.state = 'CANCELED';
  return null;
}

export function registerPayment(model: Model, invoice: Invoice, method: string, amount: bigint): Outcome {
  const due = m.dueOf(model, invoice);
  if (due === 0n) return refuse('CONFLICT');
  if (amount <= 0n || amount > due - m.onItsWayOf(invoice)) return refuse('BAD_USER_INPUT');
  receive(model, invoice, paymentOf(method, amount));
  return null;
}

/** `asked`, or all that the contra items call for: then those are settled, also where there is no money to give back. */
export function refund(model: Model, invoice: Invoice, asked: bigint | null, mode: 'ONLINE' | 'OFFLINE'): Outcome {
  const refundable = m.paidOf(invoice) - m.refundedOf(invoice);
  const contra = m.contraItemsOf(model, invoice);
  const leftToPay = m.totalOf(invoice) + m.gross(m.sumOf(contra.map(({ ordered }) => ordered)));
  if (asked !== null && (asked <= 0n || asked > refundable)) return refuse('BAD_USER_INPUT');
  const owed = asked ?? m.least(refundable - leftToPay, refundable);
  if (owed <= 0n && contra.every(({ isSettled }) => isSettled)) return refuse('CONFLICT');
  const settle = () => {
    const kept = m.paidOf(invoice) - m.refundedOf(invoice);
    if (kept <= leftToPay) for (const item of contra) item.isSettled = true;
  };
  if (mode === 'ONLINE' && owed > 0n) return refundCaptures(invoice, owed, settle);
  if (owed > 0n) invoice.payments.push({ ...paymentOf('offline', owed), isRefund: true });
  settle();
  return null;
}

/** The newest capture first. */
function refundCaptures(invoice: Invoice, owed: bigint, settle: () => void): Outcome {
  const captures = invoice.payments
    .filter(isCapture)
    .map((payment) => {
      const given = invoice.payments.filter(({ of, status }) => of === payment && status === 'SUCCEEDED');
      return { payment, left: payment.amount - given.reduce((sum, { amount }) => sum + amount, 0n) };
    })
    .reverse();
  if (owed > captures.reduce((sum, { left }) => sum + left, 0n)) return refuse('BAD_USER_INPUT');
  let rest = owed;
  let outcome: Outcome = null;
  for (const { payment, left } of captures) {
    const amount = m.least(rest, left);
    if (amount === 0n) continue;
    rest -= amount;
    const status = givesBack(payment) ? 'SUCCEEDED' : 'FAILED';
    const capturedFor = payment.capturedFor;
    invoice.payments.push({ ...paymentOf(payment.method, amount), isRefund: true, status, capturedFor, of: payment });
    if (status === 'SUCCEEDED') settle();
    else outcome = refuse('PAYMENT_GATEWAY_ERROR');
  }
  return outcome;
}
