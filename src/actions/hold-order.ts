// holdOrder: nothing of the order can be shipped or invoiced until it is released.

import type { Actor } from '../domain/access.ts';
import { holdOrder as decide } from '../domain/hold-order.ts';
import type { Order } from '../domain/order.ts';
import type { Ports } from '../ports.ts';
import { changeOrder } from './change-order.ts';

export async function holdOrder(ports: Ports, actor: Actor, orderId: string): Promise<Order> {
  const now = ports.clock.now();
  return changeOrder(ports, actor, orderId, async (order) => decide(order, now));
}
