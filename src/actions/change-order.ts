// Changing one order: lock it, decide, save. What shipItems, holdOrder and releaseOrder have in common.

import { requireScope, type Actor } from '../domain/access.ts';
import { notFound } from '../domain/errors.ts';
import type { Order, OrderWithItems } from '../domain/order.ts';
import type { Ports, Transaction } from '../ports.ts';

/** Throws NOT_FOUND when there is no such order, and whatever `decide` refuses with. */
export async function changeOrder(
  ports: Ports,
  actor: Actor,
  orderId: string,
  decide: (order: OrderWithItems, transaction: Transaction) => Promise<OrderWithItems>,
): Promise<Order> {
  requireScope(actor, 'orders:write');
  return ports.database.transact(actor.merchantId, async (transaction) => {
    const [found] = await transaction.lockOrders([orderId]);
    if (!found) throw notFound('order', orderId);
    const changed = await decide(found, transaction);
    if (changed !== found) await transaction.updateOrders([changed]);
    return changed.order;
  });
}
