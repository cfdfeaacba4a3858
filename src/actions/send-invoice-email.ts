// sendInvoiceEmail: mails an invoice, for the first time or again, in any state. Each call is an entry of its own.

import type { Actor } from '../domain/access.ts';
import { badInput } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { InvoiceWithMoney } from '../domain/online-payment.ts';
import { Faults } from '../domain/text.ts';
import type { EmailReference, Ports, Transaction } from '../ports.ts';
import { MAX_COMMENT } from './add-invoice-comment.ts';
import { changeInvoice } from './change-invoice.ts';
import { askForEmails, queueEmail } from './queue-email.ts';

export interface SendInvoiceEmailInput {
  readonly invoiceId: string;
  readonly to?: string | null | undefined;
  readonly comment?: string | null | undefined;
}

/** Throws NOT_FOUND or BAD_USER_INPUT. */
export async function sendInvoiceEmail(ports: Ports, actor: Actor, input: SendInvoiceEmailInput): Promise<Invoice> {
  const faults = new Faults();
  if (typeof input.comment === 'string') faults.lines(['comment'], input.comment, MAX_COMMENT);
  if (faults.list.length > 0) throw badInput(faults.list);
  const queued: EmailReference[] = [];
  const write = async ({ invoice }: InvoiceWithMoney, transaction: Transaction, now: Date) => {
    const request = { to: input.to, comment: input.comment ?? null, field: 'to' as const };
    // In place of the one before: the database may ask for the whole transaction again.
    queued[0] = await queueEmail(ports, transaction, invoice, request, now);
    return invoice;
  };
  const invoice = await changeInvoice(ports, actor, 'invoices:write', input.invoiceId, write);
  await askForEmails(ports, invoice, queued);
  return invoice;
}
