// The money side of an invoice: what is due, what was paid, what went back.

import type { Invoice } from './invoice.ts';
import type { Money } from './money.ts';

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
  const unpaid = total - invoice.amountCredited - (invoice.amountPaid - invoice.amountRefunded);
  return {
    status: statusOf(invoice, unpaid, hasPendingPayment),
    amountDue: invoice.state === 'OPEN' && unpaid > 0n ? unpaid : 0n,
    amountPaid: invoice.amountPaid,
    amountRefunded: invoice.amountRefunded,
  };
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
