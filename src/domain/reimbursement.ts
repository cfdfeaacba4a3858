// The money side of an invoice: what is due, what was paid, what went back.

import type { Invoice } from './invoice.ts';
import { sum, type Money } from './money.ts';
import type { Payment } from './payment.ts';

export type ReimbursementStatus =
  'OPEN' | 'PENDING' | 'PARTIALLY_PAID' | 'PAID' | 'PARTIALLY_REFUNDED' | 'REFUNDED' | 'VOIDED';

export interface Reimbursement {
  readonly status: ReimbursementStatus;
  readonly amountDue: Money;
  readonly amountPaid: Money;
  readonly amountRefunded: Money;
}

/** `hasPendingPayment`: money is on its way that the gateway has not confirmed yet. */
export function reimbursement(invoice: Invoice, hasPendingPayment: boolean): Reimbursement {
  const total = invoice.totalExVat + invoice.totalVat;
  // What a credit invoice changes is due, or no longer due, of the invoice that it corrects: never twice.
  const isCredit = invoice.type === 'CREDIT_INVOICE';
  const unpaid = isCredit ? 0n : total - invoice.amountCredited - (invoice.amountPaid - invoice.amountRefunded);
  return {
    status: statusOf(invoice, unpaid, hasPendingPayment),
    amountDue: invoice.state === 'OPEN' && unpaid > 0n ? unpaid : 0n,
    amountPaid: invoice.amountPaid,
    amountRefunded: invoice.amountRefunded,
  };
}

/** What is still to be paid: what is due, less what is on its way. Below 0 while money that came too much waits to go back. */
export function stillPayable(invoice: Invoice, payments: readonly Payment[]): Money {
  const onItsWay = payments.filter(({ status, isRefund }) => status === 'PENDING' && !isRefund);
  return reimbursement(invoice, false).amountDue - sum(onItsWay.map(({ amount }) => amount));
}

function statusOf(invoice: Invoice, unpaid: Money, hasPendingPayment: boolean): ReimbursementStatus {
  if (invoice.state === 'CANCELED') return 'VOIDED';
  if (invoice.amountRefunded > 0n) {
    return invoice.amountRefunded === invoice.amountPaid ? 'REFUNDED' : 'PARTIALLY_REFUNDED';
  }
  if (unpaid <= 0n) return 'PAID';
  if (hasPendingPayment) return 'PENDING';
  return invoice.amountPaid > 0n ? 'PARTIALLY_PAID' : 'OPEN';
}
