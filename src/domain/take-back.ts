// Taking units of an order back: cancelling what was not shipped, returning what was.
//
// 1. Units that were not invoiced yet are just no longer open. For the others a contra item is made per invoice line
//    concerned, the newest invoice first.
// 2. A contra item carries a share of its line's stored amounts, by the share rule; the last one takes the remainder, and
//    never more than the line carried.

import { badInput, Refusal } from './errors.ts';
import { refuseUnderReview } from './invoice-state.ts';
import type { InvoiceLine } from './invoice.ts';
import { cancelOpenUnits } from './issue-invoice.ts';
import { minimum, shareOf, type Quantity } from './money.ts';
import {
  openQuantity,
  orderStatus,
  partFault,
  quantityToReturn,
  quantityToShip,
  shippedNotInvoiced,
  type ItemAmounts,
  type Order,
  type OrderItem,
  type OrderWithItems,
} from './order.ts';
import { Faults, shown } from './text.ts';

type Optional<T> = T | null | undefined;

export interface ContraItemInput {
  readonly id: string;
  /** Left out: all that is left. */
  readonly quantity?: Optional<Quantity>;
  /** The id that the contra item shall have; where several are needed, that of the first. */
  readonly contraItemId?: Optional<string>;
}

/** A line of an invoice that is not cancelled, and what of it was credited already. */
export interface CreditableLine {
  readonly line: InvoiceLine;
  readonly credited: ItemAmounts & { readonly quantity: Quantity };
}

export type TakeBackKind = 'cancel' | 'return';

export interface TakenBack {
  readonly placed: OrderWithItems;
  readonly contraItems: readonly OrderItem[];
  /** The lines concerned, with what is credited of them from now on. */
  readonly lines: readonly CreditableLine[];
}

/**
 * `lines`: those over the items concerned, newest invoice first. Throws BAD_USER_INPUT with every fault, and CONFLICT while
 * the payment of the order is under review.
 */
export function takeBack(
  placed: OrderWithItems,
  inputs: readonly ContraItemInput[],
  kind: TakeBackKind,
  lines: readonly CreditableLine[],
  context: { readonly now: Date; readonly nextId: () => string },
): TakenBack {
  refuseUnderReview([placed], (reason) => new Refusal('CONFLICT', `Nothing can be taken back now: ${reason}.`));
  const wanted = checkedQuantities(placed.items, inputs, kind);
  const creditable = new Map(lines.map((one) => [`${one.line.invoiceId} ${one.line.position}`, one]));
  const items = new Map(placed.items.map((item) => [item.id, item]));
  const contraItems: OrderItem[] = [];
  for (const { item, quantity, contraItemId } of wanted) {
    const notInvoiced = minimum(quantity, notInvoicedUnits(placed.order, item, kind));
    const credits = creditLines(item, quantity - notInvoiced, [...creditable.values()]);
    for (const credit of credits)
      creditable.set(`${credit.after.line.invoiceId} ${credit.after.line.position}`, credit.after);
    const reduced = cancelOpenUnits(item, notInvoiced);
    items.set(item.id, {
      ...reduced,
      quantityCredited: reduced.quantityCredited + quantity - notInvoiced,
      quantityReturned: reduced.quantityReturned + (kind === 'return' ? quantity : 0n),
    });
    credits.forEach((credit, index) => {
      const id = (index === 0 ? contraItemId : null) ?? context.nextId();
      contraItems.push(contraItem(item, credit, id, placed.items.length + contraItems.length + 1));
    });
  }
  const updated = [...items.values(), ...contraItems];
  return {
    placed: {
      order: { ...placed.order, status: orderStatus(placed.order, updated), updatedAt: context.now },
      items: updated,
    },
    contraItems,
    lines: [...creditable.values()].filter((one) => !lines.includes(one)),
  };
}

/** How many of the units concerned no invoice carries. Under AFTER_SHIPMENT those that were not shipped never come back. */
function notInvoicedUnits({ invoicingPolicy }: Order, item: OrderItem, kind: TakeBackKind): Quantity {
  const isByShipment = kind === 'return' && invoicingPolicy === 'AFTER_SHIPMENT';
  return isByShipment ? shippedNotInvoiced(item) : openQuantity(item);
}

interface Credit {
  readonly quantity: Quantity;
  readonly amounts: ItemAmounts;
  readonly after: CreditableLine;
}

function creditLines(item: OrderItem, quantity: Quantity, lines: readonly CreditableLine[]): readonly Credit[] {
  const credits: Credit[] = [];
  let left = quantity;
  for (const one of lines) {
    if (left === 0n) break;
    if (one.line.orderItemId !== item.id) continue;
    const open = one.line.quantity - one.credited.quantity;
    const taken = minimum(left, open);
    if (taken <= 0n) continue;
    const share = (amount: keyof ItemAmounts) => shareOf(one.line[amount] - one.credited[amount], taken, open);
    const amounts = { totalExVat: share('totalExVat'), totalVat: share('totalVat'), discount: share('discount') };
    const credited = {
      quantity: one.credited.quantity + taken,
      totalExVat: one.credited.totalExVat + amounts.totalExVat,
      totalVat: one.credited.totalVat + amounts.totalVat,
      discount: one.credited.discount + amounts.discount,
    };
    credits.push({ quantity: taken, amounts, after: { line: one.line, credited } });
    left -= taken;
  }
  if (left !== 0n) throw new RangeError('What an item says is invoiced stands on lines of its invoices.');
  return credits;
}

function contraItem(item: OrderItem, credit: Credit, id: string, position: number): OrderItem {
  const { line } = credit.after;
  return {
    ...item,
    id,
    position,
    kind: 'CONTRA',
    quantity: -credit.quantity,
    totalExVat: -credit.amounts.totalExVat,
    totalVat: -credit.amounts.totalVat,
    discount: -credit.amounts.discount,
    quantityShipped: 0n,
    quantityInvoiced: 0n,
    quantityCanceled: 0n,
    quantityReturned: 0n,
    quantityCredited: 0n,
    invoiced: { totalExVat: 0n, totalVat: 0n, discount: 0n },
    canceled: { totalExVat: 0n, totalVat: 0n, discount: 0n },
    shippedAt: null,
    contraOfItemId: item.id,
    contraOfInvoiceId: line.invoiceId,
    contraOfLine: line.position,
    refundedAt: null,
  };
}

interface Wanted {
  readonly item: OrderItem;
  readonly quantity: Quantity;
  readonly contraItemId: string | null;
}

function checkedQuantities(
  items: readonly OrderItem[],
  inputs: readonly ContraItemInput[],
  kind: TakeBackKind,
): readonly Wanted[] {
  const faults = new Faults();
  const seen = new Set<string>();
  if (inputs.length === 0) faults.add(['items'], 'must not be empty');
  const wanted = inputs.flatMap((input, index): Wanted[] => {
    const item = items.find(({ id }) => id === input.id);
    faults.identifier(['items', index, 'contraItemId'], input.contraItemId);
    if (seen.has(input.id)) faults.add(['items', index, 'id'], `"${shown(input.id)}" is given twice`);
    seen.add(input.id);
    if (!item || item.kind === 'CONTRA') {
      faults.add(['items', index, 'id'], `"${shown(input.id)}" is no item of this order that can be taken back`);
      return [];
    }
    const left = kind === 'cancel' ? quantityToShip(item) : quantityToReturn(item);
    const quantity = input.quantity ?? left;
    const what = kind === 'cancel' ? 'was not shipped or cancelled' : 'was shipped and not returned';
    const fault = partFault(item, quantity, left, what);
    if (fault) faults.add(['items', index, 'quantity'], fault);
    return [{ item, quantity, contraItemId: input.contraItemId ?? null }];
  });
  if (faults.list.length > 0) throw badInput(faults.list);
  return wanted;
}
