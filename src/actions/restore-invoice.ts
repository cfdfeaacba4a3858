// restoreInvoice: shows an archived invoice in lists again. Nothing else changes.

import type { Actor } from '../domain/access.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports } from '../ports.ts';
import { setArchived } from './archive-invoice.ts';

/** Restoring what is not archived changes nothing. Throws NOT_FOUND. */
export async function restoreInvoice(ports: Ports, actor: Actor, invoiceId: string): Promise<Invoice> {
  return setArchived(ports, actor, invoiceId, false);
}
