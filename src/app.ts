// The table of contents of the product: every action, bound to the ports.

import type { Actor } from './domain/access.ts';
import { addInvoiceComment, type AddInvoiceCommentInput } from './actions/add-invoice-comment.ts';
import { archiveInvoice } from './actions/archive-invoice.ts';
import { authenticate, createApiKey, type CreateApiKeyInput } from './actions/authenticate.ts';
import { cancelInvoice } from './actions/cancel-invoice.ts';
import { cancelOrderItems } from './actions/cancel-order-items.ts';
import { createInvoice } from './actions/create-invoice.ts';
import { holdOrder } from './actions/hold-order.ts';
import { invoiceItems, type InvoiceItemsInput } from './actions/invoice-items.ts';
import { invoiceOrder, type InvoiceOrderInput } from './actions/invoice-order.ts';
import { invoicePreview } from './actions/invoice-preview.ts';
import { openInvoicePdf, signPdfLink } from './actions/open-invoice-pdf.ts';
import { placeOrder, placeOrders } from './actions/place-order.ts';
import * as readInvoices from './actions/read-invoices.ts';
import * as readOrders from './actions/read-orders.ts';
import { refundPayment, type RefundPaymentInput } from './actions/refund-payment.ts';
import { registerPayment, type RegisterPaymentInput } from './actions/register-payment.ts';
import { releaseOrder } from './actions/release-order.ts';
import { renderInvoice } from './actions/render-invoice.ts';
import { restoreInvoice } from './actions/restore-invoice.ts';
import { retryInvoicePdf } from './actions/retry-invoice-pdf.ts';
import { returnOrderItems } from './actions/return-order-items.ts';
import { shipItems, type ShipItemsInput } from './actions/ship-items.ts';
import { sweepOwedWork } from './actions/sweep-owed-work.ts';
import type { TakeBackInput } from './actions/take-back-items.ts';
import type { CreateInvoiceInput } from './domain/create-invoice.ts';
import type { Invoice } from './domain/invoice.ts';
import type { InvoiceListInput, InvoiceQuery, OrderListInput, OrderQuery } from './domain/list-filter.ts';
import type { Merchant } from './domain/party.ts';
import type { PlaceOrderInput } from './domain/place-order.ts';
import type { InvoiceReference, Ports } from './ports.ts';

type Keys = readonly string[];

export type App = ReturnType<typeof createApp>;

export function createApp(ports: Ports) {
  return {
    // who asks
    authenticate: (apiKey: string | null) => authenticate(ports, apiKey),
    createApiKey: (input: CreateApiKeyInput) => createApiKey(ports, input),
    merchantExists: async (id: string) => (await ports.database.merchants.find(id)) !== null,
    createMerchant: (merchant: Merchant) => ports.database.merchants.insert(merchant, ports.clock.now()),

    // orders come in from a shop
    placeOrder: (actor: Actor, input: PlaceOrderInput) => placeOrder(ports, actor, input),
    placeOrders: (actor: Actor, inputs: readonly PlaceOrderInput[]) => placeOrders(ports, actor, inputs),
    shipItems: (actor: Actor, input: ShipItemsInput) => shipItems(ports, actor, input),
    cancelOrderItems: (actor: Actor, input: TakeBackInput) => cancelOrderItems(ports, actor, input),
    returnOrderItems: (actor: Actor, input: TakeBackInput) => returnOrderItems(ports, actor, input),
    holdOrder: (actor: Actor, orderId: string) => holdOrder(ports, actor, orderId),
    releaseOrder: (actor: Actor, orderId: string) => releaseOrder(ports, actor, orderId),

    // invoices go out
    invoicePreview: (actor: Actor, input: InvoiceItemsInput) => invoicePreview(ports, actor, input),
    invoiceItems: (actor: Actor, input: InvoiceItemsInput) => invoiceItems(ports, actor, input),
    invoiceOrder: (actor: Actor, input: InvoiceOrderInput) => invoiceOrder(ports, actor, input),
    createInvoice: (actor: Actor, input: CreateInvoiceInput) => createInvoice(ports, actor, input),
    cancelInvoice: (actor: Actor, invoiceId: string) => cancelInvoice(ports, actor, invoiceId),
    archiveInvoice: (actor: Actor, invoiceId: string) => archiveInvoice(ports, actor, invoiceId),
    restoreInvoice: (actor: Actor, invoiceId: string) => restoreInvoice(ports, actor, invoiceId),
    addInvoiceComment: (actor: Actor, input: AddInvoiceCommentInput) => addInvoiceComment(ports, actor, input),
    refundPayment: (actor: Actor, input: RefundPaymentInput) => refundPayment(ports, actor, input),
    registerPayment: (actor: Actor, input: RegisterPaymentInput) => registerPayment(ports, actor, input),
    retryInvoicePdf: (actor: Actor, invoiceId: string) => retryInvoicePdf(ports, actor, invoiceId),
    signPdfLink: (invoice: Invoice) => signPdfLink(ports, invoice),
    openInvoicePdf: (token: string) => openInvoicePdf(ports, token),

    // reading orders
    ordersById: (actor: Actor, ids: Keys) => readOrders.ordersById(ports, actor, ids),
    orderByNumber: (actor: Actor, number: string) => readOrders.orderByNumber(ports, actor, number),
    orderPage: (actor: Actor, input: OrderListInput) => readOrders.orderPage(ports, actor, input),
    orderCount: (actor: Actor, query: OrderQuery) => readOrders.orderCount(ports, actor, query),
    itemsOfOrders: (actor: Actor, ids: Keys) => readOrders.itemsOfOrders(ports, actor, ids),
    invoicesOverOrders: (actor: Actor, ids: Keys) => readOrders.invoicesOverOrders(ports, actor, ids),
    customersById: (actor: Actor, ids: Keys) => readOrders.customersById(ports, actor, ids),

    // reading invoices
    invoicesById: (actor: Actor, ids: Keys) => readInvoices.invoicesById(ports, actor, ids),
    invoiceByNumber: (actor: Actor, number: string) => readInvoices.invoiceByNumber(ports, actor, number),
    invoicePage: (actor: Actor, input: InvoiceListInput) => readInvoices.invoicePage(ports, actor, input),
    invoiceCount: (actor: Actor, query: InvoiceQuery) => readInvoices.invoiceCount(ports, actor, query),
    linesOfInvoices: (actor: Actor, ids: Keys) => readInvoices.linesOfInvoices(ports, actor, ids),
    ordersOnInvoices: (actor: Actor, ids: Keys) => readInvoices.ordersOnInvoices(ports, actor, ids),
    creditsOfInvoices: (actor: Actor, ids: Keys) => readInvoices.creditsOfInvoices(ports, actor, ids),
    commentsOfInvoices: (actor: Actor, ids: Keys) => readInvoices.commentsOfInvoices(ports, actor, ids),
    paymentsOfInvoices: (actor: Actor, ids: Keys) => readInvoices.paymentsOfInvoices(ports, actor, ids),

    // what the worker does
    renderInvoice: (reference: InvoiceReference) => renderInvoice(ports, reference),
    sweepOwedWork: () => sweepOwedWork(ports),
    /** Resolves when the database answers. */
    checkDatabase: () => ports.database.ping(),
  };
}
