// The database as a port: what the product keeps, and what one transaction can do. ports.ts tells the words.

import type { Scope } from './domain/access.ts';
import type { GatewayCall } from './domain/gateway-call.ts';
import type { InvoiceComment, InvoiceEmail, NewInvoiceEmail } from './domain/invoice-notes.ts';
import type { Invoice, InvoiceLine } from './domain/invoice.ts';
import type { InvoicingDecision, InvoicingFacts, NumberedLater } from './domain/decide-invoices.ts';
import type { InvoiceFilter, InvoiceQuery, OrderFilter, OrderQuery } from './domain/list-filter.ts';
import type { CreditableLine } from './domain/take-back.ts';
import type { KeyedRequest, StoredKey } from './domain/idempotency-key.ts';
import type { Order, OrderItem, OrderWithItems } from './domain/order.ts';
import type { Window } from './domain/page.ts';
import type { InvoiceWithMoney } from './domain/online-payment.ts';
import type { Payment } from './domain/payment.ts';
import type { Address, Customer, Merchant } from './domain/party.ts';
import type { WebhookDelivery } from './domain/webhook-delivery.ts';
import type { WebhookEndpoint } from './domain/webhook-endpoint.ts';
import type { OwedPdfs, Proofs, OwedEmails, OwedWebhooks, GatewayCalls } from './owed-work-ports.ts';

export interface Customers {
  findById(merchantId: string, ids: readonly string[]): Promise<readonly Customer[]>;
}

export interface Orders {
  findById(merchantId: string, ids: readonly string[]): Promise<readonly Order[]>;
  findByNumber(merchantId: string, number: string): Promise<Order | null>;
  itemsOf(merchantId: string, orderIds: readonly string[]): Promise<readonly OrderItem[]>;
  /** The orders that these items belong to, with all their items, without locks. */
  withItems(merchantId: string, itemIds: readonly string[]): Promise<readonly OrderWithItems[]>;
  /** In the order of the query's sort; one record more than the limit tells that there are more. */
  page(merchantId: string, query: OrderQuery, window: Window): Promise<readonly Order[]>;
  count(merchantId: string, filter: OrderFilter): Promise<number>;
}

export interface Invoices {
  findById(merchantId: string, ids: readonly string[]): Promise<readonly Invoice[]>;
  /** Invoices and these parts of them, read at once; those that exist, in no particular order. */
  findWithParts(
    merchantId: string,
    by: { readonly ids: readonly string[] } | { readonly numbers: readonly string[] },
    parts: readonly InvoicePart[],
  ): Promise<readonly InvoiceWithParts[]>;
  linesOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceLine[]>;
  /** Which orders stand on which invoices, from either side. */
  ordersOn(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceOrderLink[]>;
  invoicesOver(merchantId: string, orderIds: readonly string[]): Promise<readonly InvoiceOrderLink[]>;
  creditsOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly Invoice[]>;
  paymentsOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly Payment[]>;
  commentsOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceComment[]>;
  /** Oldest first. */
  emailsOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceEmail[]>;
  /** In the order of the query's sort; one record more than the limit tells that there are more. */
  page(merchantId: string, query: InvoiceQuery, window: Window): Promise<readonly Invoice[]>;
  count(merchantId: string, filter: InvoiceFilter): Promise<number>;
}

/** What belongs to an invoice and can be read along with it. */
export type InvoicePart = 'lines' | 'orders' | 'payments' | 'customer';

/** An invoice with the parts that were asked for; the others are undefined. */
export interface InvoiceWithParts {
  readonly invoice: Invoice;
  readonly lines: readonly InvoiceLine[] | undefined;
  readonly orders: readonly Order[] | undefined;
  readonly payments: readonly Payment[] | undefined;
  readonly customer: Customer | undefined;
}

export interface InvoiceOrderLink {
  readonly invoiceId: string;
  readonly orderId: string;
}

/** A new order with its customer, as decided. */
export interface NewOrder {
  readonly order: Order;
  readonly items: readonly OrderItem[];
  readonly customer: Customer;
}

/** What one transaction of one merchant can do. Methods that say "lock" hold their rows until the end. */
export interface Transaction {
  readonly merchantId: string;
  merchant(): Promise<Merchant>;
  /** Locks orders, in id order, and returns them with all their items. */
  lockOrders(orderIds: readonly string[]): Promise<readonly OrderWithItems[]>;
  findCustomers(ids: readonly string[]): Promise<readonly Customer[]>;
  /** Where the newest order of a customer is billed; null when there is none. */
  findBillingAddress(customerId: string): Promise<Address | null>;
  /**
   * Which of these invoice ids are taken, by an invoice or by one that waits for its money at the gateway, with the hash of
   * the request that made each. Locks the ids, after orders and before invoices: nobody else takes one meanwhile.
   */
  findIssued(invoiceIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Orders that are there already under one of these ids or numbers. */
  findPlaced(orderIds: readonly string[], numbers: readonly string[]): Promise<readonly Order[]>;
  /** Which of these item ids are in use already. */
  findUsedItemIds(itemIds: readonly string[]): Promise<readonly string[]>;
  insertOrders(orders: readonly NewOrder[]): Promise<void>;
  /** Saves what may change on orders and items: quantities, shares, flags, status, the authorisation. */
  updateOrders(orders: readonly OrderWithItems[]): Promise<void>;
  insertShipment(shipment: NewShipment): Promise<void>;
  /** Locks the orders on an invoice, then the invoice; null when there is none. */
  lockInvoice(invoiceId: string): Promise<InvoiceWithMoney | null>;
  /** Locks the invoices that carry these items and are not cancelled; their lines over them, newest invoice first. */
  lockCreditableLines(itemIds: readonly string[]): Promise<readonly CreditableLine[]>;
  insertContraItems(items: readonly OrderItem[]): Promise<void>;
  updateCreditedLines(lines: readonly CreditableLine[]): Promise<void>;
  /** Saves what may change on an invoice: state, money, archive. */
  updateInvoice(invoice: Invoice): Promise<void>;
  /** Saves payments, new or with another status. */
  savePayments(payments: readonly Payment[]): Promise<void>;
  /** The calls of an invoice and of orders, oldest first. Whoever changes one holds the lock of what it is of. */
  findGatewayCalls(of: {
    readonly invoiceIds?: readonly string[];
    readonly orderIds?: readonly string[];
  }): Promise<readonly GatewayCall[]>;
  /** Saves calls, new or with another status. */
  saveGatewayCalls(calls: readonly GatewayCall[]): Promise<void>;
  insertComment(comment: InvoiceComment): Promise<void>;
  /** Owes a mail from now on: it goes out once the PDF is ready. */
  insertEmail(email: NewInvoiceEmail): Promise<void>;
  /** Takes the next numbers of each series (last lock of all), then saves the invoices under them, in this order. */
  insertInvoices(invoices: readonly NumberedLater[]): Promise<void>;
  /** Keeps, under the request's key, what this transaction comes to; false when another runner has the request now. */
  noteStep(taken: TakenKey, step: string): Promise<boolean>;
  /** Takes secrets that are not in use any more out of what is kept under idempotency keys of the merchant. */
  forgetSecrets(secrets: readonly string[]): Promise<void>;
  /** Locks the webhook endpoints of the merchant, oldest first: nobody else makes or changes one meanwhile. */
  lockWebhookEndpoints(): Promise<readonly WebhookEndpoint[]>;
  /** Saves an endpoint, new or changed. */
  saveWebhookEndpoint(endpoint: WebhookEndpoint): Promise<void>;
  deleteWebhookEndpoint(endpointId: string, now: Date): Promise<void>;
  /** Gives up what an endpoint was not told yet. */
  endWebhookDeliveries(endpointId: string, reason: string): Promise<void>;
  findWebhookDelivery(deliveryId: string): Promise<WebhookDelivery | null>;
  /** Owes the event of a delivery to its endpoint once more. */
  repeatWebhookDelivery(deliveryId: string, as: { readonly id: string; readonly now: Date }): Promise<WebhookDelivery>;
}

export interface NewShipment {
  readonly id: string;
  readonly orderId: string;
  readonly shippedAt: Date;
  readonly items: readonly { readonly itemId: string; readonly quantity: bigint }[];
}

export interface Database extends Issuing {
  readonly customers: Customers;
  readonly orders: Orders;
  readonly invoices: Invoices;
  readonly pdfs: OwedPdfs;
  readonly proofs: Proofs;
  readonly gatewayCalls: GatewayCalls;
  readonly emails: OwedEmails;
  readonly webhooks: OwedWebhooks;
  readonly merchants: Merchants;
  readonly apiKeys: ApiKeys;
  readonly idempotencyKeys: IdempotencyKeys;
  /**
   * Runs `work` in a transaction at READ COMMITTED and commits. Runs it again when the database asks for that
   * (deadlock, serialization), so `work` must do nothing outside the transaction.
   */
  transact<T>(merchantId: string, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Resolves when the database answers and takes what is written. */
  ping(): Promise<void>;
  readonly backlog: Backlog;
}

/** How much is owed to all merchants together. */
export interface Backlog {
  read(): Promise<readonly OwedKind[]>;
}

export interface OwedKind {
  /** Such as "pdf". */
  readonly kind: string;
  readonly count: number;
  /** Since the oldest of them was asked for; 0 without any. */
  readonly oldestSeconds: number;
}

/** What the database knows of invoicing requests once it has locked what they are about. */
export type LockedFacts = Omit<InvoicingFacts, 'now'>;

/** `transact` for the one thing that has to be fast. */
export interface Issuing {
  /**
   * Locks the orders that these items belong to, and these invoice ids, has `decide` decide, and saves what it decided,
   * under the next numbers: all or nothing. Runs `decide` again when the database asks for that. What it throws is thrown.
   * Resolves with the number of each new invoice beside what was decided, and whether the merchant has webhooks.
   */
  issueInvoices(
    merchantId: string,
    wanted: { readonly itemIds: readonly string[]; readonly invoiceIds: readonly string[] },
    decide: (facts: LockedFacts) => InvoicingDecision,
  ): Promise<InvoicingDecision & { readonly numbers: ReadonlyMap<string, string>; readonly hasWebhooks: boolean }>;
}

export interface Merchants {
  find(id: string): Promise<Merchant | null>;
  /** false when there is one with that id already. */
  insert(merchant: Merchant, now: Date): Promise<boolean>;
}

/** API keys: only digests are kept. */
export interface ApiKeys {
  insert(key: NewApiKey): Promise<void>;
  findByPrefixes(prefixes: readonly string[]): Promise<readonly StoredApiKey[]>;
  find(merchantId: string, id: string): Promise<StoredApiKey | null>;
  /** Newest first. */
  list(merchantId: string): Promise<readonly StoredApiKey[]>;
  /** Nothing when somebody else has noted it since the key was read, or is about to. */
  noteUse(key: StoredApiKey, now: Date): Promise<void>;
  /** How many keys of the merchant have that prefix and were not revoked before. */
  revoke(merchantId: string, prefix: string, now: Date): Promise<number>;
}

export interface NewApiKey {
  readonly merchantId: string;
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly sha256: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
}

export interface StoredApiKey extends NewApiKey {
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** Requests under a key, kept for 24 hours. All times are the database's: servers may disagree on theirs. */
export interface IdempotencyKeys {
  /**
   * Takes a request up: one that is new, or that has no answer and whose runner has been silent for as long as its lease.
   * What stands under the key when it cannot be taken.
   */
  take(request: KeyedRequest, as: KeyRunner): Promise<TakenKey | StoredKey>;
  /** Keeps these for `leaseMs` from now. */
  renew(taken: readonly TakenKey[], leaseMs: number): Promise<void>;
  /** The answer to be given from now on; nothing when another runner has the request. */
  keepAnswer(taken: TakenKey, answer: string): Promise<void>;
  /** Leaves the request to the next one who asks, who goes on after the steps that were noted. */
  letGo(taken: TakenKey): Promise<void>;
  /** As if the request had never come: nothing of it was begun. */
  forget(taken: TakenKey): Promise<void>;
  /** Removes keys whose time is over; returns how many. */
  removeOld(lifeHours: number): Promise<number>;
}

export interface KeyRunner {
  readonly runner: string;
  /** For a new request. */
  readonly seed: string;
  readonly scopes: readonly string[];
  readonly leaseMs: number;
  readonly lifeHours: number;
}

/** A request that this runner has, until its lease is over and somebody else takes it. */
export interface TakenKey extends KeyedRequest {
  readonly runner: string;
  readonly seed: string;
  /** What the transactions came to that committed before, in their order. */
  readonly steps: readonly string[];
}
