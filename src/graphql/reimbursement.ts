// The reimbursement block: an invoice with the payments that were made for it.

import type { Invoice } from '../domain/invoice.ts';
import type { Payment } from '../domain/payment.ts';

export interface PaidInvoice {
  readonly invoice: Invoice;
  readonly payments: readonly Payment[];
}
