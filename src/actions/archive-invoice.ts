// archiveInvoice: hides an invoice from lists. Nothing else changes.

import type { Actor } from '../domain/access.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';

/** Archiving what is archived changes nothing. Throws NOT_FOUND. */
export async function archiveInvoice(ports: Ports, actor: Actor, invoiceId: string): Promise<Invoice> {
  return setArchived(ports, actor, invoiceId, true);
}

/** Sets or clears the flag; an invoice that has it so already is left as it is. */
export async function setArchived(
  ports: Ports,
  actor: Actor,
  invoiceId: string,
  isArchived: boolean,
): Promise<Invoice> {
  return changeInvoice(ports, actor, 'invoices:write', invoiceId, async ({ invoice }, _, now) =>
    invoice.isArchived === isArchived ? invoice : { ...invoice, isArchived, updatedAt: now },
  );
}
