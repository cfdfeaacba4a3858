// Callers of a shop: many at once, and again until each has its answer.

import assert from 'node:assert/strict';
import { eventually } from '../setup/eventually.ts';
import { untilKnown, type OrderWishes, type Outcome, type PlacedOrder, type Shop } from './shop.ts';
import type { Stage } from './stage.ts';

/** One that says how it is paid goes through the order form. */
export type Wanted = PlacedOrder & Partial<OrderWishes>;

function issueOne(shop: Shop, order: Wanted): Promise<Outcome> {
  const { capture, mail = false } = order;
  // Chosen by the caller, so that asking again is safe.
  const invoiceId = `${order.id}-invoice`;
  if (capture === undefined) return shop.issue(order.itemIds, { invoiceId });
  return shop.issueOrder(order, { capture, mail, invoiceId });
}

/** An invoice for each order, all at once, whatever the answers. */
export function issueAll(shop: Shop, orders: readonly Wanted[]): Promise<readonly Outcome[]> {
  return Promise.all(orders.map((order) => issueOne(shop, order)));
}

/** The same requests again until each is answered: with its invoice, and nothing else. */
export async function repeatUntilIssued(shop: Shop, orders: readonly Wanted[]): Promise<void> {
  const outcomes = await Promise.all(orders.map((order) => untilKnown(() => issueOne(shop, order))));
  const others = outcomes.filter(({ kind }) => kind !== 'issued');
  assert.deepEqual(others, [], 'the same call again returns the same invoice');
}

async function countInvoices(stage: Stage, { merchantId }: Shop): Promise<number> {
  const [row] = await stage.postgres.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM invoices WHERE merchant_id = $1',
    [merchantId],
  );
  return row?.n ?? 0;
}

/** Waits until so many were issued. */
export async function untilIssued(stage: Stage, shop: Shop, enough: number): Promise<void> {
  await eventually(async () => (await countInvoices(stage, shop)) >= enough, { timeoutMs: 60_000 });
}
