// cancelInvoice: gives quantities and amounts back to the orders; the document and its number stay.

import type { Actor } from '../domain/access.ts';
import { cancelInvoice as decide } from '../domain/invoice-state.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';

/** Throws NOT_FOUND, or INVOICE_NOT_CANCELABLE unless the invoice is OPEN and no money was received for it. */
export async function cancelInvoice(ports: Ports, actor: Actor, invoiceId: string): Promise<Invoice> {
  return changeInvoice(ports, actor, 'invoices:write', invoiceId, async (locked, transaction, now) => {
    const { invoice, orders } = decide(locked.invoice, locked.lines, locked.orders, now);
    await transaction.updateOrders(orders);
    return invoice;
  });
}
