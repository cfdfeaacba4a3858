// Money at the payment gateway: which calls a capture, a void or a refund of an invoice asks for, and what refuses.

import { badInput, Refusal } from './errors.ts';
import { isUnsettled, newCall, type CallContext, type GatewayCall, type GatewayCallKind } from './gateway-call.ts';
import { hasContraItems, nextState, refuseUnderReview } from './invoice-state.ts';
import type { Invoice, InvoiceLine } from './invoice.ts';
import { minimum, sum, type Money } from './money.ts';
import type { OrderWithItems } from './order.ts';
import { refundOf } from './refund.ts';
import { reimbursement } from './reimbursement.ts';

/** An invoice with all that its money hangs on, under locks. `calls`: of the invoice, and of its orders. */
export interface InvoiceWithMoney {
  readonly invoice: Invoice;
  readonly lines: readonly InvoiceLine[];
  readonly orders: readonly OrderWithItems[];
  readonly calls: readonly GatewayCall[];
}

/**
 * One capture an order, of what the invoice carries of it, as far as it is due and neither captured nor on its way.
 * Throws INVOICE_NOT_CAPTURABLE unless the invoice is OPEN and every order concerned has an authorisation.
 */
export function planCapture(locked: InvoiceWithMoney, context: CallContext): readonly GatewayCall[] {
  const { invoice, orders, calls } = locked;
  nextState(invoice, 'capture', 'be captured');
  const captures = ofInvoice(locked, 'CAPTURE').filter(({ status }) => status !== 'FAILED');
  let due = reimbursement(invoice, false).amountDue - sum(captures.filter(isUnsettled).map(({ amount }) => amount));
  const planned: GatewayCall[] = [];
  for (const { order } of orders) {
    const carried = sum(locked.lines.filter(({ orderId }) => orderId === order.id).map(lineTotal));
    const taken = captures.filter(({ orderIds, id }) => orderIds.includes(order.id) && !isTakenBack(id, calls));
    const amount = minimum(due, carried - sum(taken.map((call) => call.amount)));
    if (amount <= 0n) continue;
    if (order.paymentAuthorization === null) {
      throw notCapturable(invoice, `order ${order.number} has no authorisation at the payment gateway`);
    }
    due -= amount;
    const { paymentAuthorization: source, paymentMethod, currency, id } = order;
    const method = paymentMethod ?? context.gateway;
    planned.push(
      newCall({ kind: 'CAPTURE', invoiceId: invoice.id, orderIds: [id], amount, currency, source, method }, context),
    );
  }
  if (planned.length === 0) throw notCapturable(invoice, 'nothing of it is left to capture');
  return planned;
}

/**
 * One void a capture. Throws INVOICE_NOT_VOIDABLE unless the invoice is PAID, by captures at this gateway alone, and
 * nothing of it was refunded or credited.
 */
export function planVoid(locked: InvoiceWithMoney, context: CallContext): readonly GatewayCall[] {
  const { invoice, orders, calls } = locked;
  nextState(invoice, 'void', 'be voided');
  const captures = capturesOf(locked, context.gateway).filter(({ id }) => !isTakenBack(id, calls));
  if (captures.length === 0 || sum(captures.map(({ amount }) => amount)) !== invoice.amountPaid) {
    throw notVoidable(invoice, 'was not paid at the payment gateway alone');
  }
  const isRefunded = invoice.amountRefunded > 0n || ofInvoice(locked, 'REFUND').some(isUnsettled);
  if (isRefunded || invoice.amountCredited > 0n || hasContraItems(invoice, orders)) {
    throw notVoidable(invoice, 'was refunded or credited in part');
  }
  // Without an order there is no payment review that tells.
  if (ofInvoice(locked, 'VOID').some(isUnsettled)) throw notVoidable(invoice, 'is being voided already');
  refuseUnderReview(orders, (reason) => notVoidable(invoice, `cannot be voided now: ${reason}`));
  return captures.map((capture) =>
    newCall(
      {
        kind: 'VOID',
        invoiceId: invoice.id,
        orderIds: orders.map(({ order }) => order.id),
        targetId: capture.id,
        source: capture.reference,
        method: capture.method,
        amount: capture.amount,
        currency: capture.currency,
      },
      context,
    ),
  );
}

/**
 * Refunds of captures, the newest first, for `amount` or all that the invoice's contra items call for. Throws
 * BAD_USER_INPUT for more than was paid, or than was captured at this gateway, and CONFLICT when nothing is to be refunded.
 */
export function planRefund(
  locked: InvoiceWithMoney,
  asked: Money | null,
  context: CallContext,
): readonly GatewayCall[] {
  const { invoice } = locked;
  const amount = refundOf(locked, asked);
  const captures = capturesOf(locked, context.gateway)
    .map((capture) => ({ capture, left: capture.amount - refundedOf(capture, locked.calls) }))
    .filter(({ left }) => left > 0n)
    .reverse();
  const refundable = sum(captures.map(({ left }) => left));
  if (amount > refundable) {
    const message = `ONLINE can refund at most ${refundable}, what the payment gateway captured and did not give back`;
    throw badInput([{ path: ['mode'], message }]);
  }
  let left = amount;
  const planned: GatewayCall[] = [];
  for (const { capture, left: available } of captures) {
    const part = minimum(left, available);
    if (part === 0n) break;
    left -= part;
    const { currency, method, reference: source, orderIds, id: targetId } = capture;
    planned.push(
      newCall(
        { kind: 'REFUND', invoiceId: invoice.id, orderIds, targetId, source, method, amount: part, currency },
        context,
      ),
    );
  }
  return planned;
}

/** A page of the gateway for what is due of an invoice; the one that is open for the same amount already, if there is. */
export function planCheckout(locked: InvoiceWithMoney, context: CallContext): GatewayCall | null {
  const { invoice, orders } = locked;
  const amount = payableAmount(invoice, locked.calls);
  if (amount <= 0n) return null;
  const open = ofInvoice(locked, 'CHECKOUT').find(
    (call) => isUnsettled(call) && call.amount === amount && call.gateway === context.gateway,
  );
  const orderIds = orders.map(({ order }) => order.id);
  const { id: invoiceId, currency } = invoice;
  return open ?? newCall({ kind: 'CHECKOUT', invoiceId, orderIds, amount, currency, source: null }, context);
}

/** What a person can still pay of an invoice: what is due, less what is on its way. */
export function payableAmount(invoice: Invoice, calls: readonly GatewayCall[]): Money {
  const onItsWay = calls.filter(
    (call) => call.invoiceId === invoice.id && call.kind === 'CAPTURE' && isUnsettled(call),
  );
  return reimbursement(invoice, false).amountDue - sum(onItsWay.map(({ amount }) => amount));
}

function ofInvoice({ invoice, calls }: InvoiceWithMoney, kind: GatewayCallKind): readonly GatewayCall[] {
  return calls.filter((call) => call.kind === kind && call.invoiceId === invoice.id);
}

/** What brought money for the invoice at this gateway, oldest first. */
function capturesOf(locked: InvoiceWithMoney, gateway: string): readonly GatewayCall[] {
  return locked.calls.filter(
    (call) =>
      (call.kind === 'CAPTURE' || call.kind === 'CHECKOUT') &&
      call.invoiceId === locked.invoice.id &&
      call.status === 'SUCCEEDED' &&
      call.gateway === gateway &&
      !isGivenBack(call.id, locked.calls),
  );
}

function isTakenBack(callId: string, calls: readonly GatewayCall[]): boolean {
  return calls.some((call) => call.kind === 'VOID' && call.targetId === callId && call.status === 'SUCCEEDED');
}

function isGivenBack(callId: string, calls: readonly GatewayCall[]): boolean {
  return calls.some((call) => call.kind === 'GIVE_BACK' && call.targetId === callId);
}

function refundedOf(capture: GatewayCall, calls: readonly GatewayCall[]): Money {
  const taken = calls.filter((call) => call.targetId === capture.id && call.status !== 'FAILED');
  return sum(taken.map(({ amount }) => amount));
}

function lineTotal({ totalExVat, totalVat }: InvoiceLine): Money {
  return totalExVat + totalVat;
}

function notCapturable({ number }: Invoice, reason: string): Refusal {
  return new Refusal('INVOICE_NOT_CAPTURABLE', `Invoice ${number} cannot be captured: ${reason}.`);
}

function notVoidable({ number }: Invoice, reason: string): Refusal {
  return new Refusal('INVOICE_NOT_VOIDABLE', `Invoice ${number} ${reason}.`);
}
