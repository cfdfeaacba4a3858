// order, orders, customer: reading, one look-up for many ids so that no list makes a query a record.

import { requireScope, type Actor } from '../domain/access.ts';
import { orderList, type OrderListInput, type OrderQuery } from '../domain/list-filter.ts';
import type { Order, OrderItem } from '../domain/order.ts';
import { pageOf, type Page } from '../domain/page.ts';
import type { Customer } from '../domain/party.ts';
import type { InvoiceOrderLink, Ports } from '../ports.ts';

/** Those that exist, in no particular order. */
export async function ordersById(ports: Ports, actor: Actor, ids: readonly string[]): Promise<readonly Order[]> {
  requireScope(actor, 'orders:read');
  return ports.database.orders.findById(actor.merchantId, ids);
}

export async function orderByNumber(ports: Ports, actor: Actor, number: string): Promise<Order | null> {
  requireScope(actor, 'orders:read');
  return ports.database.orders.findByNumber(actor.merchantId, number);
}

/** A page of those that the filter lets through, and the checked query, by which they can be counted. */
export async function orderPage(
  ports: Ports,
  actor: Actor,
  input: OrderListInput,
): Promise<{ readonly page: Page<Order>; readonly query: OrderQuery }> {
  requireScope(actor, 'orders:read');
  const { query, window } = orderList(input);
  return { page: pageOf(await ports.database.orders.page(actor.merchantId, query, window), window), query };
}

export async function orderCount(ports: Ports, actor: Actor, { filter }: OrderQuery): Promise<number> {
  requireScope(actor, 'orders:read');
  return ports.database.orders.count(actor.merchantId, filter);
}

/** Each order's items in item order. */
export async function itemsOfOrders(ports: Ports, actor: Actor, ids: readonly string[]): Promise<readonly OrderItem[]> {
  requireScope(actor, 'orders:read');
  return ports.database.orders.itemsOf(actor.merchantId, ids);
}

/** Which invoices have a line of these orders. */
export async function invoicesOverOrders(
  ports: Ports,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly InvoiceOrderLink[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.invoicesOver(actor.merchantId, ids);
}

export async function customersById(ports: Ports, actor: Actor, ids: readonly string[]): Promise<readonly Customer[]> {
  requireScope(actor, 'orders:read', 'invoices:read');
  return ports.database.customers.findById(actor.merchantId, ids);
}
