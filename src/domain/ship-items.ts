// Shipping items of an order, whole or in part.

import { badInput, Refusal } from './errors.ts';
import { shippableItems } from './invoiceability.ts';
import type { Quantity } from './money.ts';
import { isPhysical, orderStatus, partFault, quantityToShip, type OrderItem, type OrderWithItems } from './order.ts';
import { Faults, shown } from './text.ts';

export interface ItemQuantityInput {
  readonly id: string;
  readonly quantity?: Quantity | null | undefined;
}

export interface Shipped extends OrderWithItems {
  /** What this shipment carried. */
  readonly shipped: readonly { readonly itemId: string; readonly quantity: Quantity }[];
}

/** Ships the lines given, or everything that is left. Throws BAD_USER_INPUT, or CONFLICT when the order's state forbids it. */
export function shipItems(
  { order, items }: OrderWithItems,
  lines: readonly ItemQuantityInput[] | null,
  now: Date,
): Shipped {
  if (order.isOnHold) throw new Refusal('CONFLICT', `Order ${order.number} is on hold.`);
  if (order.isInPaymentReview) throw new Refusal('CONFLICT', `The payment of order ${order.number} is under review.`);
  const shippable = new Map(shippableItems({ order, items }).map((item) => [item.id, item]));
  const shipped = new Map(
    lines === null
      ? [...shippable.values()].map((item) => [item.id, quantityToShip(item)])
      : checkedLines(lines, shippable, items),
  );
  if (shipped.size === 0) throw new Refusal('CONFLICT', `Nothing of order ${order.number} is left to ship.`);
  // The first shipment takes along all that is not shipped physically; later ones find nothing left of it.
  for (const item of items) {
    const isTakenAlong = !isPhysical(item) && item.kind !== 'CONTRA' && quantityToShip(item) > 0n;
    if (isTakenAlong && !shipped.has(item.id)) shipped.set(item.id, quantityToShip(item));
  }
  const updated = items.map((item): OrderItem => {
    const quantity = shipped.get(item.id);
    if (quantity === undefined) return item;
    return { ...item, quantityShipped: item.quantityShipped + quantity, shippedAt: now };
  });
  return {
    order: { ...order, status: orderStatus(order, updated), updatedAt: now },
    items: updated,
    shipped: [...shipped].map(([itemId, quantity]) => ({ itemId, quantity })),
  };
}

function checkedLines(
  lines: readonly ItemQuantityInput[],
  shippable: ReadonlyMap<string, OrderItem>,
  items: readonly OrderItem[],
): readonly (readonly [string, Quantity])[] {
  const faults = new Faults();
  const known = new Set(items.map((item) => item.id));
  const seen = new Set<string>();
  if (lines.length === 0) faults.add(['items'], 'must not be empty; leave it out to ship everything that is left');
  const checked = lines.map((line, index): readonly [string, Quantity] => {
    const item = shippable.get(line.id);
    const left = item ? quantityToShip(item) : 0n;
    const quantity = line.quantity ?? left;
    if (seen.has(line.id)) faults.add(['items', index, 'id'], `"${shown(line.id)}" is given twice`);
    else if (!known.has(line.id)) faults.add(['items', index, 'id'], `"${shown(line.id)}" is no item of this order`);
    else if (!item) faults.add(['items', index, 'id'], `"${shown(line.id)}" has nothing to ship`);
    else {
      const fault = partFault(item, quantity, left, 'is left to ship');
      if (fault) faults.add(['items', index, 'quantity'], fault);
    }
    seen.add(line.id);
    return [line.id, quantity];
  });
  if (faults.list.length > 0) throw badInput(faults.list);
  return checked;
}
