// Cancelling, returning, refunding and crediting: to the cent, never more than was invoiced or paid, once only.

import pg from 'pg';
import { extractText, getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let count = 0;

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true });
});
afterAll(async () => {
  await expectConservation();
  await billhead.close();
});

const SELECTION = `id number type state total_ex_vat total_vat total subtotal
  lines { order_item_id name quantity total_ex_vat total_vat total }
  corrects { id number } credit_invoices { id }
  reimbursement { status amount_due amount_paid amount_refunded payments { amount is_refund } }`;

const ITEMS = `id kind quantity quantity_invoiced quantity_canceled total_ex_vat total_vat total
  contra_of { id } invoiceability { quantity blockers { code } }`;

const takeBackOf = (verb: 'cancel' | 'return') => {
  const Verb = verb === 'cancel' ? 'Cancel' : 'Return';
  return `mutation T($input: ${Verb}OrderItemsInput!) { ${verb}OrderItems(input: $input) {
    order { status actions { action ids } } contra_items { ${ITEMS} } } }`;
};

type Row = { id: string; quantity?: number; contra_item_id?: string };
const takeBack = async (verb: 'cancel' | 'return', orderId: string, ...items: Row[]) =>
  (await billhead.ask(takeBackOf(verb), { input: { order_id: orderId, items } }))[`${verb}OrderItems`];
const takeBackRefused = async (verb: 'cancel' | 'return', orderId: string, ...items: Row[]) =>
  (await billhead.refusal(takeBackOf(verb), { input: { order_id: orderId, items } })).extensions;

const INVOICE = `mutation I($input: InvoiceItemsInput!) { invoiceItems(input: $input) { invoice { ${SELECTION} } } }`;
const invoice = async (...items: string[]) => (await billhead.ask(INVOICE, { input: { items } })).invoiceItems.invoice;
const invoiceRefused = async (...items: string[]) => (await billhead.refusal(INVOICE, { input: { items } })).extensions;

const REFUND = `mutation R($input: RefundPaymentInput!) { refundPayment(input: $input) { invoice { ${SELECTION} } } }`;
const refund = async (invoiceId: string, amount?: number) =>
  (await billhead.ask(REFUND, { input: { invoice_id: invoiceId, amount } })).refundPayment.invoice;

const read = async (orderId: string) =>
  (
    await billhead.ask(
      `{ order(id: "${orderId}") { status total actions { action ids } items { ${ITEMS} } vat { amount } } }`,
    )
  ).order;
const readInvoice = async (id: string) => (await billhead.ask(`{ invoice(id: "${id}") { ${SELECTION} } }`)).invoice;
const ship = (orderId: string) =>
  billhead.ask(`mutation { shipItems(input: { order_id: "${orderId}" }) { order { id } } }`);

/** An order, invoiced whole and paid. Prices in cents of one unit each, at 20 %. */
async function paid(...prices: number[]): Promise<{ id: string; invoiceId: string }> {
  const id = `credit-${(count += 1)}`;
  const items = prices.map((price, index) =>
    item({ id: `${id}-${index + 1}`, quantity: 1, unit_price: price, vat_rate: '20' }),
  );
  await billhead.ask(PLACE_ORDER, { input: order(id, { items }) });
  return { id, invoiceId: await invoicedAndPaid(id) };
}

async function invoicedAndPaid(id: string): Promise<string> {
  const query = `mutation { invoiceOrder(input: { order_id: "${id}" }) { invoice { id } } }`;
  return (await billhead.ask(query)).invoiceOrder.invoice.id;
}

test('a return goes its way: contra item, refund, credit invoice that corrects, all to the cent', async () => {
  const { id, invoiceId } = await paid(6833, 6833, 5750, 8500);
  expect((await readInvoice(invoiceId)).total).toBe(33_499);
  await ship(id);
  const { contra_items: contra, order: after } = await takeBack('return', id, {
    id: `${id}-2`,
    contra_item_id: `${id}-c`,
  });
  expect(contra).toEqual([
    {
      id: `${id}-c`,
      kind: 'CONTRA',
      quantity: -1,
      quantity_invoiced: 0,
      quantity_canceled: 0,
      total_ex_vat: -6833,
      total_vat: -1366,
      total: -8199,
      contra_of: { id: `${id}-2` },
      invoiceability: { quantity: 0, blockers: [{ code: 'NOT_REFUNDED' }] },
    },
  ]);
  expect(after.actions.map(({ action }: { action: string }) => action)).toEqual(['RETURN']);
  expect((await invoiceRefused(`${id}-c`)).blockers?.[0]?.code).toBe('NOT_REFUNDED');

  expect((await refund(invoiceId)).reimbursement).toMatchObject({
    status: 'PARTIALLY_REFUNDED',
    amount_refunded: 8199,
    payments: [
      { amount: 33_499, is_refund: false },
      { amount: 8199, is_refund: true },
    ],
  });
  expect((await read(id)).actions).toContainEqual({ action: 'INVOICE', ids: [`${id}-c`] });
  const original = await readInvoice(invoiceId);
  const credit = await invoice(`${id}-c`);
  expect(credit).toMatchObject({
    type: 'CREDIT_INVOICE',
    total_ex_vat: -6833,
    total_vat: -1366,
    total: -8199,
    corrects: { id: invoiceId, number: original.number },
    lines: [{ order_item_id: `${id}-c`, quantity: -1, total: -8199 }],
  });
  expect(credit.number > original.number).toBe(true);
  const corrected = await readInvoice(invoiceId);
  expect(corrected).toMatchObject({ state: 'PAID', total: 33_499, credit_invoices: [{ id: credit.id }] });
  expect((await read(id)).actions.some(({ action }: { action: string }) => action === 'INVOICE')).toBe(false);
});

test('four one-line credits sum to the invoice: 82.00 + 81.99 + 69.00 + 102.00', async () => {
  const { id, invoiceId } = await paid(6833, 6833, 5750, 8500);
  const totals: number[] = [];
  for (const row of [1, 2, 3, 4]) {
    await takeBack('cancel', id, { id: `${id}-${row}`, contra_item_id: `${id}-c${row}` });
    await refund(invoiceId);
    totals.push((await invoice(`${id}-c${row}`)).total);
  }
  expect(totals).toEqual([-8200, -8199, -6900, -10_200]);
  expect((await readInvoice(invoiceId)).reimbursement).toMatchObject({ status: 'REFUNDED', amount_due: 0 });
  const { status, total, vat } = await read(id);
  expect({ status, total, vat }).toEqual({ status: 'CLOSED', total: 33_499, vat: [{ amount: 5583 }] });
});

test.each([
  { total: 1999, units: 7, parts: [2, 3, 2], nets: [-571, -857, -571] },
  { total: 1000, units: 3, parts: [1, 1, 1], nets: [-333, -334, -333] },
])(
  '$total credited as $parts of $units: by the share rule, the last takes the remainder, and no more than the line',
  async ({ total, units, parts, nets }) => {
    const id = `credit-${(count += 1)}`;
    const row = item({ id: `${id}-1`, quantity: units, unit_price: total, price_base_quantity: units });
    await billhead.ask(PLACE_ORDER, { input: order(id, { items: [row] }) });
    await invoicedAndPaid(id);
    const credited: number[] = [];
    for (const quantity of parts) {
      const { contra_items: contra } = await takeBack('cancel', id, { id: `${id}-1`, quantity });
      credited.push(contra[0].total_ex_vat);
    }
    expect(credited).toEqual(nets);
    expect((await takeBackRefused('cancel', id, { id: `${id}-1`, quantity: 1 })).code).toBe('BAD_USER_INPUT');
  },
);

test('units that were not invoiced are just no longer open; a contra item is made per invoice line, the newest first', async () => {
  const id = `credit-${(count += 1)}`;
  const items = [item({ id: `${id}-1`, quantity: 5 })];
  await billhead.ask(PLACE_ORDER, { input: order(id, { items }) });
  const form = (qty: number) =>
    billhead.ask(
      `mutation { invoiceOrder(input: { order_id: "${id}", items: [{ order_item_id: "${id}-1", qty: ${qty} }], invoice_id: "${id}-i${qty}" }) { invoice { id } } }`,
    );
  await form(1);
  await form(2);
  const free = await takeBack('cancel', id, { id: `${id}-1`, quantity: 1 });
  expect(free.contra_items).toEqual([]);
  const { contra_items: contra } = await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
  expect(contra.map(({ id: one, quantity }: Row) => [one === `${id}-c`, quantity])).toEqual([
    [true, -2],
    [false, -1],
  ]);
  const { status, items: rows, actions } = await read(id);
  expect({ status, canceled: rows[0].quantity_canceled, actions }).toEqual({
    status: 'CLOSED',
    canceled: 2,
    actions: [],
  });
  expect((await readInvoice(`${id}-i2`)).credit_invoices).toEqual([]);
});

test('what is returned before it is invoiced is not invoiced any more, and can be neither shipped nor returned again', async () => {
  const id = `credit-${(count += 1)}`;
  const items = [item({ id: `${id}-1`, quantity: 5 })];
  await billhead.ask(PLACE_ORDER, { input: order(id, { invoicing_policy: 'AFTER_SHIPMENT', items }) });
  await billhead.ask(
    `mutation { shipItems(input: { order_id: "${id}", items: [{ id: "${id}-1", quantity: 2 }] }) { order { id } } }`,
  );
  expect((await takeBack('return', id, { id: `${id}-1`, quantity: 1 })).contra_items).toEqual([]);
  const { actions } = await read(id);
  expect(actions.map(({ action }: { action: string }) => action)).toEqual(['INVOICE', 'SHIP', 'CANCEL', 'RETURN']);
  expect((await takeBackRefused('return', id, { id: `${id}-1`, quantity: 2 })).faults?.[0]?.path).toEqual([
    'items',
    0,
    'quantity',
  ]);
  expect((await takeBackRefused('cancel', id, { id: `${id}-1`, quantity: 4 })).code).toBe('BAD_USER_INPUT');
  await takeBack('cancel', id, { id: `${id}-1`, quantity: 3 });
  expect((await read(id)).actions).not.toContainEqual({ action: 'SHIP', ids: [`${id}-1`] });
});

describe('refused, nothing changed', () => {
  test('every fault of a cancellation at once', async () => {
    const { id } = await paid(1000, 1000);
    const { code, faults } = await takeBackRefused(
      'cancel',
      id,
      { id: `${id}-1`, quantity: 0.5 },
      { id: `${id}-1`, quantity: 1 },
      { id: 'nowhere' },
      { id: `${id}-2`, quantity: 2 },
    );
    expect(code).toBe('BAD_USER_INPUT');
    expect(faults?.map(({ path }) => path.join('.'))).toEqual([
      'items.0.quantity',
      'items.1.id',
      'items.2.id',
      'items.3.quantity',
    ]);
    expect((await takeBackRefused('cancel', id)).code).toBe('BAD_USER_INPUT');
    const taken = await takeBackRefused('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-2` });
    expect(taken).toMatchObject({ code: 'CONFLICT', faults: [{ path: ['items', 0, 'contra_item_id'] }] });
    expect((await read(id)).items).toHaveLength(2);
  });

  test('contra items among others, and contra items of two invoices on one credit', async () => {
    const one = await paid(1000);
    const two = await paid(1000);
    for (const { id, invoiceId } of [one, two]) {
      await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
      await refund(invoiceId);
    }
    const other = `credit-${(count += 1)}`;
    await billhead.ask(PLACE_ORDER, { input: order(other) });
    expect((await invoiceRefused(`${one.id}-c`, `${other}-1`)).code).toBe('BAD_USER_INPUT');
    expect((await invoiceRefused(`${one.id}-c`, `${two.id}-c`)).code).toBe('BAD_USER_INPUT');
    expect((await invoice(`${one.id}-c`)).total).toBe(-1200);
  });

  test('more refunded than paid; a refund of nothing; cancelling an invoice that is part of a credit', async () => {
    const { id, invoiceId } = await paid(1000);
    const refused = async (input: object) => (await billhead.refusal(REFUND, { input })).extensions.code;
    expect(await refused({ invoice_id: invoiceId, amount: 1201 })).toBe('BAD_USER_INPUT');
    expect(await refused({ invoice_id: invoiceId })).toBe('CONFLICT');
    expect(await refused({ invoice_id: 'nowhere' })).toBe('NOT_FOUND');
    await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
    await refund(invoiceId);
    const { id: credit } = await invoice(`${id}-c`);
    const cancel = `mutation { cancelInvoice(input: { invoice_id: "${credit}" }) { invoice { id } } }`;
    expect((await billhead.refusal(cancel)).extensions.code).toBe('INVOICE_NOT_CANCELABLE');
  });
});

test('two cancellations of the same units at once: one wins', async () => {
  const { id } = await paid(1000);
  const answers = await Promise.all(
    [1, 2].map(() => billhead.graphql(takeBackOf('cancel'), { input: { order_id: id, items: [{ id: `${id}-1` }] } })),
  );
  expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1);
  expect((await read(id)).items).toHaveLength(2);
});

test('a credit of an invoice that nothing was paid on takes its amount off what is due', async () => {
  const id = `credit-${(count += 1)}`;
  const items = [item({ id: `${id}-1`, quantity: 1 }), item({ id: `${id}-2`, quantity: 1 })];
  await billhead.ask(PLACE_ORDER, { input: order(id, { items }) });
  const { id: invoiceId } = await invoice(`${id}-1`, `${id}-2`);
  await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
  expect((await refund(invoiceId)).reimbursement).toMatchObject({ amount_refunded: 0, payments: [] });
  await invoice(`${id}-c`);
  expect((await readInvoice(invoiceId)).reimbursement).toMatchObject({ status: 'OPEN', amount_due: 1210 });
});

test('an invoice that was credited whole before anything was paid takes no payment any more', async () => {
  const id = `credit-${(count += 1)}`;
  await billhead.ask(PLACE_ORDER, { input: order(id) });
  const { id: invoiceId } = await invoice(`${id}-1`);
  await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
  await refund(invoiceId);
  await invoice(`${id}-c`);
  const REGISTER = `mutation R($input: RegisterPaymentInput!) { registerPayment(input: $input) { invoice { id } } }`;
  const input = { invoice_id: invoiceId, amount: 1, method: 'cash' };
  expect((await billhead.refusal(REGISTER, { input })).extensions.code).toBe('CONFLICT');
});

test('a refund in parts settles the contra items once all they call for went back', async () => {
  const { id, invoiceId } = await paid(1000, 1000);
  await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
  await refund(invoiceId, 1000);
  expect((await invoiceRefused(`${id}-c`)).blockers?.[0]?.code).toBe('NOT_REFUNDED');
  await refund(invoiceId);
  expect((await readInvoice(invoiceId)).reimbursement.amount_refunded).toBe(1200);
  expect((await invoice(`${id}-c`)).total).toBe(-1200);
});

test('of an invoice that was credited before it was paid, nothing is to be refunded after it is', async () => {
  const id = `credit-${(count += 1)}`;
  await billhead.ask(PLACE_ORDER, { input: order(id, { items: [item({ id: `${id}-1` }), item({ id: `${id}-2` })] }) });
  const { id: invoiceId } = await invoice(`${id}-1`, `${id}-2`);
  await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
  await refund(invoiceId);
  const REGISTER = `mutation R($input: RegisterPaymentInput!) { registerPayment(input: $input) { invoice { state } } }`;
  const input = { invoice_id: invoiceId, amount: 2420, method: 'cash' };
  // Contra items lower what is due once they stand on a credit invoice.
  await invoice(`${id}-c`);
  expect((await billhead.ask(REGISTER, { input })).registerPayment.invoice.state).toBe('PAID');
  expect((await billhead.refusal(REFUND, { input: { invoice_id: invoiceId } })).extensions.code).toBe('CONFLICT');
});

test('a deposit stays where it is while the rest of the invoice is worth more', async () => {
  const id = `credit-${(count += 1)}`;
  await billhead.ask(PLACE_ORDER, { input: order(id, { items: [item({ id: `${id}-1` }), item({ id: `${id}-2` })] }) });
  const { id: invoiceId } = await invoice(`${id}-1`, `${id}-2`);
  const REGISTER = `mutation R($input: RegisterPaymentInput!) { registerPayment(input: $input) { invoice { state } } }`;
  await billhead.ask(REGISTER, { input: { invoice_id: invoiceId, amount: 3000, method: 'cash' } });
  await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
  expect((await refund(invoiceId)).reimbursement).toMatchObject({ amount_paid: 3000, amount_refunded: 580 });
  await invoice(`${id}-c`);
  expect((await readInvoice(invoiceId)).reimbursement.amount_due).toBe(0);
});

test('taking back a discount alone raises what is due of the invoice, and nothing is due of the credit', async () => {
  const id = `credit-${(count += 1)}`;
  const discount = item({ id: `${id}-2`, kind: 'DISCOUNT', quantity: 1, unit_price: -500 });
  await billhead.ask(PLACE_ORDER, { input: order(id, { items: [item({ id: `${id}-1` }), discount] }) });
  const { id: invoiceId } = await invoice(`${id}-1`, `${id}-2`);
  await takeBack('cancel', id, { id: `${id}-2`, contra_item_id: `${id}-c` });
  await refund(invoiceId);
  const credit = await invoice(`${id}-c`);
  expect(credit).toMatchObject({ type: 'CREDIT_INVOICE', total: 605, reimbursement: { amount_due: 0 } });
  expect((await readInvoice(invoiceId)).reimbursement.amount_due).toBe(2420);
});

describe('under AFTER_SHIPMENT', () => {
  const placeShipped = async (shipped: number) => {
    const id = `credit-${(count += 1)}`;
    const items = [item({ id: `${id}-1`, quantity: 5 })];
    await billhead.ask(PLACE_ORDER, { input: order(id, { items, invoicing_policy: 'AFTER_SHIPMENT' }) });
    const input = { order_id: id, items: [{ id: `${id}-1`, quantity: shipped }] };
    await billhead.ask(`mutation S($input: ShipItemsInput!) { shipItems(input: $input) { order { id } } }`, { input });
    return id;
  };
  const invoiceable = async (id: string) =>
    (await billhead.ask(`{ order(id: "${id}") { items { kind invoiceability { quantity } } } }`)).order.items.map(
      ({ invoiceability: { quantity } }: { invoiceability: { quantity: number } }) => quantity,
    );

  test('what comes back before it was invoiced cannot be invoiced any more', async () => {
    const id = await placeShipped(3);
    await takeBack('return', id, { id: `${id}-1`, quantity: 2 });
    expect(await invoiceable(id)).toEqual([1]);
  });

  test('what comes back after it was invoiced is credited, not taken off what was never shipped', async () => {
    const id = await placeShipped(2);
    await invoice(`${id}-1`);
    const { contra_items: contra } = await takeBack('return', id, { id: `${id}-1` });
    expect(contra).toMatchObject([{ quantity: -2, total: -2420 }]);
    await ship(id);
    expect(await invoiceable(id)).toEqual([3, 0]);
  });
});

test('the credit invoice is a document of its own: minus signs, and the invoice that it corrects with number and date', async () => {
  const { id, invoiceId } = await paid(6833);
  await takeBack('cancel', id, { id: `${id}-1`, contra_item_id: `${id}-c` });
  await refund(invoiceId);
  const credit = await invoice(`${id}-c`);
  const { number } = await readInvoice(invoiceId);
  const url = await eventually(
    async () => (await billhead.ask(`{ invoice(id: "${credit.id}") { pdf_url } }`)).invoice.pdf_url,
  );
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const { text } = await extractText(await getDocumentProxy(bytes), { mergePages: true });
  expect(text).toContain('Creditfactuur');
  expect(text).toContain(number);
  expect(text.replaceAll('\u00a0', ' ')).toContain('€ -82,00');
});

/** Of all orders of this file at once: what was invoiced, cancelled and is open sums to what was placed, row by row. */
async function expectConservation(): Promise<void> {
  const database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  const { rows } = await database.query(`
    SELECT i.id FROM order_items i
    LEFT JOIN LATERAL (
      SELECT sum(l.quantity_e4) AS quantity, sum(l.total_ex_vat) AS net, sum(l.total_vat) AS vat
      FROM invoice_lines l JOIN invoices v ON v.merchant_id = l.merchant_id AND v.id = l.invoice_id
      WHERE l.merchant_id = i.merchant_id AND l.order_item_id = i.id AND v.state <> 'CANCELED') AS l ON true
    LEFT JOIN LATERAL (
      SELECT sum(c.quantity_e4) AS quantity FROM order_items c
      WHERE c.merchant_id = i.merchant_id AND c.contra_of_item_id = i.id) AS c ON true
    WHERE i.quantity_invoiced_e4 <> coalesce(l.quantity, 0) OR i.invoiced_ex_vat <> coalesce(l.net, 0)
      OR i.invoiced_vat <> coalesce(l.vat, 0) OR i.quantity_credited_e4 <> -coalesce(c.quantity, 0)`);
  await database.end();
  expect(rows).toEqual([]);
}
