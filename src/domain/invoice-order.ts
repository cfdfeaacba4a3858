// The order form: which items of one order go on an invoice, and how much of each.
//
// 1. Without lines, everything that can be invoiced now. With lines, open shipping, fees and order discounts join the
//    order's first invoice, so that they are not forgotten.
// 2. A line names its item by exactly one of id and sku; a sku that several items of the order have is ambiguous.

import { badInput, type Blocker, type BlockerCode } from './errors.ts';
import { invoiceability } from './invoiceability.ts';
import { notInvoiceable, type PickedItem } from './issue-invoice.ts';
import { decimalText, type Quantity } from './money.ts';
import { openQuantity, partFault, type OrderItem, type OrderWithItems } from './order.ts';
import { Faults } from './text.ts';

type Optional<T> = T | null | undefined;

export interface InvoiceOrderItemInput {
  readonly orderItemId?: Optional<string>;
  readonly sku?: Optional<string>;
  readonly qty: Quantity;
}

/** Throws BAD_USER_INPUT with every fault, or NOT_INVOICEABLE with every blocker. */
export function pickFromOrder(
  { order, items }: OrderWithItems,
  lines: readonly InvoiceOrderItemInput[] | null,
): readonly PickedItem[] {
  // Contra items make a credit invoice of their own, and carry the sku of what they take back.
  const placed = { order, items: items.filter(({ kind }) => kind !== 'CONTRA') };
  const picked = lines === null ? pickEverything(placed) : pickLines(placed, lines);
  return [...picked].sort((a, b) => a.item.position - b.item.position);
}

function pickEverything({ order, items }: OrderWithItems): readonly PickedItem[] {
  const states = items.map((item) => ({ item, can: invoiceability(order, item) }));
  const picked = states
    .filter(({ can }) => can.quantity !== 0n)
    .map(({ item, can }) => ({ order, item, quantity: can.quantity }));
  if (picked.length === 0) throw notInvoiceable(states.flatMap(({ can }) => can.blockers));
  return picked;
}

function pickLines(placed: OrderWithItems, lines: readonly InvoiceOrderItemInput[]): readonly PickedItem[] {
  const faults = new Faults();
  if (lines.length === 0) faults.add(['items'], 'must not be empty; leave it out to invoice everything that is open');
  const named = lines.flatMap((line, index) => {
    const item = findItem(placed.items, line, ['items', index], faults);
    return item ? [{ item, qty: line.qty }] : [];
  });
  if (faults.list.length > 0) throw badInput(faults.list);
  const blockers: Blocker[] = [];
  const picked = named.map(({ item, qty }, index) => {
    if (named.findIndex((one) => one.item === item) !== index) {
      blockers.push(blocked('DUPLICATE_ITEM', `Item ${item.id} is given twice.`, item));
    } else blockers.push(...blockersOf(placed, item, qty));
    return { order: placed.order, item, quantity: qty };
  });
  if (blockers.length > 0) throw notInvoiceable(blockers);
  return [...picked, ...joining(placed, picked)];
}

function findItem(
  items: readonly OrderItem[],
  line: InvoiceOrderItemInput,
  path: readonly (string | number)[],
  faults: Faults,
): OrderItem | null {
  const isById = typeof line.orderItemId === 'string';
  if (isById === (typeof line.sku === 'string')) {
    faults.add([...path, 'orderItemId'], 'or sku must be given: exactly one of the two');
    return null;
  }
  const found = items.filter((item) => (isById ? item.id === line.orderItemId : item.sku === line.sku));
  const [item] = found;
  const field = isById ? 'orderItemId' : 'sku';
  if (!item) faults.add([...path, field], 'is no item of this order');
  else if (found.length > 1) faults.add([...path, field], `is ambiguous: ${found.length} items of this order have it`);
  else {
    const fault = partFault(item, line.qty, item.quantity, 'was ordered');
    if (fault) faults.add([...path, 'qty'], fault);
  }
  return item ?? null;
}

function blockersOf({ order }: OrderWithItems, item: OrderItem, qty: Quantity): readonly Blocker[] {
  const can = invoiceability(order, item);
  if (can.blockers.length > 0 || qty <= can.quantity) return can.blockers;
  const left = decimalText(can.quantity);
  if (qty <= openQuantity(item)) {
    return [blocked('NOT_SHIPPED', `Only ${left} more of item ${item.id} was shipped.`, item)];
  }
  const code = item.quantityInvoiced > 0n ? 'ALREADY_INVOICED' : 'CANCELLED';
  return [blocked(code, `Only ${left} of item ${item.id} is left to invoice.`, item)];
}

function blocked(code: BlockerCode, message: string, item: OrderItem): Blocker {
  return { code, message, orderId: item.orderId, itemId: item.id };
}

/** Shipping, fees and order discounts that can be invoiced, when no invoice of the order carries anything yet. */
function joining({ order, items }: OrderWithItems, picked: readonly PickedItem[]): readonly PickedItem[] {
  if (items.some((item) => item.quantityInvoiced !== 0n)) return [];
  const named = new Set(picked.map(({ item }) => item.id));
  return items.flatMap((item) => {
    if (item.kind === 'PRODUCT' || named.has(item.id)) return [];
    const { quantity } = invoiceability(order, item);
    return quantity === 0n ? [] : [{ order, item, quantity }];
  });
}
