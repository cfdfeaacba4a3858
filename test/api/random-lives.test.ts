// Random lives of orders against the real product: what is listed succeeds, what is not is refused, no cent is lost.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refusal } from '../../src/domain/errors.ts';
import type { OrderAction } from '../../src/domain/invoiceability.ts';
import { orderActions } from '../../src/domain/invoiceability.ts';
import type { Invoice, InvoiceLine } from '../../src/domain/invoice.ts';
import { ONE, sum } from '../../src/domain/money.ts';
import {
  openAmounts,
  quantityToReturn,
  quantityToShip,
  type OrderItem,
  type OrderWithItems,
} from '../../src/domain/order.ts';
import { reimbursement } from '../../src/domain/reimbursement.ts';
import { readOrderJson } from '../../src/graphql/order-json.ts';
import { item, order } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

const LIVES = 30;
const STEPS = 14;

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

/** Repeatable chance: the same seed plays the same life. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  oneOf<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  some<T>(list: readonly T[]): readonly T[] {
    const chosen = list.filter(() => this.below(2) === 0);
    return chosen.length > 0 ? chosen : list.slice(0, 1);
  }

  /** A whole number of units from 1 to that many. */
  units(atMost: bigint): bigint {
    return (BigInt(this.below(Number(atMost / ONE))) + 1n) * ONE;
  }
}

interface World {
  readonly placed: OrderWithItems;
  readonly invoices: readonly Invoice[];
  readonly lines: readonly InvoiceLine[];
}

async function look(orderId: string): Promise<World> {
  const { app } = billhead.product;
  const { actor } = billhead;
  const [found] = await app.ordersById(actor, [orderId]);
  if (!found) throw new RangeError('The order was placed.');
  const links = await app.invoicesOverOrders(actor, [orderId]);
  const ids = links.map(({ invoiceId }) => invoiceId);
  return {
    placed: { order: found, items: await app.itemsOfOrders(actor, [orderId]) },
    invoices: await app.invoicesById(actor, ids),
    lines: await app.linesOfInvoices(actor, ids),
  };
}

async function place(id: string, chance: Chance): Promise<void> {
  const kinds = ['PRODUCT', 'PRODUCT', 'PRODUCT', 'SHIPPING', 'FEE'] as const;
  const items = Array.from({ length: 1 + chance.below(4) }, (_, index) =>
    item({
      id: `${id}-${index + 1}`,
      kind: kinds[chance.below(kinds.length)] ?? 'PRODUCT',
      quantity: 1 + chance.below(6),
      unit_price: 1 + chance.below(9_999),
      price_base_quantity: chance.below(3) === 0 ? 7 : 1,
      vat_rate: ['9', '21', '5.5'][chance.below(3)] ?? '21',
    }),
  );
  const policy = chance.below(2) === 0 ? ('ON_ORDER' as const) : ('AFTER_SHIPMENT' as const);
  const json = order(id, { items, invoicing_policy: policy, is_including_vat: chance.below(2) === 0 });
  await billhead.product.app.placeOrder(billhead.actor, readOrderJson(json));
}

async function step(before: World, chance: Chance): Promise<void> {
  const { app } = billhead.product;
  const { actor } = billhead;
  const action = chance.oneOf<OrderAction | null>([...orderActions(before.placed), null]);
  if (action) await act(action, before, chance);
  const world = await look(before.placed.order.id);
  const invoice = chance.oneOf(world.invoices.filter(({ type }) => type === 'INVOICE'));
  if (!invoice) return;
  const contra = world.placed.items.filter((row) => row.contraOfInvoiceId === invoice.id);
  if (contra.some((row) => row.refundedAt === null)) await app.refundPayment(actor, { invoiceId: invoice.id });
  else if (invoice.state === 'OPEN') {
    const { amountDue } = reimbursement(invoice, false);
    if (contra.length === 0 && invoice.amountPaid === 0n && chance.below(3) === 0)
      await app.cancelInvoice(actor, invoice.id);
    else if (amountDue > 0n) {
      const amount = chance.below(2) === 0 ? amountDue : (amountDue + 1n) / 2n;
      await app.registerPayment(actor, { invoiceId: invoice.id, amount, method: 'cash' });
    }
  }
}

/** Does what the action says can be done, with some of its ids; it must succeed. */
async function act({ action, ids }: OrderAction, { placed }: World, chance: Chance): Promise<void> {
  const { app } = billhead.product;
  const { actor } = billhead;
  const items = ids.flatMap((id) => placed.items.find((row) => row.id === id) ?? []);
  if (action === 'INVOICE') {
    const [first] = chance.some(items);
    const alike = items.filter((row) => row.contraOfInvoiceId === first?.contraOfInvoiceId);
    await app.invoiceItems(actor, { items: chance.some(alike).map(({ id }) => id) });
    return;
  }
  const left = action === 'RETURN' ? quantityToReturn : quantityToShip;
  const lines = chance.some(items).map((row) => ({ id: row.id, quantity: chance.units(left(row)) }));
  const input = { orderId: placed.order.id, items: lines };
  if (action === 'SHIP') await app.shipItems(actor, input);
  else if (action === 'CANCEL') await app.cancelOrderItems(actor, input);
  else await app.returnOrderItems(actor, input);
}

/** Every item that is not listed under INVOICE is refused, and says why beforehand. */
async function expectOthersRefused({ placed }: World): Promise<void> {
  const listed = new Set(orderActions(placed).find(({ action }) => action === 'INVOICE')?.ids);
  for (const { id } of placed.items.filter((row) => !listed.has(row.id))) {
    const refusal = await billhead.product.app.invoiceItems(billhead.actor, { items: [id] }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ code: 'NOT_INVOICEABLE' });
  }
}

function expectConserved({ placed, invoices, lines }: World): void {
  const live = new Set(invoices.filter(({ state }) => state !== 'CANCELED').map(({ id }) => id));
  for (const row of placed.items) {
    const carried = lines.filter((line) => line.orderItemId === row.id && live.has(line.invoiceId));
    expect(sum(carried.map(({ quantity }) => quantity))).toBe(row.quantityInvoiced);
    for (const amount of ['totalExVat', 'totalVat', 'discount'] as const) {
      expect(sum(carried.map((line) => line[amount]))).toBe(row.invoiced[amount]);
      expect(row.invoiced[amount] + row.canceled[amount] + openAmounts(row)[amount]).toBe(row[amount]);
    }
    if (row.kind !== 'CONTRA') expectContraWithinLines(row, placed.items, carried);
  }
  for (const invoice of invoices) {
    expect(invoice.amountRefunded <= invoice.amountPaid).toBe(true);
    expect(reimbursement(invoice, false).amountDue >= 0n).toBe(true);
  }
}

function expectContraWithinLines(row: OrderItem, items: readonly OrderItem[], carried: readonly InvoiceLine[]): void {
  const contra = items.filter((one) => one.contraOfItemId === row.id);
  expect(-sum(contra.map(({ quantity }) => quantity))).toBe(row.quantityCredited);
  for (const line of carried) {
    const credits = contra.filter(
      (one) => one.contraOfInvoiceId === line.invoiceId && one.contraOfLine === line.position,
    );
    const units = -sum(credits.map(({ quantity }) => quantity));
    const net = -sum(credits.map(({ totalExVat }) => totalExVat));
    expect(units <= line.quantity && net <= line.totalExVat).toBe(true);
    if (credits.length > 0 && units === line.quantity) {
      expect(net).toBe(line.totalExVat);
      expect(-sum(credits.map(({ totalVat }) => totalVat))).toBe(line.totalVat);
    }
  }
}

test.each(Array.from({ length: LIVES }, (_, seed) => seed))('life %i', async (seed) => {
  const chance = new Chance(seed * 7919 + 1);
  const id = `life-${seed}`;
  await place(id, chance);
  for (let count = 0; count < STEPS; count += 1) {
    await step(await look(id), chance);
    const world = await look(id);
    expectConserved(world);
    if (count % 4 === 3) await expectOthersRefused(world);
  }
});
