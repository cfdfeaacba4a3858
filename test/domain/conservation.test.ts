// The conservation law: whatever is invoiced and cancelled of an order, in whatever order, no cent is lost or made.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cancelOpenUnits, shareOfItem, takeFromItem } from '../../src/domain/issue-invoice.ts';
import { ONE } from '../../src/domain/money.ts';
import { openAmounts, openQuantity, type OrderItem } from '../../src/domain/order.ts';
import { placeOrder } from '../../src/domain/place-order.ts';

function placedItem(row: {
  unitPrice: bigint;
  quantity: bigint;
  discount?: bigint;
  isIncludingVat?: boolean;
}): OrderItem {
  const { items } = placeOrder(
    {
      customer: { id: 'c', name: 'Customer' },
      currency: 'EUR',
      isIncludingVat: row.isIncludingVat ?? false,
      billingAddress: { street: 'Street 1', city: 'City', country: 'NL' },
      items: [
        {
          name: 'Row',
          quantity: row.quantity,
          isWholeNumber: false,
          unitPrice: row.unitPrice,
          discount: row.discount ?? 0n,
          vatRate: 21n * ONE,
        },
      ],
    },
    { merchantId: 'm', orderId: 'o', itemIds: ['i'], contentHash: '', now: new Date(0) },
  );
  const [item] = items;
  if (!item) throw new RangeError('An order of one row has one item.');
  return item;
}

describe('published vectors: a row invoiced in parts', () => {
  test.each([
    { total: 1000n, units: 3n, parts: [1n, 1n, 1n], expected: [333n, 334n, 333n] },
    { total: 1999n, units: 7n, parts: [2n, 3n, 2n], expected: [571n, 857n, 571n] },
  ])('$total, $units units, as $parts', ({ total, units, parts, expected }) => {
    // The price of the whole row for the base of all its units: a row total that its units do not divide.
    let item: OrderItem = { ...placedItem({ unitPrice: total, quantity: ONE }), quantity: units * ONE };
    const nets = parts.map((part) => {
      const share = shareOfItem(item, part * ONE);
      item = takeFromItem(item, part * ONE);
      return share.totalExVat;
    });
    expect(nets).toEqual(expected);
    expect(openAmounts(item)).toEqual({ totalExVat: 0n, totalVat: 0n, discount: 0n });
  });
});

const step = fc.record({ isCancel: fc.boolean(), portion: fc.integer({ min: 1, max: 100 }) });
const row = fc.record({
  unitPrice: fc.bigInt({ min: 0n, max: 10n ** 9n }),
  quantity: fc.bigInt({ min: 1n, max: 10_000n * ONE }),
  discountPercent: fc.bigInt({ min: 0n, max: 100n }),
  isIncludingVat: fc.boolean(),
});

test('after every step of a random life: total = invoiced + cancelled + open, for net, VAT and discount', () => {
  fc.assert(
    fc.property(row, fc.array(step, { maxLength: 30 }), ({ discountPercent, ...terms }, steps) => {
      const gross = (terms.unitPrice * terms.quantity) / ONE;
      let item = placedItem({ ...terms, discount: (gross * discountPercent) / 100n });
      const placed = item;
      for (const { isCancel, portion } of steps) {
        const open = openQuantity(item);
        const quantity = (open * BigInt(portion)) / 100n;
        item = isCancel ? cancelOpenUnits(item, quantity) : takeFromItem(item, quantity);
        const left = openAmounts(item);
        for (const amount of ['totalExVat', 'totalVat', 'discount'] as const) {
          expect(item.invoiced[amount] + item.canceled[amount] + left[amount]).toBe(placed[amount]);
          expect(left[amount]).toBeGreaterThanOrEqual(0n);
        }
        if (openQuantity(item) === 0n) expect(left).toEqual({ totalExVat: 0n, totalVat: 0n, discount: 0n });
      }
    }),
  );
});
