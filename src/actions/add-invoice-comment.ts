// addInvoiceComment: a note on an invoice, in any state. The flags record; they send nothing.

import type { Actor } from '../domain/access.ts';
import { badInput } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import { Faults } from '../domain/text.ts';
import type { Ports } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';

export const MAX_COMMENT = 2_000;

export interface AddInvoiceCommentInput {
  readonly invoiceId: string;
  readonly comment: string;
  readonly isCustomerNotified?: boolean | null | undefined;
  readonly isVisibleOnFront?: boolean | null | undefined;
}

/** Throws NOT_FOUND or BAD_USER_INPUT. */
export async function addInvoiceComment(ports: Ports, actor: Actor, input: AddInvoiceCommentInput): Promise<Invoice> {
  const faults = new Faults();
  faults.lines(['comment'], input.comment, MAX_COMMENT);
  if (faults.list.length > 0) throw badInput(faults.list);
  return changeInvoice(ports, actor, 'invoices:write', input.invoiceId, async ({ invoice }, transaction, now) => {
    await transaction.insertComment({
      id: ports.ids.next(),
      invoiceId: invoice.id,
      comment: input.comment,
      isCustomerNotified: input.isCustomerNotified ?? false,
      isVisibleOnFront: input.isVisibleOnFront ?? false,
      createdAt: now,
    });
    return { ...invoice, updatedAt: now };
  });
}
