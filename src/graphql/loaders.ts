// The look-ups of one request: what many fields ask for one by one is read in one statement.

import DataLoader from 'dataloader';
import type { App } from '../app.ts';
import type { Actor } from '../domain/access.ts';
import type { Invoice, InvoiceLine } from '../domain/invoice.ts';
import type { Order, OrderItem } from '../domain/order.ts';
import type { Customer } from '../domain/party.ts';
import type { Payment } from '../domain/payment.ts';

export type Loaders = ReturnType<typeof createLoaders>;

export function createLoaders(app: App, actor: Actor) {
  return {
    order: one<Order>((ids) => app.ordersById(actor, ids)),
    customer: one<Customer>((ids) => app.customersById(actor, ids)),
    invoice: one<Invoice>((ids) => app.invoicesById(actor, ids)),
    itemsOfOrder: many<OrderItem>(
      (ids) => app.itemsOfOrders(actor, ids),
      (item) => item.orderId,
    ),
    linesOfInvoice: many<InvoiceLine>(
      (ids) => app.linesOfInvoices(actor, ids),
      (line) => line.invoiceId,
    ),
    commentsOfInvoice: many(
      (ids) => app.commentsOfInvoices(actor, ids),
      (comment) => comment.invoiceId,
    ),
    emailsOfInvoice: many(
      (ids) => app.emailsOfInvoices(actor, ids),
      (email) => email.invoiceId,
    ),
    paymentsOfInvoice: many<Payment>(
      (ids) => app.paymentsOfInvoices(actor, ids),
      (payment) => payment.invoiceId,
    ),
    creditsOfInvoice: many<Invoice>(
      (ids) => app.creditsOfInvoices(actor, ids),
      (invoice) => invoice.correctsInvoiceId ?? '',
    ),
    ordersOnInvoice: many(
      (ids) => app.ordersOnInvoices(actor, ids),
      (link) => link.invoiceId,
    ),
    invoicesOverOrder: many(
      (ids) => app.invoicesOverOrders(actor, ids),
      (link) => link.orderId,
    ),
  };
}

function one<T extends { readonly id: string }>(read: (ids: readonly string[]) => Promise<readonly T[]>) {
  return new DataLoader<string, T | null>(async (ids) => {
    const found = new Map((await read(ids)).map((record) => [record.id, record]));
    return ids.map((id) => found.get(id) ?? null);
  });
}

/** Groups what was read by the id that each record belongs to; records keep the order in which they were read. */
function many<T>(read: (ids: readonly string[]) => Promise<readonly T[]>, ownerOf: (record: T) => string) {
  return new DataLoader<string, readonly T[]>(async (ids) => {
    const groups = new Map<string, T[]>(ids.map((id) => [id, []]));
    for (const record of await read(ids)) groups.get(ownerOf(record))?.push(record);
    return ids.map((id) => groups.get(id) ?? []);
  });
}
