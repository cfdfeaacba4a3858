// Reading customers, orders and invoices. One statement serves many ids.

import type { InvoiceDocument } from '../domain/invoice.ts';
import type { StoreClient } from './prisma-rows.ts';
import type { Customers, Invoices, Orders } from '../ports.ts';
import * as lists from './prisma-lists.ts';
import * as records from './prisma-records.ts';
import { withItems } from './prisma-transaction.ts';

export function prismaCustomers(client: StoreClient): Customers {
  return {
    findById: async (merchantId, ids) =>
      (await client.customer.findMany({ where: { merchantId, id: { in: records.storableList(ids) } } })).map(
        records.toCustomer,
      ),
  };
}

export function prismaOrders(client: StoreClient): Orders {
  return {
    findById: async (merchantId, ids) =>
      (await client.order.findMany({ where: { merchantId, id: { in: records.storableList(ids) } } })).map(
        records.toOrder,
      ),
    findByNumber: async (merchantId, number) => {
      const row = await client.order.findFirst({ where: { merchantId, number: records.storable(number) } });
      return row && records.toOrder(row);
    },
    itemsOf: async (merchantId, orderIds) => {
      const where = { merchantId, orderId: { in: records.storableList(orderIds) } };
      const rows = await client.orderItem.findMany({ where, orderBy: [{ orderId: 'asc' }, { position: 'asc' }] });
      return rows.map(records.toOrderItem);
    },
    withItems: async (merchantId, itemIds) => {
      const where = { merchantId, orderItems: { some: { id: { in: records.storableList(itemIds) } } } };
      const include = { orderItems: { orderBy: { position: 'asc' as const } } };
      const rows = await client.order.findMany({ where, include });
      const items = rows.flatMap(({ orderItems }) => orderItems.map(records.toOrderItem));
      return withItems(
        rows.map(({ orderItems: _, ...order }) => records.toOrder(order)),
        items,
      );
    },
    page: async (merchantId, query, window) => {
      const ids = await lists.orderIds(client, merchantId, query, window);
      const rows = await client.order.findMany({ where: { merchantId, id: { in: [...ids] } } });
      return inOrderOf(ids, rows).map(records.toOrder);
    },
    count: (merchantId, filter) => lists.orderCount(client, merchantId, filter),
  };
}

export function prismaInvoices(client: StoreClient): Omit<Invoices, 'findWithParts'> {
  const byIds = (merchantId: string, ids: readonly string[]) => ({
    merchantId,
    invoiceId: { in: records.storableList(ids) },
  });
  return {
    findById: async (merchantId, ids) =>
      (await client.invoice.findMany({ where: { merchantId, id: { in: records.storableList(ids) } } })).map(
        records.toInvoice,
      ),
    linesOf: async (merchantId, ids) => {
      const orderBy = [{ invoiceId: 'asc' as const }, { position: 'asc' as const }];
      return (await client.invoiceLine.findMany({ where: byIds(merchantId, ids), orderBy })).map(records.toInvoiceLine);
    },
    ordersOn: (merchantId, ids) =>
      client.invoiceOrder.findMany({
        where: byIds(merchantId, ids),
        select: { invoiceId: true, orderId: true },
        orderBy: [{ invoiceId: 'asc' }, { position: 'asc' }],
      }),
    invoicesOver: (merchantId, orderIds) =>
      client.invoiceOrder.findMany({
        where: { merchantId, orderId: { in: records.storableList(orderIds) } },
        select: { invoiceId: true, orderId: true },
        orderBy: [{ invoice: { createdAt: 'asc' } }, { invoiceId: 'asc' }],
      }),
    creditsOf: async (merchantId, ids) => {
      const where = { merchantId, correctsInvoiceId: { in: records.storableList(ids) } };
      const rows = await client.invoice.findMany({ where, orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] });
      return rows.map(records.toInvoice);
    },
    paymentsOf: async (merchantId, ids) => {
      const orderBy = [{ createdAt: 'asc' as const }, { id: 'asc' as const }];
      return (await client.payment.findMany({ where: byIds(merchantId, ids), orderBy })).map(records.toPayment);
    },
    commentsOf: (merchantId, ids) => {
      const orderBy = [{ createdAt: 'asc' as const }, { id: 'asc' as const }];
      return client.invoiceComment.findMany({ where: byIds(merchantId, ids), orderBy });
    },
    emailsOf: async (merchantId, ids) => {
      const orderBy = [{ createdAt: 'asc' as const }, { id: 'asc' as const }];
      const include = { invoice: { select: { pdfStatus: true, pdfError: true } } };
      return (await client.invoiceEmail.findMany({ where: byIds(merchantId, ids), orderBy, include })).map(
        records.toInvoiceEmail,
      );
    },
    page: async (merchantId, query, window) => {
      const ids = await lists.invoiceIds(client, merchantId, query, window);
      const rows = await client.invoice.findMany({ where: { merchantId, id: { in: [...ids] } } });
      return inOrderOf(ids, rows).map(records.toInvoice);
    },
    count: (merchantId, filter) => lists.invoiceCount(client, merchantId, filter),
  };
}

/** In the order of their numbers. */
export async function readDocuments(
  client: StoreClient,
  merchantId: string,
  invoiceIds: readonly string[],
): Promise<readonly InvoiceDocument[]> {
  const rows = await client.invoice.findMany({
    where: { merchantId, id: { in: records.storableList(invoiceIds) } },
    orderBy: [{ series: 'asc' }, { year: 'asc' }, { sequence: 'asc' }],
    include: {
      invoiceLines: { orderBy: { position: 'asc' } },
      invoiceOrders: { orderBy: { position: 'asc' } },
      corrects: { select: { number: true, issueDate: true } },
    },
  });
  return rows.map(({ invoiceLines, invoiceOrders, corrects, ...invoice }) => ({
    // As it was when it was issued: money that comes later never changes the document.
    invoice: { ...records.toInvoice(invoice), amountPaid: invoice.paidAtIssue },
    numbering: { series: invoice.series, year: invoice.year, sequence: invoice.sequence },
    lines: invoiceLines.map(records.toInvoiceLine),
    orders: invoiceOrders.map(({ orderId, orderNumber, placedOn }) => ({
      orderId,
      number: orderNumber,
      placedOn: records.toDay(placedOn),
    })),
    corrects: corrects && { number: corrects.number, issueDate: records.toDay(corrects.issueDate) },
  }));
}

/** The records of these ids, in their order. */
function inOrderOf<T extends { readonly id: string }>(ids: readonly string[], found: readonly T[]): readonly T[] {
  const byId = new Map(found.map((record) => [record.id, record]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}
