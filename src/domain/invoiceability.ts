// What can be invoiced now, and of everything else why not.
//
// 1. open = ordered − cancelled − invoiced. Under AFTER_SHIPMENT: min(open, shipped − invoiced), at least 0. What came
//    back counts neither as shipped nor, once it is credited, as invoiced.
// 2. Nothing of an order is invoiceable while it is on hold or in payment review.
// 3. An action listed with its ids is an action that succeeds on those ids: the actions and the refusals read these rules.

import type { Blocker, BlockerCode } from './errors.ts';
import { minimum, type Quantity } from './money.ts';
import {
  isPhysical,
  openQuantity,
  quantityToReturn,
  quantityToShip,
  shippedNotInvoiced,
  type Order,
  type OrderItem,
  type OrderWithItems,
} from './order.ts';

export interface Invoiceability {
  /** What invoiceItems would take of the item now. */
  readonly quantity: Quantity;
  /** Empty exactly when the quantity is not 0. */
  readonly blockers: readonly Blocker[];
}

export type OrderActionType = 'INVOICE' | 'SHIP' | 'CANCEL' | 'RETURN';

export interface OrderAction {
  readonly action: OrderActionType;
  readonly ids: readonly string[];
}

/** How much of one item can be invoiced now, and what stands in the way. */
export function invoiceability(order: Order, item: OrderItem): Invoiceability {
  const blockers: Blocker[] = [];
  const block = (code: BlockerCode, message: string) =>
    blockers.push({ code, message, orderId: order.id, itemId: item.id });
  if (order.isOnHold) block('ON_HOLD', `Order ${order.number} is on hold.`);
  if (order.isInPaymentReview) block('PAYMENT_REVIEW', `The payment of order ${order.number} is under review.`);
  if (openQuantity(item) === 0n) {
    if (item.quantityInvoiced !== 0n) block('ALREADY_INVOICED', `Item ${item.id} is invoiced already.`);
    else block('CANCELLED', `Item ${item.id} is cancelled.`);
  } else if (item.kind === 'CONTRA') {
    if (item.refundedAt === null) block('NOT_REFUNDED', `The money of item ${item.id} is not refunded yet.`);
  } else if (order.invoicingPolicy === 'AFTER_SHIPMENT' && shippedNotInvoiced(item) === 0n) {
    block('NOT_SHIPPED', `Item ${item.id} is invoiced after shipment, and nothing more of it was shipped.`);
  }
  return { quantity: blockers.length === 0 ? invoiceableQuantity(order, item) : 0n, blockers };
}

function invoiceableQuantity(order: Order, item: OrderItem): Quantity {
  if (item.kind === 'CONTRA' || order.invoicingPolicy === 'ON_ORDER') return openQuantity(item);
  return minimum(openQuantity(item), shippedNotInvoiced(item));
}

/** What can be done with the order now: each action with exactly the ids on which it would succeed, in item order. */
export function orderActions({ order, items }: OrderWithItems): readonly OrderAction[] {
  // While the gateway decides about money, nothing is taken back: what was priced for it stays as it was.
  const left = order.isInPaymentReview ? [] : items;
  const actions: OrderAction[] = [
    { action: 'INVOICE', ids: items.filter((item) => invoiceability(order, item).quantity !== 0n).map(({ id }) => id) },
    { action: 'SHIP', ids: shippableItems({ order, items }).map(({ id }) => id) },
    { action: 'CANCEL', ids: left.filter((item) => quantityToShip(item) > 0n).map(({ id }) => id) },
    { action: 'RETURN', ids: left.filter((item) => quantityToReturn(item) > 0n).map(({ id }) => id) },
  ];
  return actions.filter(({ ids }) => ids.length > 0);
}

/**
 * Items that can be shipped now. What is not physical counts as shipped with the first shipment, so it is shipped by
 * itself only when the order holds nothing physical at all.
 */
export function shippableItems({ order, items }: OrderWithItems): readonly OrderItem[] {
  if (order.isOnHold || order.isInPaymentReview) return [];
  const ordered = items.filter((item) => item.kind !== 'CONTRA');
  // What is cancelled whole is not there any more: carriage must not wait for it.
  const left = ordered.filter((item) => item.quantityCanceled + item.quantityCredited !== item.quantity);
  const candidates = left.some(isPhysical) ? left.filter(isPhysical) : left;
  return candidates.filter((item) => quantityToShip(item) > 0n);
}
