// shipItems: records a shipment of an order, whole or in part.

import type { Actor } from '../domain/access.ts';
import type { Order } from '../domain/order.ts';
import { shipItems as decideShipment, type ItemQuantityInput } from '../domain/ship-items.ts';
import type { Ports } from '../ports.ts';
import { changeOrder } from './change-order.ts';

export interface ShipItemsInput {
  readonly orderId: string;
  /** Left out: all that is left to ship. */
  readonly items?: readonly ItemQuantityInput[] | null | undefined;
}

/** Throws NOT_FOUND, BAD_USER_INPUT, or CONFLICT when the order's state does not let it ship. */
export async function shipItems(ports: Ports, actor: Actor, input: ShipItemsInput): Promise<Order> {
  const now = ports.clock.now();
  return changeOrder(ports, actor, input.orderId, async (order, transaction) => {
    const { shipped, ...changed } = decideShipment(order, input.items ?? null, now);
    await transaction.insertShipment({
      id: ports.ids.next(),
      orderId: input.orderId,
      shippedAt: now,
      items: shipped,
    });
    return changed;
  });
}
