// The sample data as it would be imported: the known sums of Northwind, and what the Dutch orders are there to show.

import { expect, test } from 'vitest';
import { sum } from '../../src/domain/money.ts';
import { dutchOrders } from '../../src/sample-data/dutch-orders.ts';
import { northwindOrders, northwindShipments, type PlaceOrderItemJson } from '../../src/sample-data/northwind.ts';

const orders = await northwindOrders();
const dutch = dutchOrders();

test('830 orders of 89 customers, 809 of them shipped', async () => {
  expect(orders).toHaveLength(830);
  expect(new Set(orders.map((order) => order.customer.id)).size).toBe(89);
  const ids = new Set(orders.map((order) => order.id));
  const shipments = await northwindShipments();
  expect(shipments).toHaveLength(809);
  expect(shipments.every((shipment) => ids.has(shipment.order_id))).toBe(true);
});

test('rows rounded half away from zero come to 1,265,793.29, and freight to 64,942.69', () => {
  const items = orders.flatMap((order) => order.items);
  expect(sum(items.filter((item) => item.kind === 'PRODUCT').map(netOf))).toBe(126_579_329n);
  expect(sum(items.filter((item) => item.kind === 'SHIPPING').map(netOf))).toBe(6_494_269n);
});

test('accents survive', () => {
  const names = orders.flatMap((order) => [order.customer.organisation, ...order.items.map((item) => item.name)]);
  expect(names).toEqual(expect.arrayContaining(['Blondesddsl père et fils', "Gustaf's Knäckebröd"]));
});

test('no VAT is charged outside the Netherlands, and every customer in the EU has a VAT number to print', () => {
  for (const { items, customer } of orders) {
    const categories = new Set(items.map((item) => item.vat_category));
    expect(categories.size).toBe(1);
    expect(customer.vat_number !== undefined).toBe(categories.has('K'));
    expect(items.every((item) => item.vat_rate === '0')).toBe(true);
  }
});

test('item ids are unique over both samples', () => {
  const ids = [...orders, ...dutch].flatMap((order) => order.items.map((item) => item.id));
  expect(new Set(ids).size).toBe(ids.length);
});

test('the Dutch orders show both rates, both VAT modes, a shipment policy, a discount, a fee, a weight and a fine price', () => {
  const items = dutch.flatMap((order) => order.items);
  expect(dutch).toHaveLength(12);
  expect(new Set(dutch.map((order) => order.customer.id)).size).toBe(4);
  expect(new Set(items.map((item) => item.vat_rate))).toEqual(new Set(['9', '21']));
  expect(new Set(dutch.map((order) => order.is_including_vat))).toEqual(new Set([false, true]));
  expect(dutch.some((order) => order.invoicing_policy === 'AFTER_SHIPMENT')).toBe(true);
  expect(new Set(items.map((item) => item.kind))).toEqual(new Set(['PRODUCT', 'SHIPPING', 'FEE', 'DISCOUNT']));
  expect(items.some((item) => !Number.isInteger(item.quantity))).toBe(true);
  expect(items.some((item) => item.price_base_quantity === 100)).toBe(true);
});

test('the two orders of the guide are of one customer and can go on one invoice', () => {
  for (const id of ['demo-1001', 'demo-1002']) {
    expect(dutch.find((order) => order.id === id)).toMatchObject({
      customer: { id: 'de-molen' },
      currency: 'EUR',
      is_including_vat: false,
      invoicing_policy: 'ON_ORDER',
    });
  }
});

function netOf(item: PlaceOrderItemJson): bigint {
  return BigInt(item.quantity) * BigInt(item.unit_price) - BigInt(item.discount ?? 0);
}
