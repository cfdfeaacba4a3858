// The table of contents of the product: every action, bound to the ports.

import type { Actor, Scope } from './domain/access.ts';
import { addInvoiceComment, type AddInvoiceCommentInput } from './actions/add-invoice-comment.ts';
import { answerOnce as beginRun, keepLeases, type KeyedRun, type Leases } from './actions/answer-once.ts';
import { archiveInvoice } from './actions/archive-invoice.ts';
import {
  authenticate,
  createApiKey,
  findClient,
  gatherKeyLookUps,
  grantScopes,
  issueAccessToken,
  TOKEN_LIFE_MS,
  type Client,
  type CreateApiKeyInput,
  type KeyLookUp,
} from './actions/authenticate.ts';
import { authorizePayment, type AuthorizePaymentInput } from './actions/authorize-payment.ts';
import { cancelInvoice } from './actions/cancel-invoice.ts';
import { cancelOrderItems } from './actions/cancel-order-items.ts';
import { captureInvoice } from './actions/capture-invoice.ts';
import { chargeRequest } from './actions/charge-request.ts';
import { createInvoice } from './actions/create-invoice.ts';
import { createWebhookEndpoint } from './actions/create-webhook-endpoint.ts';
import { deleteWebhookEndpoint } from './actions/delete-webhook-endpoint.ts';
import { deliverEmail } from './actions/deliver-email.ts';
import { deliverWebhooks } from './actions/deliver-webhooks.ts';
import { holdOrder } from './actions/hold-order.ts';
import { gatherInvoicing, invoiceItems, type InvoiceItemsInput, type Invoicing } from './actions/invoice-items.ts';
import { invoiceOrder, type InvoiceOrderInput } from './actions/invoice-order.ts';
import { invoiceNumberReport } from './actions/invoice-number-report.ts';
import { invoicePreview } from './actions/invoice-preview.ts';
import { openInvoicePdf, signPdfLink } from './actions/open-invoice-pdf.ts';
import { openPaymentPage, signPaymentLink } from './actions/pay-invoice.ts';
import { placeOrder, placeOrders } from './actions/place-order.ts';
import * as readInvoices from './actions/read-invoices.ts';
import * as readOrders from './actions/read-orders.ts';
import * as readWebhooks from './actions/read-webhooks.ts';
import { refundPayment, type RefundPaymentInput } from './actions/refund-payment.ts';
import { registerPayment, type RegisterPaymentInput } from './actions/register-payment.ts';
import { releaseOrder } from './actions/release-order.ts';
import { renderInvoice } from './actions/render-invoice.ts';
import { resendWebhookDelivery } from './actions/resend-webhook-delivery.ts';
import { restoreInvoice } from './actions/restore-invoice.ts';
import { retryInvoicePdf } from './actions/retry-invoice-pdf.ts';
import { returnOrderItems } from './actions/return-order-items.ts';
import { rotateWebhookSecret, type RotateWebhookSecretInput } from './actions/rotate-webhook-secret.ts';
import { sendInvoiceEmail, type SendInvoiceEmailInput } from './actions/send-invoice-email.ts';
import { settleDueGatewayCalls, settleGatewayCall, warnOfCallsElsewhere } from './actions/settle-gateway-calls.ts';
import { shipItems, type ShipItemsInput } from './actions/ship-items.ts';
import { sweepOwedWork } from './actions/sweep-owed-work.ts';
import { verifyInvoices, type VerifyInvoicesInput } from './actions/verify-invoices.ts';
import { watchInvoicePdf, type Watcher } from './actions/watch-invoice-pdf.ts';
import { updateWebhookEndpoint } from './actions/update-webhook-endpoint.ts';
import { voidInvoice } from './actions/void-invoice.ts';
import type { TakeBackInput } from './actions/take-back-items.ts';
import type { CreateInvoiceInput } from './domain/create-invoice.ts';
import type { KeyedRequest } from './domain/idempotency-key.ts';
import type { Invoice } from './domain/invoice.ts';
import type {
  InvoiceListInput,
  InvoiceQuery,
  OrderListInput,
  OrderQuery,
  WebhookDeliveryListInput,
  WebhookDeliveryQuery,
} from './domain/list-filter.ts';
import type { Merchant } from './domain/party.ts';
import type { PlaceOrderInput } from './domain/place-order.ts';
import type { Payment } from './domain/payment.ts';
import type { CreateWebhookEndpointInput, UpdateWebhookEndpointInput } from './domain/webhook-endpoint.ts';
import type {
  EmailReference,
  GatewayCallReference,
  InvoicePart,
  InvoiceReference,
  Ports,
  WebhookEndpointReference,
} from './ports.ts';

type Keys = readonly string[];

export type { Watcher };
export type App = ReturnType<typeof createApp>;

/** What requests of one process share when they come at the same time. */
interface Gatherings {
  readonly keys: KeyLookUp;
  readonly invoices: readInvoices.InvoiceLookUp;
  readonly invoicing: Invoicing;
  readonly leases: Leases;
}

export function createApp(ports: Ports, gatherings = gatherAll(ports)) {
  return {
    // who asks
    authenticate: (credential: string | null) => authenticate(ports, gatherings.keys, credential),
    chargeRequest: (actor: Actor, cost: number) => chargeRequest(ports, actor, cost),
    answerOnce: (actor: Actor, request: Omit<KeyedRequest, 'merchantId'>) =>
      answerOnce(ports, gatherings, actor, request),
    createApiKey: (input: CreateApiKeyInput) => createApiKey(ports, input),
    apiKeys: (merchantId: string) => ports.database.apiKeys.list(merchantId),
    revokeApiKey: (merchantId: string, prefix: string) =>
      ports.database.apiKeys.revoke(merchantId, prefix, ports.clock.now()),
    findClient: (clientId: string, clientSecret: string) => findClient(ports, gatherings.keys, clientId, clientSecret),
    grantScopes,
    issueAccessToken: (client: Client, scopes: readonly Scope[]) => issueAccessToken(ports, client, scopes),
    tokenLifeMs: TOKEN_LIFE_MS,
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

    authorizePayment: (actor: Actor, input: AuthorizePaymentInput) => authorizePayment(ports, actor, input),

    // invoices go out
    invoicePreview: (actor: Actor, input: InvoiceItemsInput) => invoicePreview(ports, actor, input),
    invoiceItems: (actor: Actor, input: InvoiceItemsInput) => invoiceItems(ports, gatherings.invoicing, actor, input),
    invoiceOrder: (actor: Actor, input: InvoiceOrderInput) => invoiceOrder(ports, actor, input),
    createInvoice: (actor: Actor, input: CreateInvoiceInput) => createInvoice(ports, actor, input),
    captureInvoice: (actor: Actor, invoiceId: string) => captureInvoice(ports, actor, invoiceId),
    voidInvoice: (actor: Actor, invoiceId: string) => voidInvoice(ports, actor, invoiceId),
    cancelInvoice: (actor: Actor, invoiceId: string) => cancelInvoice(ports, actor, invoiceId),
    archiveInvoice: (actor: Actor, invoiceId: string) => archiveInvoice(ports, actor, invoiceId),
    restoreInvoice: (actor: Actor, invoiceId: string) => restoreInvoice(ports, actor, invoiceId),
    addInvoiceComment: (actor: Actor, input: AddInvoiceCommentInput) => addInvoiceComment(ports, actor, input),
    refundPayment: (actor: Actor, input: RefundPaymentInput) => refundPayment(ports, actor, input),
    registerPayment: (actor: Actor, input: RegisterPaymentInput) => registerPayment(ports, actor, input),
    sendInvoiceEmail: (actor: Actor, input: SendInvoiceEmailInput) => sendInvoiceEmail(ports, actor, input),
    retryInvoicePdf: (actor: Actor, invoiceId: string) => retryInvoicePdf(ports, actor, invoiceId),
    watchInvoicePdf: (actor: Actor, invoiceId: string, watcher: Watcher) =>
      watchInvoicePdf(ports, actor, invoiceId, watcher),
    signPdfLink: (invoice: Invoice) => signPdfLink(ports, invoice),
    signPaymentLink: (invoice: Invoice, payments: readonly Payment[]) => signPaymentLink(ports, invoice, payments),
    openPaymentPage: (token: string, returnUrl: string) => openPaymentPage(ports, token, returnUrl),
    openInvoicePdf: (token: string) => openInvoicePdf(ports, token),

    ...reading(ports, gatherings),

    // proof for the bookkeeper
    verifyInvoices: (actor: Actor, input: VerifyInvoicesInput) => verifyInvoices(ports, actor, input),
    invoiceNumberReport: (actor: Actor, year: number | null) => invoiceNumberReport(ports, actor, year),
    ...webhooks(ports),

    // what the worker does
    renderInvoice: (reference: InvoiceReference) => renderInvoice(ports, reference),
    deliverEmail: (reference: EmailReference) => deliverEmail(ports, reference),
    deliverWebhooks: (reference: WebhookEndpointReference) => deliverWebhooks(ports, reference),
    sweepOwedWork: () => sweepOwedWork(ports),
    settleGatewayCall: (reference: GatewayCallReference) => settleGatewayCall(ports, reference),
    settleDueGatewayCalls: () => settleDueGatewayCalls(ports),
    warnOfCallsElsewhere: () => warnOfCallsElsewhere(ports),
    /** Resolves when the database answers and takes what is written. */
    checkDatabase: () => ports.database.ping(),

    // for the doors, to tell those who run this
    measures: ports.measures,
    tracing: ports.tracing,
  };
}

function gatherAll(ports: Ports): Gatherings {
  return {
    keys: gatherKeyLookUps(ports),
    invoices: readInvoices.gatherInvoiceLookUps(ports),
    invoicing: gatherInvoicing(ports),
    leases: keepLeases(ports),
  };
}

/** A request that runs under an idempotency key, on an app of its own: what its actions save is noted under the key. */
export interface KeyedAppRun extends Omit<KeyedRun, 'ports'> {
  readonly app: App;
}

/**
 * The answer of an earlier run, or a run of the request. Invoicing, which many requests share, is not noted: it is repeatable
 * by the id of its invoice, which is the same in every run.
 */
async function answerOnce(
  ports: Ports,
  gatherings: Gatherings,
  actor: Actor,
  request: Omit<KeyedRequest, 'merchantId'>,
): Promise<string | KeyedAppRun> {
  const begun = await beginRun(ports, gatherings.leases, actor, { ...request, merchantId: actor.merchantId });
  return typeof begun === 'string' ? begun : { ...begun, app: createApp(begun.ports, gatherings) };
}
function reading(ports: Ports, gatherings: Gatherings) {
  return {
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
    invoiceWithParts: (actor: Actor, by: readInvoices.InvoiceKey, parts: ReadonlySet<InvoicePart>) =>
      readInvoices.invoiceWithParts(gatherings.invoices, actor, by, parts),
    invoicePage: (actor: Actor, input: InvoiceListInput) => readInvoices.invoicePage(ports, actor, input),
    invoiceCount: (actor: Actor, query: InvoiceQuery) => readInvoices.invoiceCount(ports, actor, query),
    linesOfInvoices: (actor: Actor, ids: Keys) => readInvoices.linesOfInvoices(ports, actor, ids),
    ordersOnInvoices: (actor: Actor, ids: Keys) => readInvoices.ordersOnInvoices(ports, actor, ids),
    creditsOfInvoices: (actor: Actor, ids: Keys) => readInvoices.creditsOfInvoices(ports, actor, ids),
    commentsOfInvoices: (actor: Actor, ids: Keys) => readInvoices.commentsOfInvoices(ports, actor, ids),
    emailsOfInvoices: (actor: Actor, ids: Keys) => readInvoices.emailsOfInvoices(ports, actor, ids),
    paymentsOfInvoices: (actor: Actor, ids: Keys) => readInvoices.paymentsOfInvoices(ports, actor, ids),
  };
}

/** Telling others what happened. */
function webhooks(ports: Ports) {
  return {
    createWebhookEndpoint: (actor: Actor, input: CreateWebhookEndpointInput) =>
      createWebhookEndpoint(ports, actor, input),
    updateWebhookEndpoint: (actor: Actor, input: UpdateWebhookEndpointInput) =>
      updateWebhookEndpoint(ports, actor, input),
    deleteWebhookEndpoint: (actor: Actor, endpointId: string) => deleteWebhookEndpoint(ports, actor, endpointId),
    rotateWebhookSecret: (actor: Actor, input: RotateWebhookSecretInput) => rotateWebhookSecret(ports, actor, input),
    resendWebhookDelivery: (actor: Actor, deliveryId: string) => resendWebhookDelivery(ports, actor, deliveryId),
    webhookEndpoints: (actor: Actor) => readWebhooks.webhookEndpoints(ports, actor),
    webhookDeliveryPage: (actor: Actor, input: WebhookDeliveryListInput) =>
      readWebhooks.webhookDeliveryPage(ports, actor, input),
    webhookDeliveryCount: (actor: Actor, query: WebhookDeliveryQuery) =>
      readWebhooks.webhookDeliveryCount(ports, actor, query),
  };
}
