// The life of an invoice as a document: what each operation makes of it, and what refuses.
//
// 1. The content of an invoice never changes; its state and its money do.
// 2. What was paid is never cancelled: a PAID invoice is credited.

import { badInput, Refusal, type ErrorCode, type Fault } from './errors.ts';
import type { Invoice, InvoiceLine, InvoiceState } from './invoice.ts';
import type { Money } from './money.ts';
import { orderStatus, type OrderItem, type OrderWithItems } from './order.ts';
import { reimbursement } from './reimbursement.ts';
import { Faults } from './text.ts';

type Outcome = { readonly to: InvoiceState } | { readonly refusal: ErrorCode };

const to = (state: InvoiceState): Outcome => ({ to: state });
const no = (refusal: ErrorCode): Outcome => ({ refusal });

/** Every operation in every state. Money that comes in makes an invoice PAID once nothing is due any more. */
export const TRANSITIONS = {
  capture: { OPEN: to('PAID'), PAID: no('INVOICE_NOT_CAPTURABLE'), CANCELED: no('INVOICE_NOT_CAPTURABLE') },
  void: { OPEN: no('INVOICE_NOT_VOIDABLE'), PAID: to('CANCELED'), CANCELED: no('INVOICE_NOT_VOIDABLE') },
  cancel: { OPEN: to('CANCELED'), PAID: no('INVOICE_NOT_CANCELABLE'), CANCELED: no('INVOICE_NOT_CANCELABLE') },
  registerPayment: { OPEN: to('PAID'), PAID: no('CONFLICT'), CANCELED: no('CONFLICT') },
} as const satisfies Readonly<Record<string, Readonly<Record<InvoiceState, Outcome>>>>;

/** The state after the operation; `what` completes the refusal: "Invoice 2026-000042 is PAID and cannot …". */
export function nextState(invoice: Invoice, operation: keyof typeof TRANSITIONS, what: string): InvoiceState {
  const outcome: Outcome = TRANSITIONS[operation][invoice.state];
  if ('to' in outcome) return outcome.to;
  throw new Refusal(outcome.refusal, `Invoice ${invoice.number} is ${invoice.state} and cannot ${what}.`);
}

export interface CanceledInvoice {
  readonly invoice: Invoice;
  readonly orders: readonly OrderWithItems[];
}

/**
 * The invoice cancelled, and its quantities and amounts given back to the items of its orders. The document and its
 * number stay. Throws INVOICE_NOT_CANCELABLE, also for one that money was received for or is on its way for.
 */
export function cancelInvoice(
  invoice: Invoice,
  lines: readonly InvoiceLine[],
  orders: readonly OrderWithItems[],
  now: Date,
): CanceledInvoice {
  const state = nextState(invoice, 'cancel', 'be cancelled');
  const refuse = (reason: string) =>
    new Refusal('INVOICE_NOT_CANCELABLE', `Invoice ${invoice.number} cannot be cancelled: ${reason}.`);
  if (invoice.amountPaid > invoice.amountRefunded) throw refuse('it is paid in part');
  if (invoice.type === 'CREDIT_INVOICE' || hasContraItems(invoice, orders)) throw refuse('it is part of a credit');
  refuseUnderReview(orders, refuse);
  return { invoice: { ...invoice, state, updatedAt: now }, orders: giveQuantitiesBack(lines, orders, now) };
}

/** Throws what `refusal` makes of the first order whose payment is under review. */
export function refuseUnderReview(orders: readonly OrderWithItems[], refusal: (reason: string) => Refusal): void {
  const reviewed = orders.find(({ order }) => order.isInPaymentReview);
  if (reviewed) throw refusal(`the payment of order ${reviewed.order.number} is under review`);
}

/** Whether contra items call for a credit of this invoice. */
export function hasContraItems(invoice: Invoice, orders: readonly OrderWithItems[]): boolean {
  return orders.some(({ items }) => items.some(({ contraOfInvoiceId }) => contraOfInvoiceId === invoice.id));
}

/** The orders with what these lines took given back to their items. */
export function giveQuantitiesBack(
  lines: readonly InvoiceLine[],
  orders: readonly OrderWithItems[],
  now: Date,
): readonly OrderWithItems[] {
  const given = new Map(lines.map((line) => [line.orderItemId, line]));
  return orders.map(({ order, items }) => {
    const updated = items.map((item) => giveBack(item, given.get(item.id)));
    return { order: { ...order, status: orderStatus(order, updated), updatedAt: now }, items: updated };
  });
}

function giveBack(item: OrderItem, line: InvoiceLine | undefined): OrderItem {
  if (!line) return item;
  return {
    ...item,
    quantityInvoiced: item.quantityInvoiced - line.quantity,
    invoiced: {
      totalExVat: item.invoiced.totalExVat - line.totalExVat,
      totalVat: item.invoiced.totalVat - line.totalVat,
      discount: item.invoiced.discount - line.discount,
    },
  };
}

/** The invoice after money came in for it: PAID once nothing is due any more. Never more than is due. */
export function receiveMoney(invoice: Invoice, amount: Money, now: Date): Invoice {
  const { amountDue } = reimbursement(invoice, false);
  if (amount > amountDue) throw new RangeError('An invoice takes no more money than is due of it.');
  const state = amount === amountDue ? 'PAID' : invoice.state;
  return { ...invoice, state, amountPaid: invoice.amountPaid + amount, updatedAt: now };
}

export interface PaymentInput {
  readonly amount: Money;
  readonly method: string;
  readonly reference?: string | null | undefined;
}

/**
 * The invoice after money was received for it outside a gateway: PAID when nothing is due any more. `payable` is what is
 * due and not on its way already. Throws BAD_USER_INPUT for an amount that is not above 0 or more than that, and CONFLICT
 * when nothing is due.
 */
export function registerPayment(invoice: Invoice, input: PaymentInput, payable: Money, now: Date): Invoice {
  nextState(invoice, 'registerPayment', 'take a payment');
  if (reimbursement(invoice, false).amountDue === 0n) {
    throw new Refusal('CONFLICT', `Nothing is due of invoice ${invoice.number}.`);
  }
  const faults = paymentFaults(input, payable);
  if (faults.length > 0) throw badInput(faults);
  return receiveMoney(invoice, input.amount, now);
}

const MAX_METHOD = 64;
const MAX_REFERENCE = 200;

function paymentFaults(input: PaymentInput, payable: Money): readonly Fault[] {
  const faults = new Faults();
  if (input.amount <= 0n || input.amount > payable) {
    faults.add(['amount'], `must be above 0 and at most ${payable}, what is due and not on its way`);
  }
  faults.text(['method'], input.method, MAX_METHOD);
  faults.text(['reference'], input.reference, MAX_REFERENCE);
  return faults.list;
}
