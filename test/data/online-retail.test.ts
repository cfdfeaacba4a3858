// The converted Online Retail invoices: how many there are, which must be refused and why, and what the others sum to.

import { expect, test } from 'vitest';
import { divideRounded, sum } from '../../src/domain/money.ts';
import { onlineRetailOrders } from './online-retail.ts';

const orders = onlineRetailOrders();
const good = orders.filter((order) => !order.isExpectedToFail);

test('each of the 300 invoices and 7,697 rows is there once', () => {
  expect(new Set(orders.map((order) => order.invoiceNo)).size).toBe(300);
  expect(new Set(orders.flatMap(({ order }) => order.items.map((item) => item.id))).size).toBe(7697);
});

test('74 invoices must be refused, each with its reason', () => {
  const counts: Record<string, number> = {};
  for (const { why } of orders) if (why !== null) counts[why] = (counts[why] ?? 0) + 1;
  expect(counts).toEqual({
    'A cancellation: its quantities are below zero.': 58,
    'A quantity is not above zero.': 12,
    'A price is negative on a row that is no discount.': 2,
    '"European Community" is no country.': 1,
    '"Unspecified" is no country.': 1,
  });
  expect(good).toHaveLength(226);
});

test('the converted items come to the sums of the data', () => {
  for (const { order, expectedTotalExVat } of good) {
    const rows = order.items.map((item) =>
      divideRounded(BigInt(item.quantity) * BigInt(item.unit_price), BigInt(item.price_base_quantity ?? 1)),
    );
    expect(sum(rows)).toBe(expectedTotalExVat);
  }
  expect(sum(good.map((order) => order.expectedTotalExVat ?? 0n))).toBe(41_412_735n);
});

test('a price finer than a penny is the price of more than one unit', () => {
  const fine = good.flatMap(({ order }) => order.items).filter((item) => item.price_base_quantity !== undefined);
  expect(fine.map((item) => [item.unit_price, item.price_base_quantity])).toEqual([
    [1, 10],
    [1, 10],
    [1, 10],
    [1, 10],
  ]);
});
