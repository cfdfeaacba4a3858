// createInvoice: free lines for a known customer, to the cent, repeatable, or refused with every reason.

import { extractText, getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true });
  await billhead.ask(PLACE_ORDER, { input: order('known') });
});
afterAll(() => billhead.close());

const CREATE = `mutation Create($input: CreateInvoiceInput!) {
  createInvoice(input: $input) {
    invoice {
      id number type state due_date created_at memo exclude_from_autopay subtotal total_ex_vat total_vat total
      orders { id } lines { order_item_id name quantity total_ex_vat } vat { category rate amount reason }
      billing_address { street } customer { id }
    }
  }
}`;

const line = { name: 'Advice', quantity: 1.5, unit_price: 9_999, vat_rate: '21' };
const input = (changes: object = {}) => ({ customer_id: 'customer-1', currency: 'EUR', lines: [line], ...changes });
const create = async (changes: object = {}) =>
  (await billhead.ask(CREATE, { input: input(changes) })).createInvoice.invoice;
const refused = async (changes: object) => (await billhead.refusal(CREATE, { input: input(changes) })).extensions;

test('free lines become an open invoice, due today, billed where the newest order is', async () => {
  const shifted = { name: 'Licence', quantity: 1, unit_price: 1_000, vat_category: 'AE', vat_rate: '0' };
  const invoice = await create({ lines: [line, shifted], memo: 'Thank you', exclude_from_autopay: true });
  expect(invoice).toMatchObject({
    type: 'INVOICE',
    state: 'OPEN',
    memo: 'Thank you',
    exclude_from_autopay: true,
    orders: [],
    subtotal: 15_999,
    total_ex_vat: 15_999,
    total_vat: 3_150,
    total: 19_149,
    lines: [
      { order_item_id: null, name: 'Advice', quantity: 1.5, total_ex_vat: 14_999 },
      { order_item_id: null, name: 'Licence', quantity: 1, total_ex_vat: 1_000 },
    ],
    vat: [
      { category: 'S', rate: '21', amount: 3_150, reason: null },
      { category: 'AE', rate: '0', amount: 0, reason: 'Btw verlegd' },
    ],
    billing_address: { street: 'Damrak 1' },
    customer: { id: 'customer-1' },
  });
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Amsterdam' }).format(new Date(invoice.created_at));
  expect(invoice.due_date).toBe(today);
});

test('it has a PDF like any other, with its memo and no order', async () => {
  const { id } = await create({ memo: 'Graag binnen acht dagen' });
  const url = await eventually(
    async () => (await billhead.ask(`{ invoice(id: "${id}") { pdf_url } }`)).invoice.pdf_url,
  );
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const { text } = await extractText(await getDocumentProxy(bytes), { mergePages: true });
  expect(text).toContain('Graag binnen acht dagen');
  expect(text).not.toContain('Bestelling');
});

test('the same call with the same invoice_id answers the same invoice, also many times at once; another one is a conflict', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => create({ invoice_id: 'free-1' })));
  expect(new Set(answers.map(({ number }) => number)).size).toBe(1);
  expect((await refused({ invoice_id: 'free-1', memo: 'other' })).code).toBe('CONFLICT');
});

test('every fault is told at once, and no number is burnt', async () => {
  const before = await create();
  const { code, faults } = await refused({
    currency: 'EURO',
    memo: ' ',
    invoice_id: ' ',
    lines: [
      { name: '', quantity: 0, unit_price: -1, vat_rate: '0' },
      { ...line, vat_category: 'E' },
    ],
  });
  expect(code).toBe('BAD_USER_INPUT');
  expect(faults?.map(({ path }) => path.join('.'))).toEqual([
    'invoice_id',
    'currency',
    'memo',
    'lines.0.name',
    'lines.0.quantity',
    'lines.0.unit_price',
    'lines.0.vat_rate',
    'lines.1.vat_rate',
  ]);
  expect((await refused({ lines: [] })).code).toBe('BAD_USER_INPUT');
  expect((await refused({ due_date: '2020-01-01' })).faults?.[0]?.path).toEqual(['due_date']);
  expect((await refused({ customer_id: 'nobody' })).code).toBe('NOT_FOUND');
  const after = await create();
  expect(Number(after.number.slice(5))).toBe(Number(before.number.slice(5)) + 1);
});

test('cancelling it gives nothing back, because nothing was taken', async () => {
  const { id } = await create();
  const cancel = `mutation { cancelInvoice(input: { invoice_id: "${id}" }) { invoice { state } } }`;
  expect((await billhead.ask(cancel)).cancelInvoice.invoice.state).toBe('CANCELED');
});
