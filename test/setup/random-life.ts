// Chance for random lives: which orders a customer places, and what anybody may try next, sensible or not.
//
// A step draws all its chances from a seed of its own: a life with some steps left out still makes sense.

import * as m from './invoicing-model.ts';
import type { Invoice, Item, ItemSpec, Model, Order, OrderSpec } from './invoicing-model.ts';
import {
  shipItems,
  takeBack,
  type Inputs,
  type ItemQuantity,
  type Name,
  type Operation,
} from './invoicing-model-operations.ts';

/** Repeatable: the same seed gives the same chances. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
    // Seeds that are close to each other begin alike.
    for (let round = 0; round < 3; round += 1) this.below(2);
  }

  below(limit: number): number {
    this.#state = (this.#state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  oneOf<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  /** At least one of them, if there is one. */
  some<T>(list: readonly T[]): readonly T[] {
    const chosen = list.filter(() => this.oneIn(2));
    return chosen.length > 0 ? chosen : list.slice(0, 1);
  }
}

const AUTHORIZATIONS = [
  'auth_1',
  'auth_1',
  'auth_1',
  'auth_pending',
  'auth_pending',
  'auth_decline',
  'auth_norefund',
  null,
  null,
];
const KINDS = ['PRODUCT', 'PRODUCT', 'PRODUCT', 'PRODUCT', 'SHIPPING', 'FEE', 'DISCOUNT'] as const;

/** Two or three orders of one customer. */
export function someOrders(life: string, seed: number): readonly OrderSpec[] {
  const chance = new Chance(seed);
  const count = 2 + chance.below(2);
  return Array.from({ length: count }, (_, index): OrderSpec => {
    const id = `${life}-o${index + 1}`;
    const authorization = chance.oneOf(AUTHORIZATIONS) ?? null;
    const payment = { method: 'card', authorization: authorization && `${authorization}_${id}` };
    return {
      id,
      // The order of the documents is not that of the ids.
      placed_at: `2026-01-0${1 + ((index + seed) % count)}T12:00:00.000Z`,
      invoicing_policy: chance.oneIn(2) ? 'ON_ORDER' : 'AFTER_SHIPMENT',
      payment: authorization === null && chance.oneIn(2) ? null : payment,
      items: Array.from({ length: 1 + chance.below(4) }, (__, row) => someItem(`${id}.${row + 1}`, row, chance)),
    };
  });
}

function someItem(id: string, row: number, chance: Chance): ItemSpec {
  const kind = row === 0 ? 'PRODUCT' : (chance.oneOf(KINDS) ?? 'PRODUCT');
  const isWhole = !chance.oneIn(4);
  const isDiscount = kind === 'DISCOUNT';
  return {
    id,
    kind,
    // Some share a sku.
    sku: `sku-${chance.below(9)}`,
    is_virtual: kind === 'PRODUCT' && chance.oneIn(5),
    is_whole_number: isDiscount || isWhole,
    quantity: isDiscount ? 1 : 1 + chance.below(6) + (isWhole ? 0 : 0.25 * chance.below(4)),
    unit_price: isDiscount ? -1 - chance.below(50) : 200 + chance.below(9_800),
    price_base_quantity: chance.oneIn(3) ? 3 : 1,
    discount: !isDiscount && chance.oneIn(3) ? chance.below(60) : 0,
    vat_rate: chance.oneOf(['9', '21', '5.5']) ?? '21',
  };
}

/** How often each operation is tried. */
const WEIGHTS: Readonly<Record<Name, number>> = {
  shipItems: 4,
  cancelOrderItems: 3,
  returnOrderItems: 3,
  holdOrder: 1,
  releaseOrder: 2,
  authorizePayment: 1,
  decideAuthorization: 1,
  invoiceItems: 6,
  invoiceOrder: 5,
  createInvoice: 1,
  captureInvoice: 4,
  decidePayment: 4,
  voidInvoice: 3,
  cancelInvoice: 2,
  archiveInvoice: 1,
  restoreInvoice: 1,
  registerPayment: 4,
  refundPayment: 5,
};

export const NAMES = (Object.keys(WEIGHTS) as Name[]).flatMap((name) =>
  Array.from({ length: WEIGHTS[name] }, () => name),
);

/** What is tried next; null when there is nothing of the kind to try. */
export function nextOperation(model: Model, name: Name, seed: number): Operation | null {
  const chance = new Chance(seed);
  const input = CHOICES[name](model, chance);
  return input && ({ name, input } as Operation);
}

const CHOICES: { readonly [N in Name]: (model: Model, chance: Chance) => Inputs[N] | null } = {
  shipItems: (model, chance) => {
    const order = anyOrder(model, chance);
    if (!order || chance.oneIn(5)) return { order_id: order?.id ?? 'nowhere' };
    const isListed = ({ id }: Item) => shipItems(model, { order_id: order.id, items: [{ id }] }, true) === null;
    return { order_id: order.id, items: parts(order.items, isListed, m.toShip, chance) };
  },
  cancelOrderItems: (model, chance) => someTakenBack(model, 'dropped', chance),
  returnOrderItems: (model, chance) => someTakenBack(model, 'returned', chance),
  holdOrder: (model, chance) => ({ order_id: anyOrder(model, chance)?.id ?? 'nowhere' }),
  releaseOrder: (model, chance) => {
    const held = model.orders.filter(({ isOnHold }) => isOnHold);
    return { order_id: (chance.oneOf(held) ?? anyOrder(model, chance))?.id ?? 'nowhere' };
  },
  authorizePayment: (model, chance) => {
    const order = chance.oneOf(model.orders.filter(({ authorization }) => !authorization)) ?? anyOrder(model, chance);
    const source = chance.oneOf(['card_1', 'card_pending', 'card_decline']) ?? 'card_1';
    return { order_id: order?.id ?? 'nowhere', source: `${source}_${order?.id}` };
  },
  decideAuthorization: (model, chance) => {
    const order = chance.oneOf(model.orders.filter(({ isAuthorizing }) => isAuthorizing));
    return order ? { order_id: order.id, verdict: verdict(chance) } : null;
  },
  invoiceItems: (model, chance) => {
    const items = m.allItems(model);
    if (chance.oneIn(8)) {
      const ids = chance.some([...items.map(({ id }) => id), 'nowhere']);
      return { items: chance.oneIn(4) ? [...ids, ...ids.slice(0, 1)] : ids, invoice_id: nextInvoiceId(model, chance) };
    }
    const open = items.filter((item) => m.invoiceable(model, item).quantity !== 0n);
    const first = chance.oneOf(open) ?? chance.oneOf(items);
    const alike = items.filter(({ contra }) => contra?.invoice === first?.contra?.invoice);
    const ids = chance.some(alike.filter((item) => open.includes(item))).map(({ id }) => id);
    return { items: ids.length > 0 || !first ? ids : [first.id], invoice_id: nextInvoiceId(model, chance) };
  },
  invoiceOrder: (model, chance) => {
    const order = anyOrder(model, chance);
    const capture = chance.oneOf(['ONLINE', 'ONLINE', 'OFFLINE', 'NO_CAPTURE'] as const) ?? 'OFFLINE';
    const asked = { order_id: order?.id ?? 'nowhere', capture, invoice_id: nextInvoiceId(model, chance) };
    if (!order || chance.oneIn(3)) return asked;
    const leftOf = (item: Item) => m.invoiceable(model, item).quantity;
    const lines = parts(order.items, (item) => leftOf(item) > 0n, leftOf, chance);
    const items = lines.map(({ id, quantity = 1 }) => {
      const sku = order.items.find((item) => item.id === id)?.sku;
      return sku && chance.oneIn(4) ? { sku, qty: quantity } : { order_item_id: id, qty: quantity };
    });
    return { ...asked, items };
  },
  createInvoice: (model, chance) => {
    const line = () => ({ quantity: 1 + chance.below(5) / 4, unit_price: chance.below(5_000), vat_rate: '21' });
    const lines = Array.from({ length: chance.below(3) }, () => ({ name: 'Advice', ...line() }));
    const customer_id = chance.oneIn(8) ? 'nobody' : model.customerId;
    return { customer_id, currency: 'EUR', lines, invoice_id: nextInvoiceId(model, chance) };
  },
  captureInvoice: (model, chance) => {
    const held = (order: Order) => order.authorization !== null;
    return invoiceIn(model, (one) => one.state === 'OPEN' && m.ordersOf(one).some(held), chance);
  },
  decidePayment: (model, chance) => {
    const pending = model.invoices.flatMap((invoice) =>
      invoice.payments.flatMap(({ status }, payment) => (status === 'PENDING' ? [{ invoice, payment }] : [])),
    );
    const one = chance.oneOf(pending);
    return one ? { invoice_id: one.invoice.id, payment: one.payment, verdict: verdict(chance) } : null;
  },
  voidInvoice: (model, chance) => {
    const isCaptured = ({ payments }: Invoice) => payments.some(({ capturedFor }) => capturedFor !== null);
    return invoiceIn(model, (one) => one.state === 'PAID' && isCaptured(one), chance);
  },
  cancelInvoice: (model, chance) => invoiceIn(model, ({ state }) => state === 'OPEN', chance),
  archiveInvoice: (model, chance) => invoiceIn(model, ({ isArchived }) => !isArchived, chance),
  restoreInvoice: (model, chance) => invoiceIn(model, ({ isArchived }) => isArchived, chance),
  registerPayment: (model, chance) => {
    const due = model.invoices.filter((one) => m.dueOf(model, one) > 0n);
    const invoice = chance.oneIn(5) ? chance.oneOf(model.invoices) : chance.oneOf(due);
    if (!invoice) return chance.oneIn(20) ? { invoice_id: 'nowhere', amount: 1, method: 'cash' } : null;
    const payable = m.dueOf(model, invoice) - m.onItsWayOf(invoice);
    return { invoice_id: invoice.id, amount: someAmount(payable, chance), method: 'cash' };
  },
  refundPayment: (model, chance) => {
    const owing = model.invoices.filter((one) => m.contraItemsOf(model, one).some(({ isSettled }) => !isSettled));
    const paid = model.invoices.filter((one) => m.paidOf(one) > m.refundedOf(one));
    const lists = [owing, owing, paid, model.invoices].filter((list) => list.length > 0);
    const invoice = chance.oneOf(chance.oneOf(lists) ?? []);
    const mode = chance.oneIn(2) ? ('ONLINE' as const) : ('OFFLINE' as const);
    if (!invoice) return chance.oneIn(20) ? { invoice_id: 'nowhere', mode } : null;
    const whole = { invoice_id: invoice.id, mode };
    if (!chance.oneIn(3)) return whole;
    return { ...whole, amount: someAmount(m.paidOf(invoice) - m.refundedOf(invoice), chance) };
  },
};

const verdict = (chance: Chance) => (chance.oneIn(3) ? ('decline' as const) : ('pay' as const));

const anyOrder = (model: Model, chance: Chance): Order | undefined =>
  chance.oneIn(60) ? undefined : chance.oneOf(model.orders);

/** Mostly all of it or a part, now and then too much or nothing. */
function someAmount(left: bigint, chance: Chance): number {
  if (chance.oneIn(10)) return Number(left) + 1;
  if (chance.oneIn(20)) return 0;
  return chance.oneIn(2) || left <= 1n ? Number(left) : 1 + chance.below(Number(left));
}

/** Mostly one that fits; now and then any, or none that is there. */
function invoiceIn(
  { invoices }: Model,
  fits: (invoice: Invoice) => boolean,
  chance: Chance,
): { readonly invoice_id: string } | null {
  if (chance.oneIn(40)) return { invoice_id: 'nowhere' };
  const fitting = invoices.filter(fits);
  const invoice = chance.oneOf(fitting.length > 0 && !chance.oneIn(4) ? fitting : invoices);
  return invoice ? { invoice_id: invoice.id } : null;
}

/** Mostly a new one: the next of the life. */
function nextInvoiceId({ invoices, orders }: Model, chance: Chance): string {
  const known = chance.oneIn(15) ? chance.oneOf(invoices) : undefined;
  return known?.id ?? `${orders[0]?.id}-i${invoices.length + 1}`;
}

/** Mostly parts of what is left of items that are listed, now and then anything. */
function parts(
  items: readonly Item[],
  isListed: (item: Item) => boolean,
  leftOf: (item: Item) => bigint,
  chance: Chance,
): readonly (ItemQuantity & { readonly quantity?: number })[] {
  if (chance.oneIn(10)) {
    const line = { id: chance.oneOf(items)?.id ?? 'nowhere', quantity: chance.below(4) / 2 };
    return chance.oneIn(3) ? [line, line] : [line];
  }
  const listed = items.filter(isListed);
  return chance.some(listed.length > 0 ? listed : items).map((item) => {
    const left = leftOf(item);
    const step = item.isWhole ? m.UNIT : m.UNIT / 4n;
    const steps = Number(left / step);
    if (chance.oneIn(2) || steps < 2) return { id: item.id, quantity: Number(left) / Number(m.UNIT) };
    return { id: item.id, quantity: ((1 + chance.below(steps)) * Number(step)) / Number(m.UNIT) };
  });
}

function someTakenBack(model: Model, how: 'dropped' | 'returned', chance: Chance): Inputs['cancelOrderItems'] {
  const order = anyOrder(model, chance);
  if (!order) return { order_id: 'nowhere', items: [{ id: 'nowhere' }] };
  const isListed = ({ id }: Item) => takeBack(model, { order_id: order.id, items: [{ id }] }, how, true) === null;
  const lines = parts(order.items, isListed, how === 'dropped' ? m.toShip : m.toReturn, chance);
  const items = lines.map(({ id, quantity = 1 }, index): ItemQuantity => {
    const line = chance.oneIn(4) ? { id } : { id, quantity };
    if (chance.oneIn(2)) return line;
    const taken = chance.oneIn(15) ? order.items[0]?.id : null;
    return { ...line, contra_item_id: taken ?? `${order.id}.c${order.items.length + index + 1}` };
  });
  return { order_id: order.id, items };
}
