// placeOrder: takes in orders of a shop, one or many in one transaction.

import { requireScope, type Actor } from '../domain/access.ts';
import { describeFaults, Refusal, type Fault } from '../domain/errors.ts';
import type { Order } from '../domain/order.ts';
import { orderContent, placeOrder as decideOrder, type PlaceOrderInput } from '../domain/place-order.ts';
import type { NewOrder, Ports, Transaction } from '../ports.ts';

export type PlaceOrderOutcome =
  | { readonly kind: 'placed' | 'repeated'; readonly orderId: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

type Candidate =
  { readonly kind: 'valid'; readonly newOrder: NewOrder } | Extract<PlaceOrderOutcome, { kind: 'refused' }>;

/** Returns the order, new or placed earlier with the same id and content. Throws BAD_USER_INPUT or CONFLICT. */
export async function placeOrder(ports: Ports, actor: Actor, input: PlaceOrderInput): Promise<Order> {
  const [outcome] = await placeOrders(ports, actor, [input]);
  if (!outcome) throw new RangeError('Every order has an outcome.');
  if (outcome.kind === 'refused') throw outcome.refusal;
  const [order] = await ports.database.orders.findById(actor.merchantId, [outcome.orderId]);
  if (!order) throw new RangeError('A placed order never goes away.');
  return order;
}

/** Places each order or says why not; a refused one does not keep the others out. One outcome an input, in their order. */
export async function placeOrders(
  ports: Ports,
  actor: Actor,
  inputs: readonly PlaceOrderInput[],
): Promise<readonly PlaceOrderOutcome[]> {
  requireScope(actor, 'orders:write');
  const now = ports.clock.now();
  const candidates = inputs.map((input) => decide(ports, actor.merchantId, input, now));
  return ports.database.transact(actor.merchantId, async (transaction) => {
    const known = await findKnown(transaction, candidates);
    const placed: NewOrder[] = [];
    const outcomes = candidates.map((candidate): PlaceOrderOutcome => {
      if (candidate.kind === 'refused') return candidate;
      const outcome = known.admit(candidate.newOrder);
      if (outcome.kind === 'placed') placed.push(candidate.newOrder);
      return outcome;
    });
    await transaction.insertOrders(placed);
    return outcomes;
  });
}

function decide(ports: Ports, merchantId: string, input: PlaceOrderInput, now: Date): Candidate {
  try {
    const newOrder = decideOrder(input, {
      merchantId,
      orderId: input.id ?? ports.ids.next(),
      itemIds: input.items.map((item) => item.id ?? ports.ids.next()),
      contentHash: ports.digests.sha256(orderContent(input)),
      now,
    });
    return { kind: 'valid', newOrder };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', refusal: error };
    throw error;
  }
}

async function findKnown(transaction: Transaction, candidates: readonly Candidate[]): Promise<KnownOrders> {
  const valid = candidates.flatMap((candidate) => (candidate.kind === 'valid' ? candidate.newOrder : []));
  const orders = await transaction.findPlaced(
    valid.map(({ order }) => order.id),
    valid.map(({ order }) => order.number),
  );
  const usedItemIds = await transaction.findUsedItemIds(valid.flatMap(({ items }) => items.map(({ id }) => id)));
  return new KnownOrders(orders, usedItemIds);
}

/** The identifiers in use: those in the database, and those of the orders of this list that were let in before. */
class KnownOrders {
  readonly #byId = new Map<string, string>();
  readonly #numbers = new Set<string>();
  readonly #itemIds: Set<string>;

  constructor(orders: readonly Order[], itemIds: readonly string[]) {
    for (const order of orders) {
      this.#byId.set(order.id, order.contentHash);
      this.#numbers.add(order.number);
    }
    this.#itemIds = new Set(itemIds);
  }

  admit({ order, items }: NewOrder): PlaceOrderOutcome {
    const earlier = this.#byId.get(order.id);
    if (earlier === order.contentHash) return { kind: 'repeated', orderId: order.id };
    const faults = this.#conflicts(order, items, earlier !== undefined);
    if (faults.length > 0) {
      return { kind: 'refused', refusal: new Refusal('CONFLICT', describeFaults(faults, String), { faults }) };
    }
    this.#byId.set(order.id, order.contentHash);
    this.#numbers.add(order.number);
    for (const item of items) this.#itemIds.add(item.id);
    return { kind: 'placed', orderId: order.id };
  }

  #conflicts(order: Order, items: NewOrder['items'], isIdTaken: boolean): readonly Fault[] {
    if (isIdTaken) {
      return [{ path: ['id'], message: `"${order.id}" was placed before with other content` }];
    }
    const faults: Fault[] = [];
    if (this.#numbers.has(order.number)) {
      faults.push({ path: ['number'], message: `"${order.number}" is the number of another order` });
    }
    items.forEach((item, index) => {
      if (this.#itemIds.has(item.id)) {
        faults.push({ path: ['items', index, 'id'], message: `"${item.id}" is the id of another order item` });
      }
    });
    return faults;
  }
}
