// Deciding a list of invoicing requests as if they had come one after the other.
//
// 1. Each request sees the orders as the ones before it left them; a refused one leaves no trace.
// 2. A chosen invoice id makes a request repeatable: the same request again answers the same invoice, another one is refused.

import { addDays, dayOf } from './calendar.ts';
import { Refusal } from './errors.ts';
import { INVOICE_SERIES, numberYear } from './invoice-number.ts';
import {
  checkContraItems,
  issueInvoice,
  notInvoiceable,
  pickItems,
  takeFromOrders,
  type FindItem,
  type IssuedInvoice,
  type PickedItem,
} from './issue-invoice.ts';
import type { OrderWithItems } from './order.ts';
import type { Customer, Merchant } from './party.ts';

export interface InvoiceRequest {
  readonly itemIds: readonly string[];
  /** Chosen by the caller, or made for this request. */
  readonly invoiceId: string;
  /** Tells this request from another one under the same invoice id. */
  readonly requestHash: string;
}

/** What the database knew, under locks, when the requests were decided. */
export interface InvoicingFacts {
  readonly merchant: Merchant;
  readonly orders: readonly OrderWithItems[];
  readonly customers: readonly Customer[];
  /** Invoice id → hash of the request that made it. */
  readonly issued: ReadonlyMap<string, string>;
  readonly now: Date;
}

export type InvoiceOutcome =
  | { readonly kind: 'issued'; readonly invoiceId: string }
  | { readonly kind: 'repeated'; readonly invoiceId: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface NumberedLater extends IssuedInvoice {
  readonly requestHash: string;
  readonly series: string;
  readonly year: number;
}

export interface InvoicingDecision {
  /** One outcome a request, in the order of the requests. */
  readonly outcomes: readonly InvoiceOutcome[];
  readonly invoices: readonly NumberedLater[];
  /** The orders that changed, as they are to be saved. */
  readonly orders: readonly OrderWithItems[];
}

export function decideInvoices(requests: readonly InvoiceRequest[], facts: InvoicingFacts): InvoicingDecision {
  const orders = new Map(facts.orders.map((order) => [order.order.id, order]));
  // Where each item stands, once for all requests: items keep their place while their quantities change.
  const places = new Map(
    facts.orders.flatMap(({ order, items }) =>
      items.map(({ id }, index) => [id, { orderId: order.id, index }] as const),
    ),
  );
  const find: FindItem = (itemId) => {
    const place = places.get(itemId);
    const owner = place && orders.get(place.orderId);
    const item = owner?.items[place?.index ?? -1];
    return owner && item ? { order: owner.order, item } : null;
  };
  const issued = new Map(facts.issued);
  const touched = new Set<string>();
  const invoices: NumberedLater[] = [];
  const outcomes = requests.map((request): InvoiceOutcome => {
    const earlier = issued.get(request.invoiceId);
    if (earlier === request.requestHash) return { kind: 'repeated', invoiceId: request.invoiceId };
    if (earlier !== undefined) return { kind: 'refused', refusal: idTaken(request.invoiceId) };
    const { picked, blockers } = pickItems(request.itemIds, find);
    if (blockers.length > 0) return { kind: 'refused', refusal: notInvoiceable(blockers) };
    const invoice = asRefusal(() => {
      checkContraItems(picked);
      return drawUp(request, picked, facts);
    });
    if (invoice instanceof Refusal) return { kind: 'refused', refusal: invoice };
    invoices.push(invoice);
    issued.set(request.invoiceId, request.requestHash);
    const concerned = [...new Set(picked.map(({ order }) => order.id))].flatMap((id) => orders.get(id) ?? []);
    for (const changed of takeFromOrders(picked, concerned, facts.now)) {
      orders.set(changed.order.id, changed);
      touched.add(changed.order.id);
    }
    return { kind: 'issued', invoiceId: request.invoiceId };
  });
  return { outcomes, invoices, orders: [...orders.values()].filter(({ order }) => touched.has(order.id)) };
}

/** The document over picked items of one customer, dated in the merchant's days. It takes its number when it is saved. */
export function drawUp(
  request: Pick<InvoiceRequest, 'invoiceId' | 'requestHash'>,
  picked: readonly PickedItem[],
  facts: Pick<InvoicingFacts, 'merchant' | 'customers' | 'now'>,
): NumberedLater {
  const customerId = picked[0]?.order.customerId;
  const customer = facts.customers.find(({ id }) => id === customerId);
  if (!customer) throw new RangeError('The customer of a locked order is always there.');
  const issueDate = dayOf(facts.now, facts.merchant.timeZone);
  const issued = issueInvoice(picked, {
    invoiceId: request.invoiceId,
    seller: facts.merchant.seller,
    timeZone: facts.merchant.timeZone,
    customer,
    issueDate,
    dueDate: addDays(issueDate, facts.merchant.paymentTermDays),
    supplyDate: supplyDate(picked, facts.merchant.timeZone) ?? issueDate,
    now: facts.now,
  });
  return { ...issued, requestHash: request.requestHash, series: INVOICE_SERIES, year: numberYear(issueDate) };
}

// The last of the goods to leave; what was not shipped is supplied (or paid in advance) on the day of issue.
function supplyDate(picked: readonly PickedItem[], timeZone: string): string | null {
  const shipped = picked.flatMap(({ item }) => item.shippedAt ?? []).map((instant) => dayOf(instant, timeZone));
  return shipped.reduce<string | null>((latest, day) => (latest === null || day > latest ? day : latest), null);
}

/** The refusal of an invoice id that another request has used, or that its invoice will have once it is paid. */
export function idTaken(invoiceId: string): Refusal {
  return new Refusal('CONFLICT', `The invoice id "${invoiceId}" is taken by another request.`);
}

function asRefusal<T>(decide: () => T): T | Refusal {
  try {
    return decide();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
