// What every operation does to the model of invoicing, or which code refuses it.
//
// A refusal changes nothing. The one exception is the payment gateway's: what it did for one order of an invoice stays
// when it declines for another.

import * as m from './invoicing-model.ts';
import * as money from './invoicing-model-money.ts';
import { paymentOf, refuse, type Outcome, type Refused } from './invoicing-model-money.ts';
import type { Invoice, Item, Line, Model, Order } from './invoicing-model.ts';

export interface ItemQuantity {
  readonly id: string;
  readonly quantity?: number;
  readonly contra_item_id?: string;
}

interface OfOrder {
  readonly order_id: string;
}
interface OfInvoice {
  readonly invoice_id: string;
}
interface TakeBack extends OfOrder {
  readonly items: readonly ItemQuantity[];
}
type Verdict = 'pay' | 'decline';

/** The input of every operation, as it goes to the server. Pending payments are decided at the gateway itself. */
export interface Inputs {
  readonly shipItems: OfOrder & { readonly items?: readonly ItemQuantity[] };
  readonly cancelOrderItems: TakeBack;
  readonly returnOrderItems: TakeBack;
  readonly holdOrder: OfOrder;
  readonly releaseOrder: OfOrder;
  readonly authorizePayment: OfOrder & { readonly source: string };
  readonly decideAuthorization: OfOrder & { readonly verdict: Verdict };
  readonly invoiceItems: OfInvoice & { readonly items: readonly string[] };
  readonly invoiceOrder: OfOrder &
    OfInvoice & {
      readonly items?: readonly { readonly order_item_id?: string; readonly sku?: string; readonly qty: number }[];
      readonly capture: 'ONLINE' | 'OFFLINE' | 'NO_CAPTURE';
    };
  readonly createInvoice: OfInvoice & {
    readonly customer_id: string;
    readonly currency: string;
    readonly lines: readonly { readonly name: string; quantity: number; unit_price: number; vat_rate: string }[];
  };
  readonly captureInvoice: OfInvoice;
  readonly decidePayment: OfInvoice & { readonly payment: number; readonly verdict: Verdict };
  readonly voidInvoice: OfInvoice;
  readonly cancelInvoice: OfInvoice;
  readonly archiveInvoice: OfInvoice;
  readonly restoreInvoice: OfInvoice;
  readonly registerPayment: OfInvoice & { readonly amount: number; readonly method: string };
  readonly refundPayment: OfInvoice & { readonly amount?: number; readonly mode: 'ONLINE' | 'OFFLINE' };
}

export type Name = keyof Inputs;
export type Operation = { readonly [N in Name]: { readonly name: N; readonly input: Inputs[N] } }[Name];

const BAD = refuse('BAD_USER_INPUT');

const OPERATIONS: { readonly [N in Name]: (model: Model, input: Inputs[N]) => Outcome } = {
  shipItems,
  cancelOrderItems: (model, input) => takeBack(model, input, 'dropped'),
  returnOrderItems: (model, input) => takeBack(model, input, 'returned'),
  holdOrder: (model, input) =>
    withOrder(model, input, (order) => {
      const isOver = ['COMPLETE', 'CLOSED', 'CANCELED'].includes(m.statusOf(model, order));
      if (!order.isOnHold && isOver) return refuse('CONFLICT');
      order.isOnHold = true;
      return null;
    }),
  releaseOrder: (model, input) =>
    withOrder(model, input, (order) => {
      order.isOnHold = false;
      return null;
    }),
  authorizePayment,
  decideAuthorization: (model, input) =>
    withOrder(model, input, (order) => {
      order.isAuthorizing = false;
      if (input.verdict === 'pay') authorize(order);
      return null;
    }),
  invoiceItems,
  invoiceOrder,
  createInvoice,
  captureInvoice: (model, input) => withInvoice(model, input, (invoice) => money.capture(model, invoice)),
  decidePayment: (model, input) =>
    withInvoice(model, input, (invoice) => {
      const payment = invoice.payments[input.payment];
      if (payment) money.decide(model, invoice, payment, input.verdict);
      return null;
    }),
  voidInvoice: (model, input) => withInvoice(model, input, (invoice) => money.voidInvoice(model, invoice)),
  cancelInvoice: (model, input) => withInvoice(model, input, (invoice) => money.cancelInvoice(model, invoice)),
  archiveInvoice: (model, input) => withInvoice(model, input, (invoice) => setArchived(invoice, true)),
  restoreInvoice: (model, input) => withInvoice(model, input, (invoice) => setArchived(invoice, false)),
  registerPayment: (model, input) =>
    withInvoice(model, input, (invoice) => money.registerPayment(model, invoice, input.method, BigInt(input.amount))),
  refundPayment: (model, input) =>
    withInvoice(model, input, (invoice) => {
      const asked = input.amount === undefined ? null : BigInt(input.amount);
      return money.refund(model, invoice, asked, input.mode);
    }),
};

/** Does the operation to the model, or tells what refuses it. */
export function play(model: Model, { name, input }: Operation): Outcome {
  return (OPERATIONS[name] as (model: Model, input: Inputs[Name]) => Outcome)(model, input);
}

// ---- orders --------------------------------------------------------------------------------------------------------------

function withOrder(model: Model, { order_id: id }: OfOrder, run: (order: Order) => Outcome): Outcome {
  const order = model.orders.find((one) => one.id === id);
  return order ? run(order) : refuse('NOT_FOUND');
}

/** Whether the list names each of these items once, with a part of what is left of it. */
function areParts(lines: readonly ItemQuantity[], items: readonly Item[], leftOf: (item: Item) => bigint): boolean {
  const isPart = (line: ItemQuantity) => {
    const item = items.find(({ id }) => id === line.id);
    if (!item) return false;
    const left = leftOf(item);
    const quantity = line.quantity === undefined ? left : m.scaled(line.quantity);
    return quantity > 0n && quantity <= left && !(item.isWhole && quantity % m.UNIT !== 0n);
  };
  return lines.length > 0 && new Set(lines.map(({ id }) => id)).size === lines.length && lines.every(isPart);
}

export function shipItems(model: Model, input: Inputs['shipItems'], isTrial = false): Outcome {
  return withOrder(model, input, (order) => {
    if (order.isOnHold || m.isInReview(model, order)) return refuse('CONFLICT');
    const items = m.shippable(model, order);
    const lines = input.items ?? items.map(({ id }): ItemQuantity => ({ id }));
    if (!input.items && items.length === 0) return refuse('CONFLICT');
    if (!areParts(lines, items, m.toShip)) return BAD;
    if (isTrial) return null;
    for (const item of order.items) {
      const line = lines.find(({ id }) => id === item.id);
      if (line) item.shipped += line.quantity === undefined ? m.toShip(item) : m.scaled(line.quantity);
      else if (!item.isPhysical) item.shipped += m.toShip(item);
    }
    return null;
  });
}

export function takeBack(model: Model, input: TakeBack, how: 'dropped' | 'returned', isTrial = false): Outcome {
  return withOrder(model, input, (order) => {
    const chosen = input.items.flatMap(({ contra_item_id: id }) => id ?? []);
    const used = new Set(m.allItems(model).map(({ id }) => id));
    if (chosen.some((id) => used.has(id)) || new Set(chosen).size < chosen.length) return refuse('CONFLICT');
    if (m.isInReview(model, order)) return refuse('CONFLICT');
    const leftOf = how === 'dropped' ? m.toShip : m.toReturn;
    const items = order.items.filter(({ contra }) => !contra);
    if (!areParts(input.items, items, leftOf)) return BAD;
    if (isTrial) return null;
    for (const line of input.items) {
      const item = items.find(({ id }) => id === line.id);
      if (item)
        takeBackItem(
          model,
          item,
          line.quantity === undefined ? leftOf(item) : m.scaled(line.quantity),
          how,
          line.contra_item_id,
        );
    }
    return null;
  });
}

/** What was not invoiced is just no longer open; of the rest a contra item a line, the newest invoice first. */
function takeBackItem(model: Model, item: Item, quantity: bigint, how: 'dropped' | 'returned', id = ''): void {
  const open = m.openOf(model, item);
  const isByShipment = how === 'returned' && item.order.isAfterShipment;
  const free = m.least(quantity, isByShipment ? m.keptUninvoiced(model, item) : open.quantity);
  let left = quantity - free;
  if (free > 0n) item.cancelled = m.plus(item.cancelled, m.shareOf(open, free));
  item[how] += quantity;
  let contraId = id;
  for (const { line, invoice } of [...m.linesOver(model, item)].reverse()) {
    const rest = m.uncredited(model, line);
    const taken = m.least(left, rest.quantity);
    if (taken === 0n) continue;
    left -= taken;
    item.order.items.push({
      ...item,
      id: contraId,
      kind: 'CONTRA',
      isPhysical: false,
      ordered: m.plus(m.NOTHING, m.shareOf(rest, taken), -1n),
      ...m.UNTOUCHED,
      contra: { item, line, invoice },
    });
    contraId = '';
  }
}

/** The server names the contra items that nobody chose an id for. */
export function nameContraItems(model: Model, ids: readonly string[]): void {
  const made = m.allItems(model).filter(({ id }) => id === '' || ids.includes(id));
  made.forEach((item, index) => (item.id = ids[index] ?? item.id));
}

function authorizePayment(model: Model, input: Inputs['authorizePayment']): Outcome {
  return withOrder(model, input, (order) => {
    // Only what stays pending is waited for.
    if (order.isAuthorizing) return input.source.startsWith('card_pending') ? null : refuse('CONFLICT');
    const isOver = ['CLOSED', 'CANCELED'].includes(m.statusOf(model, order));
    const placed = m.sumOf(order.items.filter(({ contra }) => !contra).map(({ ordered }) => ordered));
    if (order.authorization !== null || isOver || m.gross(placed) <= 0n) return refuse('CONFLICT');
    if (input.source.startsWith('card_decline')) return refuse('PAYMENT_GATEWAY_ERROR');
    if (input.source.startsWith('card_pending')) order.isAuthorizing = true;
    else authorize(order);
    return null;
  });
}

function authorize(order: Order): void {
  const placed = order.items.filter(({ contra }) => !contra).map(({ ordered }) => ordered);
  order.held = m.gross(m.sumOf(placed));
  order.authorization = 'held';
  order.method ??= 'test';
}

// ---- invoices -------------------------------------------------------------------------------------------------------------

function withInvoice(model: Model, { invoice_id: id }: OfInvoice, run: (invoice: Invoice) => Outcome): Outcome {
  const invoice = model.invoices.find((one) => one.id === id);
  return invoice ? run(invoice) : refuse('NOT_FOUND');
}

function setArchived(invoice: Invoice, isArchived: boolean): null {
  invoice.isArchived = isArchived;
  return null;
}

function issue(model: Model, id: string, request: unknown, lines: readonly Line[]): Invoice {
  const corrects = lines[0]?.item?.contra?.invoice ?? null;
  const as = { id, request: JSON.stringify(request), lines, corrects };
  const invoice: Invoice = { ...as, payments: [], state: 'OPEN', isArchived: false };
  model.invoices.push(invoice);
  return invoice;
}

/** The same call again answers the same invoice; another one under the same id is refused. */
function repeated(model: Model, { invoice_id: id }: OfInvoice, request: unknown): Outcome | 'new' {
  const earlier = model.invoices.find((invoice) => invoice.id === id);
  if (!earlier) return 'new';
  return earlier.request === JSON.stringify(request) ? null : refuse('CONFLICT');
}

/** The oldest order first, then by id, its items as they stand on it. */
export function linesOf(model: Model, items: readonly Item[]): readonly Line[] {
  const key = ({ order }: Item) => `${order.placedAt} ${order.id}`;
  const sorted = [...items].sort((a, b) =>
    a.order === b.order ? a.order.items.indexOf(a) - a.order.items.indexOf(b) : key(a) < key(b) ? -1 : 1,
  );
  return sorted.map((item) => ({ ...m.shareOf(m.openOf(model, item), m.invoiceable(model, item).quantity), item }));
}

export function blockersOf(model: Model, ids: readonly string[]): readonly string[] {
  return ids.flatMap((id, index) => {
    if (ids.indexOf(id) !== index) return [`DUPLICATE_ITEM ${id}`];
    const item = m.allItems(model).find((one) => one.id === id);
    return item ? m.invoiceable(model, item).blockers.map((code) => `${code} ${id}`) : [`UNKNOWN_ITEM ${id}`];
  });
}

export function invoiceItems(model: Model, input: Inputs['invoiceItems'], isTrial = false): Outcome {
  if (input.items.length === 0) return BAD;
  const request = ['invoiceItems', [...input.items].sort()];
  const again = repeated(model, input, request);
  if (again !== 'new') return again;
  const blockers = blockersOf(model, input.items);
  if (blockers.length > 0) return refuse('NOT_INVOICEABLE', blockers);
  const items = m.allItems(model).filter(({ id }) => input.items.includes(id));
  if (new Set(items.map(({ contra }) => contra?.invoice)).size > 1) return BAD;
  if (!isTrial) issue(model, input.invoice_id, request, linesOf(model, items));
  return null;
}

function invoiceOrder(model: Model, input: Inputs['invoiceOrder']): Outcome {
  return withOrder(model, input, (order) => {
    const again = repeated(model, input, ['invoiceOrder', input]);
    if (again !== 'new') return again;
    const lines = input.items ? namedLines(model, order, input.items) : everythingOpen(model, order);
    if ('code' in lines) return lines;
    const total = m.gross(m.sumOf(lines));
    if (input.capture !== 'ONLINE') {
      const invoice = issue(model, input.invoice_id, ['invoiceOrder', input], lines);
      if (input.capture === 'OFFLINE') {
        if (total > 0n) invoice.payments.push(paymentOf(order.method ?? 'offline', total));
        invoice.state = 'PAID';
      }
      return null;
    }
    if (total <= 0n || order.authorization === null) return refuse('INVOICE_NOT_CAPTURABLE');
    const status = money.verdictOn(model, order, total);
    if (status === 'FAILED') return refuse('PAYMENT_GATEWAY_ERROR');
    const invoice = issue(model, input.invoice_id, ['invoiceOrder', input], lines);
    money.receive(model, invoice, { ...paymentOf(order.method ?? 'test', total), capturedFor: order, status });
    return null;
  });
}

function everythingOpen(model: Model, order: Order): readonly Line[] | Refused {
  const items = order.items.filter(({ contra }) => !contra);
  const open = items.filter((item) => m.invoiceable(model, item).quantity > 0n);
  if (open.length > 0) return linesOf(model, open);
  return refuse(
    'NOT_INVOICEABLE',
    blockersOf(
      model,
      items.map(({ id }) => id),
    ),
  );
}

function namedLines(
  model: Model,
  order: Order,
  asked: NonNullable<Inputs['invoiceOrder']['items']>,
): readonly Line[] | Refused {
  const items = order.items.filter(({ contra }) => !contra);
  const picks = asked.map(({ order_item_id: id, sku, qty }) => {
    const found = items.filter((item) => (id === undefined ? item.sku === sku : item.id === id));
    return { item: found.length === 1 ? found[0] : undefined, quantity: m.scaled(qty) };
  });
  const isPart = ({ item, quantity }: (typeof picks)[number]) =>
    item && quantity > 0n && quantity <= item.ordered.quantity && !(item.isWhole && quantity % m.UNIT !== 0n);
  if (picks.length === 0 || !picks.every(isPart)) return BAD;
  const blockers = picks.flatMap(({ item, quantity }, index) => {
    if (!item) return [];
    if (picks.findIndex((pick) => pick.item === item) !== index) return [`DUPLICATE_ITEM ${item.id}`];
    return partBlockers(model, item, quantity).map((code) => `${code} ${item.id}`);
  });
  if (blockers.length > 0) return refuse('NOT_INVOICEABLE', blockers);
  const quantities = new Map(picks.map(({ item, quantity }) => [item, quantity]));
  const isFirst = items.every((item) => m.invoicedOf(model, item).quantity === 0n);
  // Carriage, fees and discounts must not be forgotten.
  const joining = items.filter(({ kind }) => isFirst && kind !== 'PRODUCT');
  for (const item of joining) {
    const { quantity } = m.invoiceable(model, item);
    if (!quantities.has(item) && quantity > 0n) quantities.set(item, quantity);
  }
  return items
    .filter((item) => quantities.has(item))
    .map((item) => ({ ...m.shareOf(m.openOf(model, item), quantities.get(item) ?? 0n), item }));
}

function partBlockers(model: Model, item: Item, quantity: bigint): readonly string[] {
  const can = m.invoiceable(model, item);
  if (can.blockers.length > 0 || quantity <= can.quantity) return can.blockers;
  if (quantity <= m.openOf(model, item).quantity) return ['NOT_SHIPPED'];
  return [m.invoicedOf(model, item).quantity > 0n ? 'ALREADY_INVOICED' : 'CANCELLED'];
}

function createInvoice(model: Model, input: Inputs['createInvoice']): Outcome {
  if (input.lines.length === 0) return BAD;
  const again = repeated(model, input, ['createInvoice', input]);
  if (again !== 'new') return again;
  if (input.customer_id !== model.customerId) return refuse('NOT_FOUND');
  const rows = input.lines.map((line) => ({
    ...line,
    price: m.priceOf({ ...line, price_base_quantity: 1, discount: 0 }),
  }));
  const amounts = m.withVat(
    rows.map(({ price, vat_rate: rate }) => ({ price, rate: m.scaled(Number(rate)) })),
    false,
  );
  const lines = rows.map((row, index): Line => {
    const { net, vat } = amounts[index] ?? { net: 0n, vat: 0n };
    return { quantity: m.scaled(row.quantity), net, vat, discount: 0n, item: null };
  });
  issue(model, input.invoice_id, ['createInvoice', input], lines);
  return null;
}
