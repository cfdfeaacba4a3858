// Resolvers: one call an operation, and the fields that do not stand in the record under the same name.

import { badInput } from '../domain/errors.ts';
import { invoiceability, orderActions } from '../domain/invoiceability.ts';
import { invoiceLineId, type Invoice, type InvoiceLine } from '../domain/invoice.ts';
import { invoiceSortKey, orderSortKey, webhookDeliverySortKey } from '../domain/list-sort.ts';
import { reimbursement } from '../domain/reimbursement.ts';
import { vatBreakdown, type NetAndVat } from '../domain/vat.ts';
import type { Resolvers } from '../generated/graphql.ts';
import type { InvoiceEmail } from '../domain/invoice-notes.ts';
import { connectionOf, listInputOf } from './connection.ts';
import type { Context } from './context.ts';
import { camelCased } from './field-names.ts';
import { loadInvoice } from './invoice-parts.ts';
import type { PaidInvoice } from './reimbursement.ts';
import * as scalars from './scalars.ts';

const total = ({ totalExVat, totalVat }: NetAndVat) => totalExVat + totalVat;

export const resolvers: Resolvers = {
  Money: scalars.Money,
  Quantity: scalars.Quantity,
  Decimal: scalars.Decimal,
  DateTime: scalars.DateTime,
  Date: scalars.CalendarDay,

  Query: {
    order: (_, args, { app, actor, loaders }) =>
      byIdOrNumber(
        args,
        (id) => loaders.order.load(id),
        (number) => app.orderByNumber(actor, number),
      ),
    orders: async (_, args, { app, actor }) =>
      connectionOf(await app.orderPage(actor, listInputOf(args)), orderSortKey),
    invoice: (_, args, context, info) =>
      byIdOrNumber(
        args,
        (id) => loadInvoice({ id }, context, info),
        (number) => loadInvoice({ number }, context, info),
      ),
    invoices: async (_, args, { app, actor }) =>
      connectionOf(await app.invoicePage(actor, listInputOf(args)), invoiceSortKey),
    invoicePreview: (_, { input }, { app, actor }) => app.invoicePreview(actor, camelCased(input)),
    customer: (_, { id }, { loaders }) => loaders.customer.load(id),
    verifyInvoices: (_, args, { app, actor }) => app.verifyInvoices(actor, camelCased(args)),
    invoiceNumberReport: (_, { year }, { app, actor }) => app.invoiceNumberReport(actor, year ?? null),
    webhookEndpoints: (_, __, { app, actor }) => app.webhookEndpoints(actor),
    webhookDeliveries: async (_, args, { app, actor }) =>
      connectionOf(await app.webhookDeliveryPage(actor, listInputOf(args)), webhookDeliverySortKey),
  },

  Mutation: {
    placeOrder: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ order: await app.placeOrder(actor, camelCased(input)) })),
    shipItems: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ order: await app.shipItems(actor, camelCased(input)) })),
    cancelOrderItems: (_, { input }, context) =>
      changing(context, ({ app, actor }) => app.cancelOrderItems(actor, camelCased(input))),
    returnOrderItems: (_, { input }, context) =>
      changing(context, ({ app, actor }) => app.returnOrderItems(actor, camelCased(input))),
    holdOrder: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ order: await app.holdOrder(actor, input.order_id) })),
    releaseOrder: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ order: await app.releaseOrder(actor, input.order_id) })),
    authorizePayment: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ order: await app.authorizePayment(actor, camelCased(input)) })),
    invoiceItems: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.invoiceItems(actor, camelCased(input)) })),
    invoiceOrder: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.invoiceOrder(actor, camelCased(input)) })),
    createInvoice: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.createInvoice(actor, camelCased(input)) })),
    captureInvoice: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.captureInvoice(actor, input.invoice_id) })),
    voidInvoice: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.voidInvoice(actor, input.invoice_id) })),
    cancelInvoice: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.cancelInvoice(actor, input.invoice_id) })),
    archiveInvoice: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.archiveInvoice(actor, input.invoice_id) })),
    restoreInvoice: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.restoreInvoice(actor, input.invoice_id) })),
    addInvoiceComment: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.addInvoiceComment(actor, camelCased(input)) })),
    sendInvoiceEmail: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.sendInvoiceEmail(actor, camelCased(input)) })),
    refundPayment: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.refundPayment(actor, camelCased(input)) })),
    registerPayment: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.registerPayment(actor, camelCased(input)) })),
    retryInvoicePdf: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({ invoice: await app.retryInvoicePdf(actor, input.invoice_id) })),
    createWebhookEndpoint: (_, { input }, context) =>
      changing(context, ({ app, actor }) => app.createWebhookEndpoint(actor, camelCased(input))),
    updateWebhookEndpoint: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({
        endpoint: await app.updateWebhookEndpoint(actor, camelCased(input)),
      })),
    deleteWebhookEndpoint: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => {
        await app.deleteWebhookEndpoint(actor, input.endpoint_id);
        return { endpoint_id: input.endpoint_id };
      }),
    rotateWebhookSecret: (_, { input }, context) =>
      changing(context, ({ app, actor }) => app.rotateWebhookSecret(actor, camelCased(input))),
    resendWebhookDelivery: (_, { input }, context) =>
      changing(context, async ({ app, actor }) => ({
        delivery: await app.resendWebhookDelivery(actor, input.delivery_id),
      })),
  },

  Subscription: {
    invoicePdf: {
      subscribe: async (_, { invoice_id: invoiceId }, { app, actor, watcher }) => {
        if (!watcher) throw new RangeError('A subscription was run as a query.');
        return app.watchInvoicePdf(actor, invoiceId, watcher);
      },
      // Of each event all is read anew.
      resolve: (invoice: Invoice, _: unknown, { loaders }: Context) => {
        for (const loader of Object.values(loaders)) loader.clearAll();
        return invoice;
      },
    },
  },

  Order: {
    customer: (order, _, { loaders }) => there(loaders.customer.load(order.customerId)),
    items: (order, _, { loaders }) => loaders.itemsOfOrder.load(order.id),
    actions: async (order, _, { loaders }) => orderActions({ order, items: await loaders.itemsOfOrder.load(order.id) }),
    total,
    // Of the order as it was placed; what was taken back since stands on its contra items.
    vat: async (order, _, { loaders }) =>
      vatBreakdown((await loaders.itemsOfOrder.load(order.id)).filter(({ kind }) => kind !== 'CONTRA')),
    invoices: async (order, _, { loaders }) => {
      const links = await loaders.invoicesOverOrder.load(order.id);
      return Promise.all(links.map(({ invoiceId }) => there(loaders.invoice.load(invoiceId))));
    },
  },

  OrderItem: {
    total,
    contra_of: async (item, _, { loaders }) => {
      const { contraOfItemId } = item;
      const siblings = contraOfItemId === null ? [] : await loaders.itemsOfOrder.load(item.orderId);
      return siblings.find(({ id }) => id === contraOfItemId) ?? null;
    },
    invoiceability: async (item, _, { loaders }) => invoiceability(await there(loaders.order.load(item.orderId)), item),
  },

  Invoice: {
    customer: (invoice, _, { loaders }) => there(loaders.customer.load(invoice.customerId)),
    orders: async (invoice, _, { loaders }) => {
      const links = await loaders.ordersOnInvoice.load(invoice.id);
      return Promise.all(links.map(({ orderId }) => there(loaders.order.load(orderId))));
    },
    lines: (invoice, _, { loaders }) => loaders.linesOfInvoice.load(invoice.id),
    vat: async (invoice, _, { loaders }) => vatBreakdown(await loaders.linesOfInvoice.load(invoice.id)),
    total,
    reimbursement: async (invoice, _, { loaders }) => ({
      invoice,
      payments: await loaders.paymentsOfInvoice.load(invoice.id),
    }),
    comments: (invoice, _, { loaders }) => loaders.commentsOfInvoice.load(invoice.id),
    emails: (invoice, _, { loaders }) => loaders.emailsOfInvoice.load(invoice.id),
    last_notification_at: async (invoice, _, { loaders }) => latest(await loaders.emailsOfInvoice.load(invoice.id)),
    corrects: ({ correctsInvoiceId }, _, { loaders }) =>
      correctsInvoiceId === null ? null : loaders.invoice.load(correctsInvoiceId),
    credit_invoices: (invoice, _, { loaders }) => loaders.creditsOfInvoice.load(invoice.id),
    payment_link: async (invoice, _, { app, loaders, urls }) => {
      const token = await app.signPaymentLink(invoice, await loaders.paymentsOfInvoice.load(invoice.id));
      return token === null ? null : urls.paymentUrl(token);
    },
    pdf_url: async (invoice, _, { app, urls }) => {
      const token = await app.signPdfLink(invoice);
      return token === null ? null : urls.pdfUrl(token);
    },
  },

  Reimbursement: {
    status: (paid) => reimbursementOf(paid).status,
    amount_due: (paid) => reimbursementOf(paid).amountDue,
    amount_paid: (paid) => reimbursementOf(paid).amountPaid,
    amount_refunded: (paid) => reimbursementOf(paid).amountRefunded,
    payments: ({ payments }) => payments,
  },

  InvoiceLine: {
    // A previewed line is on no invoice yet.
    id: (line: InvoiceLine) => (line.invoiceId === '' ? (line.orderItemId ?? '') : invoiceLineId(line)),
    total,
  },

  InvoicePreview: { total },

  VatAmount: {
    category: ({ vatCategory }) => vatCategory,
    rate: ({ vatRate }) => vatRate,
    reason: ({ vatReason }) => vatReason,
  },

  OrderConnection: { total_count: ({ query }, _, { app, actor }) => app.orderCount(actor, query) },
  InvoiceConnection: { total_count: ({ query }, _, { app, actor }) => app.invoiceCount(actor, query) },
  WebhookDeliveryConnection: { total_count: ({ query }, _, { app, actor }) => app.webhookDeliveryCount(actor, query) },

  DeleteWebhookEndpointPayload: { endpoint_id: ({ endpoint_id: id }) => id },
};

/** Runs a mutation; what this request had looked up before it is read anew. */
async function changing<T>(context: Context, run: (context: Context) => Promise<T>): Promise<T> {
  const result = await run(context);
  for (const loader of Object.values(context.loaders)) loader.clearAll();
  return result;
}

/** When the last of these mails was sent. */
function latest(emails: readonly InvoiceEmail[]): Date | null {
  const times = emails.flatMap(({ sentAt }) => sentAt?.getTime() ?? []);
  return times.length === 0 ? null : new Date(Math.max(...times));
}

function reimbursementOf({ invoice, payments }: PaidInvoice) {
  return reimbursement(
    invoice,
    payments.some(({ status, isRefund }) => status === 'PENDING' && !isRefund),
  );
}

/** One record by exactly one of its id and its number. */
function byIdOrNumber<T>(
  { id, number }: { readonly id?: string | null | undefined; readonly number?: string | null | undefined },
  byId: (id: string) => Promise<T>,
  byNumber: (number: string) => Promise<T>,
): Promise<T> {
  if (typeof id === 'string' && typeof number !== 'string') return byId(id);
  if (typeof number === 'string' && typeof id !== 'string') return byNumber(number);
  throw badInput([{ path: ['id'], message: 'or number must be given: exactly one of the two' }]);
}

/** What a foreign key promises is there. */
async function there<T>(loaded: Promise<T | null>): Promise<T> {
  const record = await loaded;
  if (record === null) throw new RangeError('A record that another one refers to is missing.');
  return record;
}
