// releaseOrder: lets an order that was on hold go on.

import type { Actor } from '../domain/access.ts';
import { releaseOrder as decide } from '../domain/hold-order.ts';
import type { Order } from '../domain/order.ts';
import type { Ports } from '../ports.ts';
import { changeOrder } from './change-order.ts';

export async function releaseOrder(ports: Ports, actor: Actor, orderId: string): Promise<Order> {
  const now = ports.clock.now();
  return changeOrder(ports, actor, orderId, async (order) => decide(order, now));
}
