// Reading orders and invoices: exactly one of id and number, pages by cursor, nothing of other merchants.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let otherKey: string;

const COUNT = 7;

beforeAll(async () => {
  billhead = await startTestProduct();
  otherKey = await billhead.addMerchant('other');
  for (let index = 1; index <= COUNT; index += 1) {
    await billhead.ask(PLACE_ORDER, { input: order(`o${index}`) });
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`o${index}-1`], invoice_id: `i${index}` } });
  }
});
afterAll(() => billhead.close());

const PAGE = `query Page($first: Int, $after: String, $last: Int, $before: String) {
  invoices(first: $first, after: $after, last: $last, before: $before) {
    nodes { id }
    edges { cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

const page = async (variables: object) => {
  const { invoices } = await billhead.ask(PAGE, variables);
  return { ...invoices, ids: invoices.nodes.map(({ id }: { id: string }) => id) };
};

test('an invoice and an order are found by id and by number', async () => {
  const { byId } = await billhead.ask('{ byId: invoice(id: "i3") { id number orders { id number } } }');
  const { byNumber } = await billhead.ask(`{ byNumber: invoice(number: "${byId.number}") { id } }`);
  expect(byNumber.id).toBe('i3');
  expect(byId.orders).toEqual([{ id: 'o3', number: 'O3' }]);
  const found = await billhead.ask('{ order(number: "O3") { id invoices { id } customer { name email } } }');
  expect(found.order).toEqual({
    id: 'o3',
    invoices: [{ id: 'i3' }],
    customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
  });
});

test('an unknown id or number is null; both or neither is refused', async () => {
  expect(
    await billhead.ask('{ invoice(id: "none") { id } order(number: "none") { id } customer(id: "none") { id } }'),
  ).toEqual({ invoice: null, order: null, customer: null });
  for (const query of ['{ invoice { id } }', '{ order(id: "o1", number: "O1") { id } }']) {
    expect((await billhead.refusal(query)).extensions.code).toBe('BAD_USER_INPUT');
  }
});

test('an id, number or cursor that no database can hold is unknown like any other', async () => {
  const nothing = await billhead.ask(
    `{ a: order(id: "\\u0000") { id } b: order(number: "\\u0000") { id } c: invoice(id: "\\u0000") { id }
       d: invoice(number: "\\u0000") { id } e: customer(id: "\\u0000") { id } orders(after: "MTIzIAA") { nodes { id } } }`,
  );
  expect(nothing).toEqual({ a: null, b: null, c: null, d: null, e: null, orders: { nodes: [] } });
  for (const mutation of [
    'holdOrder(input: { order_id: "\\u0000" }) { order { id } }',
    'retryInvoicePdf(input: { invoice_id: "\\u0000" }) { invoice { id } }',
  ]) {
    expect((await billhead.refusal(`mutation { ${mutation} }`)).extensions.code).toBe('NOT_FOUND');
  }
  const items = { items: ['o1-1\u0000', 'x'.repeat(101)] };
  const { extensions } = await billhead.refusal(INVOICE_ITEMS, { input: { items: items.items.slice(0, 1) } });
  expect(extensions).toMatchObject({ code: 'NOT_INVOICEABLE', blockers: [{ code: 'UNKNOWN_ITEM' }] });
  expect((await billhead.refusal(INVOICE_ITEMS, { input: items })).extensions.code).toBe('BAD_USER_INPUT');
});

test('an invoice that is open is due in full, with nothing paid', async () => {
  const { invoice } = await billhead.ask(`{ invoice(id: "i1") {
    state type currency is_archived exclude_from_autopay memo corrects { id } credit_invoices { id }
    reimbursement { status amount_due amount_paid amount_refunded payments { id } } } }`);
  expect(invoice).toEqual({
    state: 'OPEN',
    type: 'INVOICE',
    currency: 'EUR',
    is_archived: false,
    exclude_from_autopay: false,
    memo: null,
    corrects: null,
    credit_invoices: [],
    reimbursement: { status: 'OPEN', amount_due: 2420, amount_paid: 0, amount_refunded: 0, payments: [] },
  });
});

describe('pages', () => {
  test('forward from the newest to the oldest, each exactly once', async () => {
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const { ids, pageInfo } = await page({ first: 3, after });
      seen.push(...ids);
      expect(pageInfo.hasPreviousPage).toBe(after !== undefined);
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(seen).toEqual(['i7', 'i6', 'i5', 'i4', 'i3', 'i2', 'i1']);
  });

  test('backward from the end gives the same order', async () => {
    const end = await page({ last: 3 });
    expect(end.ids).toEqual(['i3', 'i2', 'i1']);
    expect(end.pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: false });
    const before = await page({ last: 3, before: end.pageInfo.startCursor });
    expect(before.ids).toEqual(['i6', 'i5', 'i4']);
    expect(before.pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: true });
  });

  test('a page stays where it was while new invoices come in', async () => {
    const first = await page({ first: 2 });
    await billhead.ask(PLACE_ORDER, { input: order('late') });
    await billhead.ask(INVOICE_ITEMS, { input: { items: ['late-1'], invoice_id: 'late' } });
    expect((await page({ first: 2, after: first.pageInfo.endCursor })).ids).toEqual(['i5', 'i4']);
  });

  test.each([
    { first: 0 },
    { first: 101 },
    { last: -1 },
    { first: 1, last: 1 },
    { after: 'nonsense' },
    { before: Buffer.from('99999999999999999 x').toString('base64url') },
  ])('%j is refused', async (variables) => {
    expect((await billhead.refusal(PAGE, variables)).extensions.code).toBe('BAD_USER_INPUT');
  });

  test('total_count counts all, whatever the page', async () => {
    const { orders } = await billhead.ask('{ orders(first: 2) { total_count nodes { id } } }');
    expect(orders.total_count).toBeGreaterThanOrEqual(COUNT);
    expect(orders.nodes).toHaveLength(2);
  });
});

describe('another merchant', () => {
  test('sees nothing', async () => {
    const seen = await billhead.ask(
      `{ invoice(id: "i1") { id } order(id: "o1") { id } customer(id: "customer-1") { id }
         invoices { total_count nodes { id } } orders { total_count nodes { id } } }`,
      {},
      otherKey,
    );
    const nothing = { total_count: 0, nodes: [] };
    expect(seen).toEqual({ invoice: null, order: null, customer: null, invoices: nothing, orders: nothing });
  });

  test('may use the same ids, and has its own numbers from 1', async () => {
    await billhead.ask(PLACE_ORDER, { input: order('o1') }, otherKey);
    const { invoiceItems } = await billhead.ask(
      INVOICE_ITEMS,
      { input: { items: ['o1-1'], invoice_id: 'i1' } },
      otherKey,
    );
    expect(invoiceItems.invoice.number).toMatch(/^\d{4}-000001$/);
  });

  test('is told of a foreign invoice exactly what it is told of one that is not there', async () => {
    const retry = (id: string) =>
      billhead.refusal(`mutation { retryInvoicePdf(input: { invoice_id: "${id}" }) { invoice { id } } }`, {}, otherKey);
    const foreign = await retry('i7');
    const missing = await retry('zz');
    expect(foreign.extensions).toEqual(missing.extensions);
    expect(foreign.message.replace('i7', 'zz')).toBe(missing.message);
  });
});
