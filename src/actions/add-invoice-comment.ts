// addInvoiceComment: a note on an invoice, in any state, and the invoice mailed with it if that is asked for. The other
// flags record; they send nothing.

import type { Actor } from '../domain/access.ts';
import { badInput } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { InvoiceWithMoney } from '../domain/online-payment.ts';
import { Faults } from '../domain/text.ts';
import type { EmailReference, Ports, Transaction } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';
import { askForEmails, queueEmail } from './queue-email.ts';

export const MAX_COMMENT = 2_000;

export interface AddInvoiceCommentInput {
  readonly invoiceId: string;
  readonly comment: string;
  readonly isCustomerNotified?: boolean | null | undefined;
  readonly isVisibleOnFront?: boolean | null | undefined;
  readonly sendEmail?: boolean | null | undefined;
  /** Puts the comment into that mail. */
  readonly includeComment?: boolean | null | undefined;
}

/** Throws NOT_FOUND or BAD_USER_INPUT. */
export async function addInvoiceComment(ports: Ports, actor: Actor, input: AddInvoiceCommentInput): Promise<Invoice> {
  const faults = new Faults();
  faults.lines(['comment'], input.comment, MAX_COMMENT);
  if (faults.list.length > 0) throw badInput(faults.list);
  const queued: EmailReference[] = [];
  const write = async ({ invoice }: InvoiceWithMoney, transaction: Transaction, now: Date) => {
    // Emptied first: the database may ask for the whole transaction again.
    queued.length = 0;
    await transaction.insertComment({
      id: ports.ids.next(),
      invoiceId: invoice.id,
      comment: input.comment,
      isCustomerNotified: input.isCustomerNotified ?? false,
      isVisibleOnFront: input.isVisibleOnFront ?? false,
      createdAt: now,
    });
    if (input.sendEmail === true) {
      const request = { comment: input.includeComment === true ? input.comment : null, field: 'sendEmail' as const };
      queued.push(await queueEmail(ports, transaction, invoice, request, now));
    }
    return { ...invoice, updatedAt: now };
  };
  const invoice = await changeInvoice(ports, actor, 'invoices:write', input.invoiceId, write);
  await askForEmails(ports, invoice, queued);
  return invoice;
}
