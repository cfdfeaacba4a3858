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

/** Every operation in every state. Money that is registered makes an invoice PAID once nothing is due any more. */
export const TRANSITIONS = {
  cancel: { OPEN: to('CANCELED'), PAID: no('INVOICE_NOT_CANCELABLE'), CANCELED: no('INVOICE_NOT_CANCELABLE') },
  registerPayment: { OPEN: to('PAID'), PAID: no('CONFLICT'), CANCELED: no('CONFLICT') },
} as const satisfies Readonly<Record<string, Readonly<Record<InvoiceState, Outcome>>>>;

function next(invoice: Invoice, operation: keyof typeof TRANSITIONS, what: string): InvoiceState {
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
 * number stay. Throws INVOICE_NOT_CANCELABLE, also for one that money was received for: that is refunded first.
 */
export function cancelInvoice(
  invoice: Invoice,
  lines: readonly InvoiceLine[],
  orders: readonly OrderWithItems[],
  now: Date,
): CanceledInvoice {
  const state = next(invoice, 'cancel', 'be cancelled');
  if (invoice.amountPaid > invoice.amountRefunded) {
    throw new Refusal('INVOICE_NOT_CANCELABLE', `Invoice ${invoice.number} is paid in part and cannot be cancelled.`);
  }
  if (
    invoice.type === 'CREDIT_INVOICE' ||
    orders.some(({ items }) => items.some((item) => item.contraOfInvoiceId === invoice.id))
  ) {
    throw new Refusal(
      'INVOICE_NOT_CANCELABLE',
      `Invoice ${invoice.number} is part of a credit and cannot be cancelled.`,
    );
  }
  const given = new Map(lines.map((line) => [line.orderItemId, line]));
  return {
    invoice: { ...invoice, state, updatedAt: now },
    orders: orders.map(({ order, items }) => {
      const updated = items.map((item) => giveBack(item, given.get(item.id)));
      return { order: { ...order, status: orderStatus(order, updated), updatedAt: now }, items: updated };
    }),
  };
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

export interface PaymentInput {
  readonly amount: Money;
  readonly method: string;
  readonly reference?: string | null | undefined;
}

/**
 * The invoice after money was received for it outside a gateway: PAID when nothing is due any more.
 * Throws BAD_USER_INPUT for an amount that is not above 0 or more than is due, and CONFLICT when nothing is due.
 */
export function registerPayment(invoice: Invoice, input: PaymentInput, now: Date): Invoice {
  const paid = next(invoice, 'registerPayment', 'take a payment');
  const { amountDue } = reimbursement(invoice, false);
  const faults = paymentFaults(input, amountDue);
  if (faults.length > 0) throw badInput(faults);
  const state = input.amount === amountDue ? paid : invoice.state;
  return { ...invoice, state, amountPaid: invoice.amountPaid + input.amount, updatedAt: now };
}

const MAX_METHOD = 64;
const MAX_REFERENCE = 200;

function paymentFaults(input: PaymentInput, amountDue: Money): readonly Fault[] {
  const faults = new Faults();
  if (input.amount <= 0n || input.amount > amountDue) {
    faults.add(['amount'], `must be above 0 and at most ${amountDue}, what is due`);
  }
  faults.text(['method'], input.method, MAX_METHOD);
  faults.text(['reference'], input.reference, MAX_REFERENCE);
  return faults.list;
}

/** The money of an invoice after a refund, and the contra items that are settled by it. */
export interface Refund {
  readonly invoice: Invoice;
  readonly amount: Money;
  readonly settled: readonly OrderItem[];
}

/**
 * Refunds `amount`, or all that the contra items of the invoice call for. They are settled once as much was refunded as
 * they call for together, or as was ever paid. Throws BAD_USER_INPUT for more than was paid, CONFLICT when nothing is
 * to be refunded or settled.
 */
export function refundPayment(
  invoice: Invoice,
  contraItems: readonly OrderItem[],
  amount: Money | null,
  now: Date,
): Refund {
  const refundable = invoice.amountPaid - invoice.amountRefunded;
  const called = contraItems.reduce((sum, item) => sum - item.totalExVat - item.totalVat, 0n);
  const pending = contraItems.filter((item) => item.refundedAt === null);
  const owed = called - invoice.amountRefunded;
  const all = owed < refundable ? owed : refundable;
  const refunded = amount ?? (all > 0n ? all : 0n);
  if (amount !== null && (amount <= 0n || amount > refundable)) {
    throw badInput([
      { path: ['amount'], message: `must be above 0 and at most ${refundable}, what was paid and not refunded` },
    ]);
  }
  if (refunded === 0n && pending.length === 0) {
    throw new Refusal('CONFLICT', `There is nothing to refund of invoice ${invoice.number}.`);
  }
  const amountRefunded = invoice.amountRefunded + refunded;
  const isSettled = amountRefunded >= called || amountRefunded === invoice.amountPaid;
  return {
    invoice: { ...invoice, amountRefunded, updatedAt: now },
    amount: refunded,
    settled: isSettled ? pending.map((item) => ({ ...item, refundedAt: now })) : [],
  };
}
