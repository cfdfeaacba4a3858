// What merchants are told of by webhooks: the closed set of events, and what is said about each.
//
// 1. A message never changes: what may change later of its invoice was kept when the event happened.
// 2. Names and amounts are those of the API.

import type { Invoice } from './invoice.ts';
import type { Money } from './money.ts';
import { reimbursement } from './reimbursement.ts';

/** The events, and what each is called in a message. */
export const WEBHOOK_TYPES = {
  INVOICE_CREATED: 'invoice.created',
  INVOICE_PAID: 'invoice.paid',
  INVOICE_CANCELED: 'invoice.canceled',
  INVOICE_CREDITED: 'invoice.credited',
  INVOICE_PDF_READY: 'invoice.pdf_ready',
  INVOICE_EMAIL_FAILED: 'invoice.email_failed',
} as const;

export type WebhookEvent = keyof typeof WEBHOOK_TYPES;

export const WEBHOOK_EVENTS = Object.keys(WEBHOOK_TYPES) as readonly WebhookEvent[];

/** What was kept of an invoice when the event happened; below the line, what only some events have. */
export interface WebhookSnapshot {
  readonly state: Invoice['state'];
  readonly amountPaid: Money;
  readonly amountRefunded: Money;
  readonly amountCredited: Money;

  readonly creditInvoiceId?: string | undefined;
  readonly pdfSha256?: string | undefined;
  readonly emailId?: string | undefined;
  readonly reason?: string | undefined;
}

export interface WebhookMessage {
  /** The same for every endpoint and every attempt. */
  readonly id: string;
  readonly event: WebhookEvent;
  readonly happenedAt: Date;
  /** As it may be by now. */
  readonly invoice: Invoice;
  readonly orderIds: readonly string[];
  readonly snapshot: WebhookSnapshot;
}

/** The body that is sent and signed. The same message gives the same text, however much later. */
export function webhookBody({ event, happenedAt, invoice, orderIds, snapshot }: WebhookMessage): string {
  const { creditInvoiceId, pdfSha256, emailId, reason, ...kept } = snapshot;
  const then: Invoice = { ...invoice, ...kept };
  const { amountDue } = reimbursement(then, false);
  return JSON.stringify({
    type: WEBHOOK_TYPES[event],
    timestamp: happenedAt.toISOString(),
    data: {
      invoice_id: then.id,
      number: then.number,
      type: then.type,
      state: then.state,
      customer_id: then.customerId,
      order_ids: orderIds,
      currency: then.currency,
      total_ex_vat: Number(then.totalExVat),
      total_vat: Number(then.totalVat),
      total: Number(then.totalExVat + then.totalVat),
      amount_due: Number(amountDue),
      amount_paid: Number(then.amountPaid),
      amount_refunded: Number(then.amountRefunded),
      amount_credited: Number(then.amountCredited),
      corrects_invoice_id: then.correctsInvoiceId,
      // JSON leaves out what an event does not have.
      credit_invoice_id: creditInvoiceId,
      pdf_sha256: pdfSha256,
      email_id: emailId,
      reason,
    },
  });
}
