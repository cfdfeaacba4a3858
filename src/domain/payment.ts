// Payments: money that came in for an invoice, or went back.

import type { Money } from './money.ts';

/** PENDING: the gateway has not decided. VOIDED: it was taken back as if it had never been. */
export type PaymentStatus = 'PENDING' | 'SUCCEEDED' | 'FAILED' | 'VOIDED';

export interface Payment {
  readonly id: string;
  readonly invoiceId: string;
  /** What the shop or the gateway calls the way of paying. */
  readonly method: string;
  /** Above 0, for refunds as well. */
  readonly amount: Money;
  readonly isRefund: boolean;
  readonly status: PaymentStatus;
  /** What the bank, the shop or the gateway knows it by. */
  readonly reference: string | null;
  readonly createdAt: Date;
}
