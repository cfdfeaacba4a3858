// Every outside thing that the product needs, as small interfaces in its own words.
//
// Terminology
// - record: something the database keeps; a store holds the records of one kind, always of one merchant.
// - transaction: all its changes become true together, or none. Locks are taken in one global order:
//   orders by id, their items, the invoice, the number series.
// - owed PDF: an invoice whose row says PENDING. The row is the promise; a queued job only makes it quick.
// - sweep: looks for owed work whose job was lost or whose retry is due, and asks for it again.

import type { Scope } from './domain/access.ts';
import type { Invoice, InvoiceDocument, InvoiceLine } from './domain/invoice.ts';
import type { NumberedLater } from './domain/decide-invoices.ts';
import type { InvoiceFilter, InvoiceQuery, OrderFilter, OrderQuery } from './domain/list-filter.ts';
import type { CreditableLine } from './domain/take-back.ts';
import type { Money } from './domain/money.ts';
import type { Order, OrderItem, OrderWithItems } from './domain/order.ts';
import type { Window } from './domain/page.ts';
import type { Address, Customer, Merchant } from './domain/party.ts';

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
  findByNumber(merchantId: string, number: string): Promise<Invoice | null>;
  linesOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceLine[]>;
  /** Which orders stand on which invoices, from either side. */
  ordersOn(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceOrderLink[]>;
  invoicesOver(merchantId: string, orderIds: readonly string[]): Promise<readonly InvoiceOrderLink[]>;
  creditsOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly Invoice[]>;
  paymentsOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly Payment[]>;
  commentsOf(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceComment[]>;
  /** In the order of the query's sort; one record more than the limit tells that there are more. */
  page(merchantId: string, query: InvoiceQuery, window: Window): Promise<readonly Invoice[]>;
  count(merchantId: string, filter: InvoiceFilter): Promise<number>;
  /** All that stands on the page; null when there is no such invoice. */
  document(merchantId: string, invoiceId: string): Promise<InvoiceDocument | null>;
}

export interface InvoiceOrderLink {
  readonly invoiceId: string;
  readonly orderId: string;
}

export interface Payment {
  readonly id: string;
  readonly invoiceId: string;
  readonly method: string;
  readonly amount: Money;
  readonly isRefund: boolean;
  readonly status: 'PENDING' | 'SUCCEEDED' | 'FAILED' | 'VOIDED';
  readonly createdAt: Date;
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
  /** Locks, in id order, the orders that these items belong to, and returns them with all their items. */
  lockOrdersOfItems(itemIds: readonly string[]): Promise<readonly OrderWithItems[]>;
  lockOrders(orderIds: readonly string[]): Promise<readonly OrderWithItems[]>;
  findCustomers(ids: readonly string[]): Promise<readonly Customer[]>;
  /** Where the newest order of a customer is billed; null when there is none. */
  findBillingAddress(customerId: string): Promise<Address | null>;
  /** Invoices that exist already, with the hash of the request that made each. */
  findIssued(invoiceIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Orders that are there already under one of these ids or numbers. */
  findPlaced(orderIds: readonly string[], numbers: readonly string[]): Promise<readonly Order[]>;
  /** Which of these item ids are in use already. */
  findUsedItemIds(itemIds: readonly string[]): Promise<readonly string[]>;
  insertOrders(orders: readonly NewOrder[]): Promise<void>;
  /** Saves what may change on orders and items: quantities, shares, flags, status. */
  updateOrders(orders: readonly OrderWithItems[]): Promise<void>;
  insertShipment(shipment: NewShipment): Promise<void>;
  /** Locks the orders on an invoice, then the invoice; null when there is none. */
  lockInvoice(invoiceId: string): Promise<LockedInvoice | null>;
  /** Locks the invoices that carry these items and are not cancelled; their lines over them, newest invoice first. */
  lockCreditableLines(itemIds: readonly string[]): Promise<readonly CreditableLine[]>;
  insertContraItems(items: readonly OrderItem[]): Promise<void>;
  updateCreditedLines(lines: readonly CreditableLine[]): Promise<void>;
  /** Takes the total of each new credit invoice off the invoice that it corrects. */
  creditCorrected(credits: readonly NumberedLater[]): Promise<void>;
  /** Saves what may change on an invoice: state, money, archive. */
  updateInvoice(invoice: Invoice): Promise<void>;
  insertPayment(payment: Payment & { readonly reference: string | null }): Promise<void>;
  insertComment(comment: InvoiceComment): Promise<void>;
  /** Takes the next numbers of each series (last lock of all), then saves the invoices under them, in this order. */
  insertInvoices(invoices: readonly NumberedLater[]): Promise<void>;
}

export interface NewShipment {
  readonly id: string;
  readonly orderId: string;
  readonly shippedAt: Date;
  readonly items: readonly { readonly itemId: string; readonly quantity: bigint }[];
}

export interface LockedInvoice {
  readonly invoice: Invoice;
  readonly lines: readonly InvoiceLine[];
  readonly orders: readonly OrderWithItems[];
}

/** A comment on an invoice. The flags are a record of what was done; they send nothing by themselves. */
export interface InvoiceComment {
  readonly id: string;
  readonly invoiceId: string;
  readonly comment: string;
  readonly isCustomerNotified: boolean;
  readonly isVisibleOnFront: boolean;
  readonly createdAt: Date;
}

export interface Database {
  readonly customers: Customers;
  readonly orders: Orders;
  readonly invoices: Invoices;
  readonly pdfs: OwedPdfs;
  readonly merchants: Merchants;
  readonly apiKeys: ApiKeys;
  /**
   * Runs `work` in a transaction at READ COMMITTED and commits. Runs it again when the database asks for that
   * (deadlock, serialization), so `work` must do nothing outside the transaction.
   */
  transact<T>(merchantId: string, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
}

/** The states of a PDF, kept on the invoice's row. */
export interface OwedPdfs {
  /** Counts an attempt and returns the document; null when nothing is owed (any more). The sweep leaves it until `lostAt`. */
  begin(
    reference: InvoiceReference,
    now: Date,
    lostAt: Date,
  ): Promise<{ readonly document: InvoiceDocument; readonly attempt: number } | null>;
  markReady(reference: InvoiceReference, sha256: string, now: Date): Promise<void>;
  /** `nextAttemptAt` null gives up: FAILED until it is retried by hand. */
  markFailed(reference: InvoiceReference, error: string, nextAttemptAt: Date | null, now: Date): Promise<void>;
  /** Makes one that is FAILED (or READY, but its file is gone) PENDING again, due now; false when it was not. */
  oweAgain(reference: InvoiceReference, when: 'FAILED' | 'READY', now: Date): Promise<boolean>;
  /** PDFs that are due, each leased until `leasedUntil` so that no other sweep asks for it meanwhile. */
  claimDue(now: Date, leasedUntil: Date, limit: number): Promise<readonly InvoiceReference[]>;
}

export interface InvoiceReference {
  readonly merchantId: string;
  readonly invoiceId: string;
}

export interface Merchants {
  find(id: string): Promise<Merchant | null>;
  /** false when there is one with that id already. */
  insert(merchant: Merchant, now: Date): Promise<boolean>;
}

/** API keys: only digests are kept. */
export interface ApiKeys {
  insert(key: NewApiKey): Promise<void>;
  findByPrefix(prefix: string): Promise<readonly StoredApiKey[]>;
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
}

/** The queue. Asking is best effort and never waits long: what is lost is asked for again by the sweep. */
export interface Jobs {
  renderInvoices(references: readonly InvoiceReference[]): Promise<void>;
}

/** Draws documents off the event loop. The same document gives the same bytes. */
export interface PdfRenderer {
  render(document: InvoiceDocument): Promise<Uint8Array>;
}

/** Files by the SHA-256 of their content: a name is only ever seen with its whole content behind it. */
export interface PdfFiles {
  write(content: Uint8Array): Promise<{ readonly sha256: string }>;
  /** null when there is no such file. */
  open(sha256: string): Promise<StoredFile | null>;
}

export interface StoredFile {
  readonly size: number;
  /** Streams the bytes from `start` to `end`, both included; the whole file without them. */
  stream(range?: { readonly start: number; readonly end: number }): NodeJS.ReadableStream;
}

/** Signed, expiring links to PDFs. */
export interface PdfLinks {
  sign(link: PdfLink): Promise<string>;
  /** The link that a token stands for; null when it was forged or changed, or has expired. */
  verify(token: string, now: Date): Promise<PdfLink | null>;
}

export interface PdfLink {
  readonly merchantId: string;
  readonly invoiceId: string;
  readonly expiresAt: Date;
}

export interface Clock {
  now(): Date;
}

export interface Ids {
  /** A new id, unique and sorting by time. */
  next(): string;
}

export interface Digests {
  /** SHA-256 in hex. */
  sha256(content: string): string;
  /** Random text of that many bytes, in characters that are safe in URLs and headers. */
  randomText(bytes: number): string;
  /** Compares without telling by its time how much of the two was equal. */
  isEqual(a: string, b: string): boolean;
}

/** Everything, as the actions receive it. */
export interface Ports {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly renderer: PdfRenderer;
  readonly files: PdfFiles;
  readonly links: PdfLinks;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digests: Digests;
  readonly log: Log;
}

export interface Log {
  info(event: string, details?: Readonly<Record<string, unknown>>): void;
  warn(event: string, details?: Readonly<Record<string, unknown>>): void;
  error(event: string, details?: Readonly<Record<string, unknown>>): void;
}
