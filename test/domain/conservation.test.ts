// The conservation law: whatever is shipped, invoiced and cancelled of orders, in whatever order, no cent is lost or made.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideInvoices } from '../../src/domain/decide-invoices.ts';
import type { InvoiceLine } from '../../src/domain/invoice.ts';
import { cancelOpenUnits, shareOfItem, takeFromItem } from '../../src/domain/issue-invoice.ts';
import { ONE, sum } from '../../src/domain/money.ts';
import { openQuantity, type ItemAmounts, type OrderItem, type OrderWithItems } from '../../src/domain/order.ts';
import { shipItems } from '../../src/domain/ship-items.ts';
import { shippableItems } from '../../src/domain/invoiceability.ts';
import { vatBreakdown } from '../../src/domain/vat.ts';
import { facts, NOON, placed, row } from './orders.ts';

describe('published vectors: a row invoiced in parts', () => {
  test.each([
    { total: 1000n, units: 3n, parts: [1n, 1n, 1n], expected: [333n, 334n, 333n] },
    { total: 1999n, units: 7n, parts: [2n, 3n, 2n], expected: [571n, 857n, 571n] },
  ])('$total, $units units, as $parts', ({ total, units, parts, expected }) => {
    // The price is for all units together: a row total that its units do not divide.
    const quantity = units * ONE;
    let [item] = placed('o', [row({ quantity, unitPrice: total, priceBaseQuantity: quantity })]).items;
    const nets = parts.map((part) => {
      if (!item) throw new RangeError('An order of one row has one item.');
      const share = shareOfItem(item, part * ONE);
      item = takeFromItem(item, part * ONE);
      return share.totalExVat;
    });
    expect(nets).toEqual(expected);
  });
});

const rows = fc.array(
  fc.record({
    unitPrice: fc.bigInt({ min: 0n, max: 10n ** 7n }),
    quantity: fc.bigInt({ min: 1n, max: 1000n * ONE }),
    priceBaseQuantity: fc.constantFrom(ONE, 100n * ONE, 7n * ONE),
    vatRate: fc.constantFrom(5n * ONE, 9n * ONE, 21n * ONE),
  }),
  { minLength: 1, maxLength: 6 },
);
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('ship', 'invoice', 'cancel'),
    item: fc.nat(5),
    portion: fc.bigInt({ min: 1n, max: 100n }),
  }),
  { maxLength: 25 },
);

/** What happened to the orders, kept apart from what their items say of it. */
interface Life {
  order: OrderWithItems;
  readonly lines: InvoiceLine[];
  readonly cancelled: Map<string, ItemAmounts[]>;
}

test('after every step of a random life: total = Σ lines + Σ cancelled shares + what is left, row by row', () => {
  fc.assert(
    fc.property(rows, steps, fc.boolean(), (given, life, isIncludingVat) => {
      const order = placed('o', given.map(row), { isIncludingVat, invoicingPolicy: 'AFTER_SHIPMENT' });
      const state: Life = { order, lines: [], cancelled: new Map() };
      for (const step of life) {
        take(state, step);
        for (const item of state.order.items) expectConserved(item, state);
      }
      finish(state);
      for (const item of state.order.items) {
        const { totalExVat, totalVat } = carried(item, state);
        expect({ totalExVat, totalVat }).toEqual({ totalExVat: item.totalExVat, totalVat: item.totalVat });
      }
    }),
  );
});

function take(state: Life, step: { kind: string; item: number; portion: bigint }): void {
  const item = state.order.items[step.item % state.order.items.length];
  if (!item) return;
  if (step.kind === 'ship') ship(state, item, step.portion);
  else if (step.kind === 'invoice') invoice(state);
  else cancel(state, item, step.portion);
}

function ship(state: Life, item: OrderItem, portion: bigint): void {
  const left = item.quantity - item.quantityCanceled - item.quantityShipped;
  const quantity = (left * portion) / 100n;
  if (quantity <= 0n || !shippableItems(state.order).includes(item)) return;
  const { shipped: _, ...changed } = shipItems(state.order, [{ id: item.id, quantity }], NOON);
  state.order = changed;
}

/** Invoices, as callers do, all that the order says can be invoiced. */
function invoice(state: Life): void {
  const itemIds = state.order.items.filter(({ quantityShipped, quantityInvoiced, ...item }) => {
    const open = item.quantity - item.quantityCanceled - quantityInvoiced;
    return open > 0n && quantityShipped > quantityInvoiced;
  });
  if (itemIds.length === 0) return;
  const request = { itemIds: itemIds.map(({ id }) => id), invoiceId: `i${state.lines.length}`, requestHash: '' };
  const { outcomes, invoices, orders } = decideInvoices([request], facts([state.order]));
  expect(outcomes).toEqual([{ kind: 'issued', invoiceId: request.invoiceId }]);
  const lines = invoices.flatMap((issued) => issued.lines);
  const [issued] = invoices;
  expect(sum(lines.map((line) => line.totalExVat))).toBe(issued?.invoice.totalExVat);
  expect(sum(vatBreakdown(lines).map(({ amount }) => amount))).toBe(issued?.invoice.totalVat);
  state.lines.push(...lines);
  state.order = orders[0] ?? state.order;
}

/** Units that were neither shipped nor invoiced are cancelled. */
function cancel(state: Life, item: OrderItem, portion: bigint): void {
  const free = item.quantity - item.quantityCanceled - item.quantityShipped;
  const quantity = (free * portion) / 100n;
  if (quantity <= 0n) return;
  const share = shareOfItem(item, quantity);
  state.cancelled.set(item.id, [...(state.cancelled.get(item.id) ?? []), share]);
  const items = state.order.items.map((one) => (one.id === item.id ? cancelOpenUnits(one, quantity) : one));
  state.order = { ...state.order, items };
}

/** Ships and invoices whatever is left. */
function finish(state: Life): void {
  for (const item of state.order.items) ship(state, item, 100n);
  invoice(state);
  for (const item of state.order.items) expect(openQuantity(item)).toBe(0n);
}

/** What the lines and the cancelled shares of an item carry together. */
function carried(item: OrderItem, { lines, cancelled }: Life): ItemAmounts {
  const parts: readonly ItemAmounts[] = [
    ...lines.filter(({ orderItemId }) => orderItemId === item.id),
    ...(cancelled.get(item.id) ?? []),
  ];
  return {
    totalExVat: sum(parts.map((part) => part.totalExVat)),
    totalVat: sum(parts.map((part) => part.totalVat)),
    discount: sum(parts.map((part) => part.discount)),
  };
}

function expectConserved(item: OrderItem, state: Life): void {
  const parts = carried(item, state);
  for (const amount of ['totalExVat', 'totalVat', 'discount'] as const) {
    const left = item[amount] - parts[amount];
    expect(left).toBe(item[amount] - item.invoiced[amount] - item.canceled[amount]);
    expect(left).toBeGreaterThanOrEqual(0n);
    if (openQuantity(item) === 0n) expect(left).toBe(0n);
  }
}
