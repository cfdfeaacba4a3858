// invoiceOrder: parts of an order, what joins its first invoice, paid at once or left open.

import { extractText, getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let count = 0;

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true });
});
afterAll(() => billhead.close());

const INVOICE_ORDER = `mutation InvoiceOrder($input: InvoiceOrderInput!) {
  invoiceOrder(input: $input) {
    invoice {
      id number state total_ex_vat total_vat total
      lines { order_item_id quantity total_ex_vat total_vat }
      reimbursement { status amount_due amount_paid payments { method amount } }
      comments { comment is_customer_notified is_visible_on_front }
    }
  }
}`;

const run = async (input: object) => (await billhead.ask(INVOICE_ORDER, { input })).invoiceOrder.invoice;
const refused = async (input: object) => (await billhead.refusal(INVOICE_ORDER, { input })).extensions;

/** 3 × 3.33 (sku A), 4 × 10.00 (sku B, twice), carriage, a fee and an order discount. */
async function place(changes: object = {}): Promise<string> {
  const id = `form-${(count += 1)}`;
  const items = [
    item({ id: `${id}-1`, sku: 'A', quantity: 3, unit_price: 333 }),
    item({ id: `${id}-2`, sku: 'B', quantity: 4 }),
    item({ id: `${id}-3`, sku: 'B', quantity: 1 }),
    item({ id: `${id}-ship`, kind: 'SHIPPING', quantity: 1, unit_price: 500 }),
    item({ id: `${id}-fee`, kind: 'FEE', quantity: 1, unit_price: 100 }),
    item({ id: `${id}-discount`, kind: 'DISCOUNT', quantity: 1, unit_price: -200 }),
  ];
  await billhead.ask(PLACE_ORDER, { input: order(id, { items, ...changes }) });
  return id;
}

const shape = (invoice: { lines: { order_item_id: string; quantity: number }[] }) =>
  invoice.lines.map((line) => `${line.order_item_id.replace(/^form-\d+-/, '')} × ${line.quantity}`);

test('without lines everything open is invoiced, by id or by number, and is PAID by default', async () => {
  const id = await place();
  const invoice = await run({ order_number: id.toUpperCase() });
  expect(shape(invoice)).toEqual(['1 × 3', '2 × 4', '3 × 1', 'ship × 1', 'fee × 1', 'discount × 1']);
  expect(invoice).toMatchObject({ state: 'PAID', total_ex_vat: 999 + 4000 + 1000 + 500 + 100 - 200 });
  expect(invoice.reimbursement).toEqual({
    status: 'PAID',
    amount_due: 0,
    amount_paid: invoice.total,
    payments: [{ method: 'offline', amount: invoice.total }],
  });
  expect((await refused({ order_id: id })).code).toBe('NOT_INVOICEABLE');
});

test('parts share the row to the cent; shipping, fees and discounts join the first invoice and no other', async () => {
  const id = await place();
  const part = (qty: number) => run({ order_id: id, items: [{ sku: 'A', qty }], capture: 'NO_CAPTURE' });
  const [first, second, third] = [await part(1), await part(1), await part(1)];
  expect(shape(first)).toEqual(['1 × 1', 'ship × 1', 'fee × 1', 'discount × 1']);
  expect([second, third].map(shape)).toEqual([['1 × 1'], ['1 × 1']]);
  const nets = [first, second, third].map(({ lines }) => lines[0].total_ex_vat);
  expect(nets).toEqual([333, 333, 333]);
  const vats = [first, second, third].map(({ lines }) => lines[0].total_vat);
  expect(vats.reduce((sum: number, vat: number) => sum + vat, 0)).toBe(210);
  expect(first).toMatchObject({ state: 'OPEN', reimbursement: { status: 'OPEN', amount_paid: 0, payments: [] } });
});

test('the shipping of a cancelled first invoice goes to the next one', async () => {
  const id = await place();
  const first = await run({ order_id: id, items: [{ order_item_id: `${id}-1`, qty: 3 }], capture: 'NO_CAPTURE' });
  await billhead.ask(`mutation { cancelInvoice(input: { invoice_id: "${first.id}" }) { invoice { state } } }`);
  const next = await run({ order_id: id, items: [{ order_item_id: `${id}-2`, qty: 1 }] });
  expect(shape(next)).toEqual(['2 × 1', 'ship × 1', 'fee × 1', 'discount × 1']);
});

test('what was left off the first invoice does not join a later one', async () => {
  const id = await place();
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`] } });
  expect(shape(await run({ order_id: id, items: [{ order_item_id: `${id}-2`, qty: 1 }] }))).toEqual(['2 × 1']);
});

test('the same call with the same invoice_id answers the same invoice, also at once; with other lines it is a conflict', async () => {
  const id = await place();
  const input = { order_id: id, items: [{ sku: 'A', qty: 2 }], invoice_id: `${id}-i` };
  const answers = await Promise.all(Array.from({ length: 20 }, () => run(input)));
  expect(new Set(answers.map(({ number }) => number)).size).toBe(1);
  expect((await refused({ ...input, items: [{ sku: 'A', qty: 1 }] })).code).toBe('CONFLICT');
});

test('two calls over the same units: one wins, the other is told what is left', async () => {
  const id = await place();
  const answers = await Promise.all(
    [2, 2].map((qty) => billhead.graphql(INVOICE_ORDER, { input: { order_id: id, items: [{ sku: 'A', qty }] } })),
  );
  const refusal = answers.flatMap(({ errors }) => errors ?? []);
  expect(refusal).toHaveLength(1);
  expect(refusal[0]?.extensions).toMatchObject({ code: 'NOT_INVOICEABLE', blockers: [{ code: 'ALREADY_INVOICED' }] });
});

test('a comment is kept with its flags', async () => {
  const id = await place();
  const invoice = await run({ order_id: id, comment: 'At the counter', is_visible_on_front: true });
  expect(invoice.comments).toEqual([
    { comment: 'At the counter', is_customer_notified: false, is_visible_on_front: true },
  ]);
});

test('the document of an invoice that was paid at once says so', async () => {
  const { id } = await run({ order_id: await place() });
  const url = await eventually(
    async () => (await billhead.ask(`{ invoice(id: "${id}") { pdf_url } }`)).invoice.pdf_url,
  );
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const { text } = await extractText(await getDocumentProxy(bytes), { mergePages: true });
  expect(text).toContain('Deze factuur is betaald.');
  expect(text).not.toContain('IBAN');
});

describe('refused, nothing changed', () => {
  test('every fault at once: neither or both of id and number, of item id and sku, ambiguous, unknown, too much, fractions', async () => {
    const id = await place();
    const { code, faults } = await refused({
      order_id: id,
      items: [
        { qty: 1 },
        { sku: 'A', order_item_id: `${id}-1`, qty: 1 },
        { sku: 'B', qty: 1 },
        { sku: 'nowhere', qty: 1 },
        { order_item_id: `${id}-1`, qty: 4 },
        { order_item_id: `${id}-1`, qty: 0 },
        { order_item_id: `${id}-2`, qty: 0.5 },
      ],
    });
    expect(code).toBe('BAD_USER_INPUT');
    expect(faults?.map(({ path }) => path.join('.'))).toEqual([
      'items.0.order_item_id',
      'items.1.order_item_id',
      'items.2.sku',
      'items.3.sku',
      'items.4.qty',
      'items.5.qty',
      'items.6.qty',
    ]);
    for (const input of [{}, { order_id: id, order_number: id }, { order_id: id, items: [] }]) {
      expect((await refused(input)).code).toBe('BAD_USER_INPUT');
    }
    expect((await refused({ order_id: 'nowhere' })).code).toBe('NOT_FOUND');
    expect((await refused({ order_number: '\u0000' })).code).toBe('NOT_FOUND');
  });

  test('a repeated item, one on hold, and more than was shipped, with every blocker', async () => {
    const id = await place({ invoicing_policy: 'AFTER_SHIPMENT' });
    await billhead.ask(
      `mutation { shipItems(input: { order_id: "${id}", items: [{ id: "${id}-1", quantity: 1 }] }) { order { id } } }`,
    );
    const row = (qty: number) => ({ order_item_id: `${id}-1`, qty });
    expect((await refused({ order_id: id, items: [row(2), row(1)] })).blockers?.map(({ code }) => code)).toEqual([
      'NOT_SHIPPED',
      'DUPLICATE_ITEM',
    ]);
    await billhead.ask(`mutation { holdOrder(input: { order_id: "${id}" }) { order { id } } }`);
    expect((await refused({ order_id: id, items: [row(1)] })).blockers?.map(({ code }) => code)).toEqual(['ON_HOLD']);
    await billhead.ask(`mutation { releaseOrder(input: { order_id: "${id}" }) { order { id } } }`);
    expect(shape(await run({ order_id: id, items: [row(1)] }))).toEqual([
      '1 × 1',
      'ship × 1',
      'fee × 1',
      'discount × 1',
    ]);
  });
});

test('contra items are not for the form: they neither join it nor make a sku ambiguous', async () => {
  const id = await place();
  const first = await run({ order_id: id, items: [{ sku: 'A', qty: 2 }] });
  const takeBack = `mutation { cancelOrderItems(input: { order_id: "${id}", items: [{ id: "${id}-1", quantity: 2 }] }) {
    contra_items { id } } }`;
  const [contra] = (await billhead.ask(takeBack)).cancelOrderItems.contra_items;
  await billhead.ask(`mutation { refundPayment(input: { invoice_id: "${first.id}" }) { invoice { id } } }`);
  expect((await refused({ order_id: id, items: [{ order_item_id: contra.id, qty: 1 }] })).faults?.[0]?.path).toEqual([
    'items',
    0,
    'order_item_id',
  ]);
  expect((await refused({ order_id: id, items: [{ sku: 'A', qty: 1 }] })).code).toBe('NOT_INVOICEABLE');
  const rest = await run({ order_id: id });
  expect(shape(rest)).toEqual(['2 × 4', '3 × 1']);
});

test('what the form leaves open, invoiceItems takes, and together they carry the whole order', async () => {
  const id = await place();
  const first = await run({ order_id: id, items: [{ sku: 'A', qty: 2 }] });
  const items = [`${id}-1`, `${id}-2`, `${id}-3`];
  const rest = (await billhead.ask(INVOICE_ITEMS, { input: { items } })).invoiceItems.invoice;
  const { order: whole } = await billhead.ask(
    `{ order(id: "${id}") { total_ex_vat total_vat total actions { action } } }`,
  );
  expect(first.total_ex_vat + rest.total_ex_vat).toBe(whole.total_ex_vat);
  expect(first.total_vat + rest.total_vat).toBe(whole.total_vat);
  expect(whole.actions).toEqual([{ action: 'SHIP' }, { action: 'CANCEL' }]);
});
