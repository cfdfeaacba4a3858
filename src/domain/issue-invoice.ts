// Issuing an invoice over order items: which items it takes, what each line carries, and what is left on the orders.
//
// 1. All or nothing: one blocker refuses the call, and every blocker is named at once.
// 2. All items are of one customer, currency and VAT mode; the first known item decides which.
// 3. A selection of nothing but discounts gives an invoice below 0: each id that the actions list succeeds by itself, too.
// 4. A line takes a share of the item's stored amounts (domain/money.ts shareOf); no VAT is computed here.

import { dayOf } from './calendar.ts';
import { badInput, Refusal, type Blocker, type BlockerCode } from './errors.ts';
import { invoiceability } from './invoiceability.ts';
import type { CalendarDate, Invoice, InvoicedOrder, InvoiceLine } from './invoice.ts';
import { absolute, MAX_MONEY, shareOf, sum, type Quantity } from './money.ts';
import {
  openAmounts,
  openQuantity,
  orderStatus,
  subtotalOf,
  type ItemAmounts,
  type Order,
  type OrderItem,
  type OrderWithItems,
} from './order.ts';
import { buyerOf, type Address, type Customer, type Seller } from './party.ts';
import { MAX_ITEMS } from './place-order.ts';
import { Faults, MAX_ID_LENGTH, shown } from './text.ts';
import type { NetAndVat } from './vat.ts';

/** An item that goes on an invoice, and how much of it. */
export interface PickedItem {
  readonly order: Order;
  readonly item: OrderItem;
  readonly quantity: Quantity;
}

/** Refuses, before anything is looked up, what can never be a list of items. */
export function checkInvoiceItemsInput(input: {
  readonly items: readonly string[];
  readonly invoiceId?: string | null | undefined;
}): void {
  const faults = new Faults();
  if (input.items.length === 0) faults.add(['items'], 'must not be empty');
  if (input.items.length > MAX_ITEMS) {
    faults.add(['items'], `has ${input.items.length} ids; an invoice has at most ${MAX_ITEMS} lines`);
  }
  input.items.forEach((id, index) => {
    // Longer than any item's id can be: not looked up, and not sent back.
    if (id.length > MAX_ID_LENGTH) faults.add(['items', index], `must have at most ${MAX_ID_LENGTH} characters`);
  });
  faults.identifier(['invoiceId'], input.invoiceId);
  if (faults.list.length > 0) throw badInput(faults.list);
}

export type FindItem = (itemId: string) => { readonly order: Order; readonly item: OrderItem } | null;

/** Finds items of these orders by their id. */
export function itemFinder(orders: readonly OrderWithItems[]): FindItem {
  const known = new Map(orders.flatMap(({ order, items }) => items.map((item) => [item.id, { order, item }] as const)));
  return (itemId) => known.get(itemId) ?? null;
}

/** What invoiceItems would take now, and everything that stands in the way. */
export function pickItems(
  itemIds: readonly string[],
  find: FindItem,
): { readonly picked: readonly PickedItem[]; readonly blockers: readonly Blocker[] } {
  const picked: PickedItem[] = [];
  const blockers: Blocker[] = [];
  const seen = new Set<string>();
  let first: Order | null = null;
  for (const itemId of itemIds) {
    const found = find(itemId);
    if (seen.has(itemId)) {
      blockers.push(blocker('DUPLICATE_ITEM', `Item ${itemId} is given twice.`, found?.order.id ?? null, itemId));
      continue;
    }
    seen.add(itemId);
    if (!found) {
      blockers.push(blocker('UNKNOWN_ITEM', `There is no order item ${shown(itemId)}.`, null, itemId));
      continue;
    }
    const { order, item } = found;
    first ??= order;
    const can = invoiceability(order, item);
    const mismatches = misfits(first, order, item);
    blockers.push(...mismatches, ...can.blockers);
    if (mismatches.length === 0 && can.blockers.length === 0) picked.push({ order, item, quantity: can.quantity });
  }
  return { picked: inDocumentOrder(picked), blockers };
}

function misfits(first: Order, order: Order, item: OrderItem): readonly Blocker[] {
  const found: Blocker[] = [];
  if (order.customerId !== first.customerId) {
    found.push(blocker('OTHER_CUSTOMER', `Item ${item.id} belongs to another customer.`, order.id, item.id));
  }
  if (order.currency !== first.currency) {
    found.push(blocker('OTHER_CURRENCY', `Item ${item.id} is in ${order.currency}.`, order.id, item.id));
  }
  if (order.isIncludingVat !== first.isIncludingVat || order.isVatShifted !== first.isVatShifted) {
    found.push(blocker('OTHER_VAT_MODE', `Item ${item.id} is priced under another VAT mode.`, order.id, item.id));
  }
  return found;
}

function blocker(code: BlockerCode, message: string, orderId: string | null, itemId: string): Blocker {
  return { code, message, orderId, itemId };
}

// The oldest order first, its items as the shop sent them: the same items give the same document however they were listed.
function inDocumentOrder(picked: readonly PickedItem[]): readonly PickedItem[] {
  return [...picked].sort(
    (a, b) =>
      a.order.placedAt.getTime() - b.order.placedAt.getTime() ||
      compareText(a.order.id, b.order.id) ||
      a.item.position - b.item.position,
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Throws BAD_USER_INPUT for contra items among others, or of several invoices: one credit invoice corrects one invoice. */
export function checkContraItems(picked: readonly PickedItem[]): void {
  const corrected = new Set(picked.map(({ item }) => item.contraOfInvoiceId));
  if (corrected.size <= 1) return;
  const message = corrected.has(null)
    ? 'must not hold contra items among others: a credit invoice stands by itself'
    : 'must not hold contra items of several invoices: a credit invoice corrects one';
  throw badInput([{ path: ['items'], message }]);
}

/** The amounts that `quantity` units of the item carry, out of what is open. */
export function shareOfItem(item: OrderItem, quantity: Quantity): ItemAmounts {
  const left = openAmounts(item);
  const open = openQuantity(item);
  return {
    totalExVat: shareOf(left.totalExVat, quantity, open),
    totalVat: shareOf(left.totalVat, quantity, open),
    discount: shareOf(left.discount, quantity, open),
  };
}

/** The lines of an invoice over the picked items, numbered from 1. */
export function drawUpLines(picked: readonly PickedItem[], invoiceId: string): readonly InvoiceLine[] {
  return picked.map(({ order, item, quantity }, index): InvoiceLine => ({
    merchantId: order.merchantId,
    invoiceId,
    position: index + 1,
    orderId: order.id,
    orderItemId: item.id,
    kind: item.kind,
    sku: item.sku,
    name: item.name,
    quantity,
    unitPrice: item.unitPrice,
    priceBaseQuantity: item.priceBaseQuantity,
    vatCategory: item.vatCategory,
    vatRate: item.vatRate,
    vatReason: item.vatReason,
    ...shareOfItem(item, quantity),
  }));
}

/** What an invoice needs besides its items. Days are the merchant's own. */
export interface IssueContext {
  readonly invoiceId: string;
  readonly seller: Seller;
  readonly timeZone: string;
  readonly customer: Customer;
  readonly issueDate: CalendarDate;
  readonly dueDate: CalendarDate;
  readonly supplyDate: CalendarDate;
  readonly now: Date;
}

export interface IssuedInvoice {
  readonly invoice: Omit<Invoice, 'number'>;
  readonly lines: readonly InvoiceLine[];
  readonly orders: readonly InvoicedOrder[];
}

/** The document over the picked items. It takes its number when it is saved. */
export function issueInvoice(picked: readonly PickedItem[], context: IssueContext): IssuedInvoice {
  const lines = drawUpLines(picked, context.invoiceId);
  const orders = [...new Map(picked.map(({ order }) => [order.id, order])).values()];
  const newest = orders.at(-1);
  if (!newest) throw new RangeError('An invoice needs at least one item.');
  const correctsInvoiceId = picked[0]?.item.contraOfInvoiceId ?? null;
  const isCredit = correctsInvoiceId !== null;
  const invoice: Omit<Invoice, 'number'> = {
    merchantId: newest.merchantId,
    id: context.invoiceId,
    type: isCredit ? 'CREDIT_INVOICE' : 'INVOICE',
    state: 'OPEN',
    customerId: context.customer.id,
    currency: newest.currency,
    isIncludingVat: newest.isIncludingVat,
    isVatShifted: newest.isVatShifted,
    locale: context.customer.locale,
    issueDate: context.issueDate,
    dueDate: context.dueDate,
    supplyDate: context.supplyDate,
    seller: context.seller,
    buyer: buyerOf(context.customer),
    // The newest order knows best where the customer is billed.
    billingAddress: newest.billingAddress,
    shippingAddress: commonAddress(orders.map((order) => order.shippingAddress)),
    // A contra item takes back a product as well as carriage: a credit invoice has no subtotal before shipping.
    subtotal: isCredit
      ? sum(lines.map((line) => line.totalExVat + (newest.isIncludingVat ? line.totalVat : 0n)))
      : subtotalOf(lines, newest.isIncludingVat),
    ...totalsOf(lines),
    amountPaid: 0n,
    amountRefunded: 0n,
    amountCredited: 0n,
    correctsInvoiceId,
    memo: null,
    excludeFromAutopay: false,
    isArchived: false,
    pdf: { status: 'PENDING', attempts: 0, error: null, sha256: null },
    createdAt: context.now,
    updatedAt: context.now,
  };
  const invoicedOrders = orders.map(({ id, number, placedAt }) => ({
    orderId: id,
    number,
    placedOn: dayOf(placedAt, context.timeZone),
  }));
  return { invoice, lines, orders: invoicedOrders };
}

/** Net and VAT of the lines. Throws BAD_USER_INPUT when they add up to more than an amount can be. */
export function totalsOf(lines: readonly InvoiceLine[]): NetAndVat {
  const totalExVat = sum(lines.map((line) => line.totalExVat));
  const totalVat = sum(lines.map((line) => line.totalVat));
  if (absolute(totalExVat) + absolute(totalVat) > MAX_MONEY) {
    throw badInput([{ path: ['items'], message: `add up to more than the largest amount, ${MAX_MONEY}` }]);
  }
  return { totalExVat, totalVat };
}

// Orders shipped to different places have no one shipping address that the document could name.
function commonAddress(addresses: readonly (Address | null)[]): Address | null {
  const [first] = addresses;
  const isCommon = addresses.every((address) => JSON.stringify(address) === JSON.stringify(first));
  return isCommon ? (first ?? null) : null;
}

/** The orders after the picked items went on an invoice. Orders that were not touched are left out. */
export function takeFromOrders(
  picked: readonly PickedItem[],
  orders: readonly OrderWithItems[],
  now: Date,
): readonly OrderWithItems[] {
  const taken = new Map(picked.map(({ item, quantity }) => [item.id, quantity]));
  return orders.flatMap(({ order, items }) => {
    if (!items.some((item) => taken.has(item.id))) return [];
    const updated = items.map((item) => takeFromItem(item, taken.get(item.id) ?? 0n));
    return [{ order: { ...order, status: orderStatus(order, updated), updatedAt: now }, items: updated }];
  });
}

/** The item after `quantity` units of it were invoiced, with their share of its amounts. */
export function takeFromItem(item: OrderItem, quantity: Quantity): OrderItem {
  if (quantity === 0n) return item;
  const share = shareOfItem(item, quantity);
  return {
    ...item,
    quantityInvoiced: item.quantityInvoiced + quantity,
    invoiced: addAmounts(item.invoiced, share),
  };
}

/** The item after `quantity` open units of it were cancelled, with their share of its amounts. */
export function cancelOpenUnits(item: OrderItem, quantity: Quantity): OrderItem {
  if (quantity === 0n) return item;
  const share = shareOfItem(item, quantity);
  return {
    ...item,
    quantityCanceled: item.quantityCanceled + quantity,
    canceled: addAmounts(item.canceled, share),
  };
}

function addAmounts(a: ItemAmounts, b: ItemAmounts): ItemAmounts {
  return {
    totalExVat: a.totalExVat + b.totalExVat,
    totalVat: a.totalVat + b.totalVat,
    discount: a.discount + b.discount,
  };
}

/** The refusal that names every blocker. */
export function notInvoiceable(blockers: readonly Blocker[]): Refusal {
  const [first] = blockers;
  const more = blockers.length > 1 ? ` (and ${blockers.length - 1} more)` : '';
  return new Refusal('NOT_INVOICEABLE', `${first?.message ?? 'Nothing can be invoiced.'}${more}`, { blockers });
}
