// Orders and their items, and what follows from them: totals, status, what is left to ship.
//
// 1. Amounts of an item are fixed when the order is placed and never recomputed.
// 2. 0 <= invoiced + cancelled <= ordered, for quantities and amounts alike (mirrored for contra items, whose signs are negative).

import { decimalText, ONE, sum, type Money, type Quantity } from './money.ts';
import type { Address } from './party.ts';
import type { NetAndVat, VatTerms } from './vat.ts';

export type OrderStatus = 'NEW' | 'PROCESSING' | 'ON_HOLD' | 'PAYMENT_REVIEW' | 'COMPLETE' | 'CLOSED' | 'CANCELED';

/** ON_ORDER: invoiceable at once. AFTER_SHIPMENT: only what was shipped. */
export type InvoicingPolicy = 'ON_ORDER' | 'AFTER_SHIPMENT';

export type OrderItemKind = 'PRODUCT' | 'SHIPPING' | 'FEE' | 'DISCOUNT' | 'CONTRA';

export interface Order {
  readonly merchantId: string;
  readonly id: string;
  readonly number: string;
  readonly customerId: string;
  readonly currency: string;
  readonly isIncludingVat: boolean;
  readonly isVatShifted: boolean;
  readonly invoicingPolicy: InvoicingPolicy;
  readonly isOnHold: boolean;
  readonly isInPaymentReview: boolean;
  readonly status: OrderStatus;
  readonly billingAddress: Address;
  readonly shippingAddress: Address | null;
  readonly subtotal: Money;
  readonly totalExVat: Money;
  readonly totalVat: Money;
  readonly paymentMethod: string | null;
  readonly paymentAuthorization: string | null;
  /** Over what the shop sent, the customer's own data left out: tells the same order placed again from another one. */
  readonly contentHash: string;
  readonly placedAt: Date;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An amount of an item in its three parts: net, VAT, and the row discount as priced. */
export interface ItemAmounts extends NetAndVat {
  readonly discount: Money;
}

export interface OrderItem extends VatTerms, ItemAmounts {
  readonly merchantId: string;
  readonly id: string;
  readonly orderId: string;
  /** From 1, in the order in which the shop sent them. */
  readonly position: number;
  readonly kind: OrderItemKind;
  readonly sku: string | null;
  readonly name: string;
  readonly isWholeNumber: boolean;
  readonly isVirtual: boolean;
  /** As priced, for `priceBaseQuantity` units. */
  readonly unitPrice: Money;
  readonly priceBaseQuantity: Quantity;
  readonly quantity: Quantity;
  readonly quantityShipped: Quantity;
  readonly quantityInvoiced: Quantity;
  readonly quantityCanceled: Quantity;
  /** Shipped units that came back, invoiced or not. */
  readonly quantityReturned: Quantity;
  /** Invoiced units that contra items took back, after a cancellation or a return. */
  readonly quantityCredited: Quantity;
  /** What the invoices carry that were not cancelled. */
  readonly invoiced: ItemAmounts;
  /** What was cancelled with the units. */
  readonly canceled: ItemAmounts;
  /** When units were last shipped: the supply date of what is invoiced of them. */
  readonly shippedAt: Date | null;
  /** On a contra item: the item that it takes back, and the invoice that its credit invoice will correct. */
  readonly contraOfItemId: string | null;
  readonly contraOfInvoiceId: string | null;
  /** On a contra item: the line of that invoice that it takes back, by its position. */
  readonly contraOfLine: number | null;
  /** On a contra item: when its money was settled, which makes it invoiceable. */
  readonly refundedAt: Date | null;
}

/** An order with all its items, in item order. */
export interface OrderWithItems {
  readonly order: Order;
  readonly items: readonly OrderItem[];
}

/** ordered − cancelled − invoiced. */
export function openQuantity(item: OrderItem): Quantity {
  return item.quantity - item.quantityCanceled - item.quantityInvoiced;
}

/** What of the item's stored amounts was neither invoiced nor cancelled yet. */
export function openAmounts(item: OrderItem): ItemAmounts {
  return {
    totalExVat: item.totalExVat - item.invoiced.totalExVat - item.canceled.totalExVat,
    totalVat: item.totalVat - item.invoiced.totalVat - item.canceled.totalVat,
    discount: item.discount - item.invoiced.discount - item.canceled.discount,
  };
}

/** Shipped by hand or carrier. Everything else counts as shipped with the order's first shipment. */
export function isPhysical(item: Pick<OrderItem, 'kind' | 'isVirtual'>): boolean {
  return item.kind === 'PRODUCT' && !item.isVirtual;
}

/** Sum of the rows as priced, shipping, fees and contra items left out. */
export function subtotalOf(
  rows: readonly (NetAndVat & { readonly kind: OrderItemKind })[],
  isIncludingVat: boolean,
): Money {
  return sum(
    rows
      .filter((row) => row.kind === 'PRODUCT' || row.kind === 'DISCOUNT')
      .map((row) => (isIncludingVat ? row.totalExVat + row.totalVat : row.totalExVat)),
  );
}

/** The status that the shop sees; derived, never set by hand. */
export function orderStatus(
  order: Pick<Order, 'isOnHold' | 'isInPaymentReview'>,
  items: readonly OrderItem[],
): OrderStatus {
  const ordered = items.filter((item) => item.kind !== 'CONTRA');
  if (ordered.every((item) => item.quantityCanceled === item.quantity)) return 'CANCELED';
  if (ordered.every((item) => item.quantityCanceled + item.quantityCredited === item.quantity)) return 'CLOSED';
  if (order.isOnHold) return 'ON_HOLD';
  if (order.isInPaymentReview) return 'PAYMENT_REVIEW';
  const isAllInvoiced = ordered.every((item) => openQuantity(item) === 0n);
  const isAllShipped = ordered.every((item) => quantityToShip(item) === 0n || !isPhysical(item));
  if (isAllInvoiced && isAllShipped) return 'COMPLETE';
  const isTouched = ordered.some((item) => item.quantityInvoiced > 0n || item.quantityShipped > 0n);
  return isTouched ? 'PROCESSING' : 'NEW';
}

/** Units of an item that were neither shipped nor cancelled, before they were invoiced or after. */
export function quantityToShip(item: OrderItem): Quantity {
  // What was cancelled or credited came back from a shipment (returned), or never left.
  const neverLeft = item.quantityCanceled + item.quantityCredited - item.quantityReturned;
  const left = item.quantity - item.quantityShipped - neverLeft;
  return left > 0n ? left : 0n;
}

/** Shipped units of an item that did not come back. */
export function quantityToReturn(item: OrderItem): Quantity {
  return item.kind === 'CONTRA' ? 0n : item.quantityShipped - item.quantityReturned;
}

/** Shipped units that did not come back and that no invoice carries (any more). */
export function shippedNotInvoiced(item: OrderItem): Quantity {
  const left = quantityToReturn(item) - (item.quantityInvoiced - item.quantityCredited);
  return left > 0n ? left : 0n;
}

/** What is wrong with taking a part of an item, of which `left` is there, or null. `what` says what the rest is. */
export function partFault(item: OrderItem, quantity: Quantity, left: Quantity, what: string): string | null {
  if (quantity <= 0n || quantity > left) return `must be above 0 and at most ${decimalText(left)}, what ${what}`;
  if (item.isWholeNumber && quantity % ONE !== 0n) return `${decimalText(quantity)} is no whole number`;
  return null;
}
