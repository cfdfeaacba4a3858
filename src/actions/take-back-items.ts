// Taking units of an order back: what cancelOrderItems and returnOrderItems have in common.

import { requireScope, type Actor } from '../domain/access.ts';
import { describeFaults, notFound, Refusal } from '../domain/errors.ts';
import type { Order, OrderItem } from '../domain/order.ts';
import { takeBack, type ContraItemInput, type TakeBackKind } from '../domain/take-back.ts';
import type { Ports, Transaction } from '../ports.ts';

export interface TakeBackInput {
  readonly orderId: string;
  readonly items: readonly ContraItemInput[];
}

export interface TakenBackItems {
  readonly order: Order;
  /** One an invoice line concerned; none for units that were not invoiced. */
  readonly contraItems: readonly OrderItem[];
}

/** Throws NOT_FOUND (the order), BAD_USER_INPUT with every fault, or CONFLICT when a chosen id is taken or the payment is under review. */
export async function takeBackItems(
  ports: Ports,
  actor: Actor,
  input: TakeBackInput,
  kind: TakeBackKind,
): Promise<TakenBackItems> {
  requireScope(actor, 'orders:write');
  return ports.database.transact(actor.merchantId, async (transaction) => {
    const [placed] = await transaction.lockOrders([input.orderId]);
    if (!placed) throw notFound('order', input.orderId);
    await checkChosenIds(transaction, input);
    const lines = await transaction.lockCreditableLines(input.items.map(({ id }) => id));
    const context = { now: ports.clock.now(), nextId: () => ports.ids.next() };
    const taken = takeBack(placed, input.items, kind, lines, context);
    await transaction.updateOrders([taken.placed]);
    await transaction.insertContraItems(taken.contraItems);
    await transaction.updateCreditedLines(taken.lines);
    return { order: taken.placed.order, contraItems: taken.contraItems };
  });
}

async function checkChosenIds(transaction: Transaction, { items }: TakeBackInput): Promise<void> {
  const chosen = items.flatMap(({ contraItemId }, index) => (contraItemId ? [{ contraItemId, index }] : []));
  const used = new Set(await transaction.findUsedItemIds(chosen.map(({ contraItemId }) => contraItemId)));
  const faults = chosen
    .filter(({ contraItemId }, place) => {
      const isRepeated = chosen.findIndex((one) => one.contraItemId === contraItemId) !== place;
      return isRepeated || used.has(contraItemId);
    })
    .map(({ contraItemId, index }) => ({
      path: ['items', index, 'contraItemId'],
      message: `"${contraItemId}" is the id of another order item`,
    }));
  if (faults.length > 0) throw new Refusal('CONFLICT', describeFaults(faults, String), { faults });
}
