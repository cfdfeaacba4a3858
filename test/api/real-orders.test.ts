// Real orders that nobody wrote for us, placed and invoiced through the product: to the cent, or refused with reasons.

import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Refusal } from '../../src/domain/errors.ts';
import { ONE, sum } from '../../src/domain/money.ts';
import { vatBreakdown } from '../../src/domain/vat.ts';
import { readOrderJson } from '../../src/graphql/order-json.ts';
import { northwindOrders, type PlaceOrderJson } from '../../src/sample-data/northwind.ts';
import { byCategoryAndRate, en16931Orders } from '../data/en16931.ts';
import { onlineRetailOrders } from '../data/online-retail.ts';
import { INVOICE_ITEMS, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

interface VatRow {
  readonly category: string;
  readonly rate: string;
  readonly total_ex_vat: number;
  readonly amount: number;
}

const cases = en16931Orders();
const applicable = cases.flatMap(({ order, expected, case: { id } }) => (order ? [{ id, order, expected }] : []));

test('at least 60 of the 75 EN 16931 invoices are orders of the product; each of the others says why not', () => {
  expect(cases).toHaveLength(75);
  expect(applicable.length).toBeGreaterThanOrEqual(60);
  expect(cases.filter(({ order, whyNot }) => (order === null) !== (whyNot !== null))).toEqual([]);
});

describe('an EN 16931 invoice comes out to the cent, totals and VAT breakdown', () => {
  test.each(applicable)('$id', async ({ order, expected }) => {
    const placed = (await billhead.ask(PLACE_ORDER, { input: order })).placeOrder.order;
    const items = placed.items.map(({ id }: { id: string }) => id);
    const { invoice } = (await billhead.ask(INVOICE_ITEMS, { input: { items } })).invoiceItems;
    expect({
      totalExVat: BigInt(invoice.total_ex_vat),
      totalVat: BigInt(invoice.total_vat),
      total: BigInt(invoice.total),
      vat: invoice.vat
        .map(({ category, rate, total_ex_vat: taxable, amount }: VatRow) => ({
          category,
          rate,
          taxable: BigInt(taxable),
          amount: BigInt(amount),
        }))
        .sort(byCategoryAndRate),
    }).toEqual(expected);
  });
});

/** Places through the very action of placeOrder, many at once, and returns why each was refused, or null. */
async function placeAll(orders: readonly PlaceOrderJson[]): Promise<readonly (Refusal | null)[]> {
  const read = orders.map((order) => {
    try {
      return readOrderJson(order);
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  });
  const valid = read.flatMap((input) => (input instanceof Refusal ? [] : [input]));
  const outcomes = [...(await billhead.product.app.placeOrders(billhead.actor, valid))];
  return read.map((input) => {
    if (input instanceof Refusal) return input;
    const outcome = outcomes.shift();
    return outcome?.kind === 'refused' ? outcome.refusal : null;
  });
}

/** As many at once as come in a busy hour, each by a call of its own. */
const limit = pLimit(40);
const atOnce = <Each, Result>(all: readonly Each[], one: (each: Each) => Promise<Result>): Promise<readonly Result[]> =>
  Promise.all(all.map((each) => limit(one, each)));

async function invoiceWhole(orderIds: readonly string[]): Promise<bigint> {
  const { app } = billhead.product;
  const items = await app.itemsOfOrders(billhead.actor, orderIds);
  const invoices = await atOnce(orderIds, async (orderId) => {
    const itsItems = items.filter((item) => item.orderId === orderId);
    const invoice = await app.invoiceItems(billhead.actor, { items: itsItems.map((item) => item.id) });
    const lines = await app.linesOfInvoices(billhead.actor, [invoice.id]);
    expect(sum(lines.map((line) => line.totalExVat))).toBe(sum(itsItems.map((item) => item.totalExVat)));
    expect(sum(vatBreakdown(lines).map((group) => group.amount))).toBe(invoice.totalVat);
    return invoice;
  });
  return sum(invoices.map((invoice) => invoice.totalExVat));
}

test('Northwind complete, placed and invoiced: 830 orders, 1,265,793.29 net of discount', async () => {
  const orders = await northwindOrders();
  expect(orders).toHaveLength(830);
  expect((await placeAll(orders)).filter((refusal) => refusal !== null)).toEqual([]);
  const placed = await billhead.product.app.itemsOfOrders(
    billhead.actor,
    orders.map(({ id }) => id),
  );
  const goods = placed.filter(({ kind }) => kind === 'PRODUCT');
  expect(sum(goods.map((row) => row.totalExVat))).toBe(126_579_329n);
  expect(goods.every((row) => row.quantity % ONE === 0n)).toBe(true);
  const toShip = orders.filter((order) => order.invoicing_policy === 'AFTER_SHIPMENT');
  await atOnce(toShip, ({ id }) => billhead.product.app.shipItems(billhead.actor, { orderId: id }));
  const freight = placed.filter(({ kind }) => kind === 'SHIPPING');
  const invoiced = await invoiceWhole(orders.map(({ id }) => id));
  expect(invoiced - sum(freight.map((row) => row.totalExVat))).toBe(126_579_329n);
}, 120_000);

test('300 whole invoices of Online Retail: the good ones are invoiced to the cent, the bad ones refused with reasons', async () => {
  const retail = onlineRetailOrders();
  expect(retail).toHaveLength(300);
  const refusals = await placeAll(retail.map(({ order }) => order));
  retail.forEach(({ invoiceNo, isExpectedToFail }, index) => {
    const refusal = refusals[index] ?? null;
    expect({ invoiceNo, isRefused: refusal !== null }).toEqual({ invoiceNo, isRefused: isExpectedToFail });
    if (refusal) {
      expect(refusal.code).toBe('BAD_USER_INPUT');
      expect(refusal.faults.length).toBeGreaterThan(0);
    }
  });
  const good = retail.filter(({ isExpectedToFail }) => !isExpectedToFail);
  const net = await invoiceWhole(good.map(({ order }) => order.id));
  expect(net).toBe(sum(good.map(({ expectedTotalExVat }) => expectedTotalExVat ?? 0n)));
}, 120_000);
