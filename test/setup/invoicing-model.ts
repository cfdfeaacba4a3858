// A simple model of invoicing in memory, written from the rules alone: it shares no code with the product.
//
// 1. Only facts are kept (what was placed, shipped, invoiced, paid …); whatever follows from them is computed when asked.
// 2. Quantities are in ten-thousandths, money in minor units.

export const UNIT = 10_000n;

export interface Part {
  readonly quantity: bigint;
  readonly net: bigint;
  readonly vat: bigint;
  readonly discount: bigint;
}

export interface Order {
  readonly id: string;
  readonly placedAt: string;
  readonly isAfterShipment: boolean;
  readonly items: Item[];
  method: string | null;
  authorization: string | null;
  /** What the gateway holds where it was asked to; null where the shop came with an authorisation. */
  held: bigint | null;
  isAuthorizing: boolean;
  isOnHold: boolean;
}

export interface Item {
  id: string;
  readonly order: Order;
  readonly kind: string;
  readonly sku: string | null;
  readonly isPhysical: boolean;
  readonly isWhole: boolean;
  readonly ordered: Part;
  shipped: bigint;
  returned: bigint;
  /** Taken back before it was shipped. */
  dropped: bigint;
  /** Taken back before it was invoiced. */
  cancelled: Part;
  /** What a contra item takes back. */
  readonly contra: { readonly item: Item; readonly line: Line; readonly invoice: Invoice } | null;
  isSettled: boolean;
}

export interface Line extends Part {
  readonly item: Item | null;
}

export interface Invoice {
  readonly id: string;
  /** Tells the same call from another one under the same id. */
  readonly request: string;
  readonly lines: readonly Line[];
  readonly corrects: Invoice | null;
  readonly payments: Payment[];
  state: 'OPEN' | 'PAID' | 'CANCELED';
  isArchived: boolean;
}

export interface Payment {
  readonly method: string;
  readonly amount: bigint;
  readonly isRefund: boolean;
  status: 'PENDING' | 'SUCCEEDED' | 'FAILED' | 'VOIDED';
  /** Money that the gateway captured: for which order. */
  readonly capturedFor: Order | null;
  /** A refund at the gateway: of which capture. */
  readonly of: Payment | null;
}

export interface Model {
  readonly customerId: string;
  readonly orders: Order[];
  /** In the order in which they were issued. */
  readonly invoices: Invoice[];
}

export interface ItemSpec {
  readonly id: string;
  readonly kind: string;
  readonly sku: string | null;
  readonly is_virtual: boolean;
  readonly is_whole_number: boolean;
  readonly quantity: number;
  readonly unit_price: number;
  readonly price_base_quantity: number;
  readonly discount: number;
  readonly vat_rate: string;
}

export interface OrderSpec {
  readonly id: string;
  readonly placed_at: string;
  readonly invoicing_policy: 'ON_ORDER' | 'AFTER_SHIPMENT';
  readonly payment: { readonly method: string; readonly authorization: string | null } | null;
  readonly items: readonly ItemSpec[];
}

// ---- money ---------------------------------------------------------------------------------------------------------------

export const scaled = (quantity: number): bigint => BigInt(Math.round(quantity * Number(UNIT)));
export const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

/** Rounded once, half away from zero; the divisor is above 0. */
function rounded(numerator: bigint, divisor: bigint): bigint {
  const up = (magnitude(numerator) * 2n + divisor) / (divisor * 2n);
  return numerator < 0n ? -up : up;
}

export const NOTHING: Part = { quantity: 0n, net: 0n, vat: 0n, discount: 0n };

export function plus(a: Part, b: Part, sign = 1n): Part {
  return {
    quantity: a.quantity + sign * b.quantity,
    net: a.net + sign * b.net,
    vat: a.vat + sign * b.vat,
    discount: a.discount + sign * b.discount,
  };
}

export const sumOf = (parts: readonly Part[]): Part => parts.reduce((sum, part) => plus(sum, part), NOTHING);
export const gross = ({ net, vat }: Part): bigint => net + vat;

/** The share rule: all that is left for all that is open, else the rounded share. */
export function shareOf(left: Part, quantity: bigint): Part {
  if (quantity === left.quantity) return left;
  const share = (amount: bigint) =>
    rounded(left.quantity < 0n ? -amount * quantity : amount * quantity, magnitude(left.quantity));
  return { quantity, net: share(left.net), vat: share(left.vat), discount: share(left.discount) };
}

/** Quantity × unit price, rounded once, less the discount. */
export const priceOf = (row: Pick<ItemSpec, 'quantity' | 'unit_price' | 'price_base_quantity' | 'discount'>): bigint =>
  rounded(scaled(row.quantity) * BigInt(row.unit_price), scaled(row.price_base_quantity)) - BigInt(row.discount);

interface PricedRow {
  readonly price: bigint;
  /** In ten-thousandths of a percent. */
  readonly rate: bigint;
}

/** VAT once a rate, spread by largest remainder, ties to the earlier row. Net and VAT a row. */
export function withVat(rows: readonly PricedRow[], isIncludingVat: boolean): readonly { net: bigint; vat: bigint }[] {
  const hundred = 100n * UNIT;
  const vats = new Map<PricedRow, bigint>();
  for (const rate of new Set(rows.map((row) => row.rate))) {
    const divisor = isIncludingVat ? hundred + rate : hundred;
    const group = rows.filter((row) => row.rate === rate);
    const exact = group.map((row) => row.price * rate);
    const floors = exact.map((value) => (value - (((value % divisor) + divisor) % divisor)) / divisor);
    const whole = rounded(
      exact.reduce((a, b) => a + b, 0n),
      divisor,
    );
    const cents = Number(whole - floors.reduce((a, b) => a + b, 0n));
    const rest = (index: number) => (exact[index] ?? 0n) - (floors[index] ?? 0n) * divisor;
    const byRest = group.map((_, index) => index).sort((a, b) => Number(rest(b) - rest(a)) || a - b);
    const lucky = new Set(byRest.slice(0, cents));
    group.forEach((row, index) => vats.set(row, (floors[index] ?? 0n) + (lucky.has(index) ? 1n : 0n)));
  }
  return rows.map((row) => {
    const vat = vats.get(row) ?? 0n;
    return { net: isIncludingVat ? row.price - vat : row.price, vat };
  });
}

/** Nothing has happened to an item. */
export const UNTOUCHED = { shipped: 0n, returned: 0n, dropped: 0n, cancelled: NOTHING, isSettled: false };

// ---- orders --------------------------------------------------------------------------------------------------------------

export function place(model: Model, spec: OrderSpec, isIncludingVat: boolean): void {
  const prices = spec.items.map((item) => ({ price: priceOf(item), rate: scaled(Number(item.vat_rate)) }));
  const amounts = withVat(prices, isIncludingVat);
  const order: Order = {
    id: spec.id,
    placedAt: spec.placed_at,
    isAfterShipment: spec.invoicing_policy === 'AFTER_SHIPMENT',
    items: [],
    method: spec.payment?.method ?? null,
    authorization: spec.payment?.authorization ?? null,
    held: null,
    isAuthorizing: false,
    isOnHold: false,
  };
  for (const [index, item] of spec.items.entries()) {
    const { net, vat } = amounts[index] ?? { net: 0n, vat: 0n };
    const { id, kind, sku } = item;
    order.items.push({
      id,
      order,
      kind,
      sku,
      isWhole: item.is_whole_number,
      isPhysical: kind === 'PRODUCT' && !item.is_virtual,
      ordered: { quantity: scaled(item.quantity), net, vat, discount: BigInt(item.discount) },
      contra: null,
      ...UNTOUCHED,
    });
  }
  model.orders.push(order);
}

export const allItems = ({ orders }: Model): readonly Item[] => orders.flatMap(({ items }) => items);

/** What the invoices carry of an item that were not cancelled, the oldest first. */
export function linesOver(model: Model, item: Item): readonly { readonly line: Line; readonly invoice: Invoice }[] {
  return model.invoices
    .filter(({ state }) => state !== 'CANCELED')
    .flatMap((invoice) => invoice.lines.filter((line) => line.item === item).map((line) => ({ line, invoice })));
}

export const invoicedOf = (model: Model, item: Item): Part => sumOf(linesOver(model, item).map(({ line }) => line));

export const openOf = (model: Model, item: Item): Part =>
  plus(plus(item.ordered, item.cancelled, -1n), invoicedOf(model, item), -1n);

/** What contra items have not taken back of an invoice line yet. */
export const uncredited = (model: Model, line: Line): Part =>
  allItems(model)
    .filter(({ contra }) => contra?.line === line)
    .reduce<Part>((left, { ordered }) => plus(left, ordered), line);

const creditedOf = (model: Model, item: Item): bigint =>
  -sumOf(
    allItems(model)
      .filter(({ contra }) => contra?.item === item)
      .map(({ ordered }) => ordered),
  ).quantity;

export const toShip = ({ ordered, shipped, dropped, contra }: Item): bigint =>
  contra ? 0n : ordered.quantity - shipped - dropped;
export const toReturn = ({ shipped, returned }: Item): bigint => shipped - returned;

const isGone = (model: Model, item: Item): boolean =>
  item.cancelled.quantity + creditedOf(model, item) === item.ordered.quantity;

/** The gateway has not decided about money of the order. */
export function isInReview({ invoices }: Model, order: Order): boolean {
  const isPending = ({ capturedFor, status }: Payment) => capturedFor === order && status === 'PENDING';
  return order.isAuthorizing || invoices.some(({ payments }) => payments.some(isPending));
}

export function statusOf(model: Model, order: Order): string {
  const items = order.items.filter(({ contra }) => !contra);
  if (items.every(({ cancelled, ordered }) => cancelled.quantity === ordered.quantity)) return 'CANCELED';
  if (items.every((item) => isGone(model, item))) return 'CLOSED';
  if (order.isOnHold) return 'ON_HOLD';
  if (isInReview(model, order)) return 'PAYMENT_REVIEW';
  const isDone = (item: Item) => openOf(model, item).quantity === 0n && (!item.isPhysical || toShip(item) === 0n);
  if (items.every(isDone)) return 'COMPLETE';
  const isTouched = (item: Item) => item.shipped > 0n || invoicedOf(model, item).quantity > 0n;
  return items.some(isTouched) ? 'PROCESSING' : 'NEW';
}

/** Shipped units that did not come back and that no invoice carries (any more). */
export function keptUninvoiced(model: Model, item: Item): bigint {
  const left = item.shipped - item.returned - (invoicedOf(model, item).quantity - creditedOf(model, item));
  return left > 0n ? left : 0n;
}

/** What can be invoiced of an item now, and why nothing can. */
export function invoiceable(model: Model, item: Item): { readonly quantity: bigint; readonly blockers: string[] } {
  const { order } = item;
  const open = openOf(model, item).quantity;
  const invoiced = invoicedOf(model, item).quantity;
  const blockers: string[] = [];
  if (order.isOnHold) blockers.push('ON_HOLD');
  if (isInReview(model, order)) blockers.push('PAYMENT_REVIEW');
  const isByShipment = order.isAfterShipment && !item.contra;
  const shipped = isByShipment ? keptUninvoiced(model, item) : 0n;
  if (open === 0n) blockers.push(invoiced === 0n ? 'CANCELLED' : 'ALREADY_INVOICED');
  else if (item.contra && !item.isSettled) blockers.push('NOT_REFUNDED');
  else if (isByShipment && shipped === 0n) blockers.push('NOT_SHIPPED');
  if (blockers.length > 0) return { quantity: 0n, blockers };
  return { quantity: isByShipment ? least(open, shipped) : open, blockers };
}

/** Items not shipped physically go along with the others, and by themselves only where no others are left. */
export function shippable(model: Model, order: Order): readonly Item[] {
  if (order.isOnHold || isInReview(model, order)) return [];
  const hasGoods = order.items.some((item) => item.isPhysical && !isGone(model, item));
  return order.items.filter((item) => toShip(item) > 0n && (item.isPhysical || !hasGoods));
}

// ---- invoices ------------------------------------------------------------------------------------------------------------

export const totalOf = ({ lines }: Invoice): bigint => gross(sumOf(lines));

export const ordersOf = ({ lines }: Invoice): readonly Order[] => [
  ...new Set(lines.flatMap(({ item }) => (item ? [item.order] : []))),
];

export const contraItemsOf = (model: Model, invoice: Invoice): readonly Item[] =>
  allItems(model).filter(({ contra }) => contra?.invoice === invoice);

function moneyOf({ payments }: Invoice, isRefund: boolean, status: Payment['status']): bigint {
  const counted = payments.filter((payment) => payment.isRefund === isRefund && payment.status === status);
  return counted.reduce((sum, { amount }) => sum + amount, 0n);
}

export const paidOf = (invoice: Invoice): bigint => moneyOf(invoice, false, 'SUCCEEDED');
export const refundedOf = (invoice: Invoice): bigint => moneyOf(invoice, true, 'SUCCEEDED');
export const onItsWayOf = (invoice: Invoice): bigint => moneyOf(invoice, false, 'PENDING');

const creditsOf = ({ invoices }: Model, invoice: Invoice): readonly Invoice[] =>
  invoices.filter(({ corrects, state }) => corrects === invoice && state !== 'CANCELED');

/** Total less credits less what was paid and not given back. */
/** Of a credit invoice nothing is due: it changes what is due of the invoice that it corrects. */
export const unpaidOf = (model: Model, invoice: Invoice): bigint =>
  invoice.corrects
    ? 0n
    : totalOf(invoice) +
      creditsOf(model, invoice).reduce((sum, credit) => sum + totalOf(credit), 0n) -
      (paidOf(invoice) - refundedOf(invoice));

export function dueOf(model: Model, invoice: Invoice): bigint {
  const unpaid = unpaidOf(model, invoice);
  return invoice.state === 'OPEN' && unpaid > 0n ? unpaid : 0n;
}

export function reimbursementStatusOf(model: Model, invoice: Invoice): string {
  const [paid, refunded] = [paidOf(invoice), refundedOf(invoice)];
  if (invoice.state === 'CANCELED') return 'VOIDED';
  if (refunded > 0n) return refunded === paid ? 'REFUNDED' : 'PARTIALLY_REFUNDED';
  if (unpaidOf(model, invoice) <= 0n) return 'PAID';
  if (onItsWayOf(invoice) > 0n) return 'PENDING';
  return paid > 0n ? 'PARTIALLY_PAID' : 'OPEN';
}
