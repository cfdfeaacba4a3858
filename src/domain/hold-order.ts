// Holding an order back, and releasing it.

import { Refusal } from './errors.ts';
import { orderStatus, type OrderWithItems } from './order.ts';

/** The order on hold; the very same object when it is already. Throws CONFLICT for an order that is over. */
export function holdOrder(before: OrderWithItems, now: Date): OrderWithItems {
  if (before.order.isOnHold) return before;
  if (['COMPLETE', 'CLOSED', 'CANCELED'].includes(before.order.status)) {
    throw new Refusal('CONFLICT', `Order ${before.order.number} is ${before.order.status}; there is nothing to hold.`);
  }
  return withHold(before, true, now);
}

/** The order released; the very same object when it was not on hold. */
export function releaseOrder(before: OrderWithItems, now: Date): OrderWithItems {
  return before.order.isOnHold ? withHold(before, false, now) : before;
}

function withHold({ order, items }: OrderWithItems, isOnHold: boolean, now: Date): OrderWithItems {
  const status = orderStatus({ ...order, isOnHold }, items);
  return { order: { ...order, isOnHold, status, updatedAt: now }, items };
}
