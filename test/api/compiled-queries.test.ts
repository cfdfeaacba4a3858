// Queries that come again are compiled: the tenth answer is, to the byte, what the first one was.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

/** More often than a document must come before it is compiled. */
const TIMES = 10;

let billhead: TestProduct;
let lacksOrders: string;

beforeAll(async () => {
  billhead = await startTestProduct();
  for (const id of ['o1', 'o2', 'o3']) await billhead.ask(PLACE_ORDER, { input: order(id) });
  await billhead.ask(INVOICE_ITEMS, { input: { items: ['o1-1', 'o2-1'], invoice_id: 'i1' } });
  await billhead.ask(INVOICE_ITEMS, { input: { items: ['o3-1'], invoice_id: 'i2' } });
  const { merchantId } = billhead.actor;
  lacksOrders = await billhead.product.app.createApiKey({
    merchantId,
    name: 'less',
    scopes: ['invoices:read'],
    expiresAt: null,
  });
});
afterAll(() => billhead.close());

interface Asked {
  readonly query: string;
  readonly variables?: object;
  readonly operationName?: string;
}

async function answerTo(asked: Asked, key = billhead.apiKey) {
  const response = await fetch(`${billhead.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(asked),
  });
  return `${response.status} ${await response.text()}`;
}

const PARTS = `fragment Parts on Invoice {
  number state due_date total lines { ...Line } vat { rate amount reason } orders { id items { id invoiceability { is_invoiceable } } }
}
fragment Line on InvoiceLine { id name quantity unit_price total __typename }`;

const DOCUMENTS: Readonly<Record<string, Asked>> = {
  'everything of an invoice, in fragments': {
    query: `query ($id: String!) { invoice(id: $id) { __typename id ...Parts reimbursement { status amount_due payments { id } } } } ${PARTS}`,
    variables: { id: 'i1' },
  },
  'the same field twice under two names, and another order of fields': {
    query: `{ b: invoice(id: "i2") { total id } a: invoice(id: "i1") { id total again: total } }`,
  },
  'fields that variables leave out': {
    query: `query ($lines: Boolean!, $none: Boolean = true) {
      invoice(id: "i1") { id lines @include(if: $lines) { id } vat @skip(if: $none) { rate } }
    }`,
    variables: { lines: false },
  },
  'one of two operations': {
    query: `query One { invoice(id: "i1") { id } } query Two { invoice(id: "i2") { id number } }`,
    operationName: 'Two',
  },
  'a list, with its pages and what belongs to its records': {
    query: `query ($first: Int = 2) {
      invoices(first: $first, sort: { field: NUMBER, direction: ASC }) { nodes { id customer { name } lines { id } } pageInfo { hasNextPage } total_count }
    }`,
  },
  'nothing where there is nothing': {
    query: `{ invoice(id: "none") { id lines { id } } order(number: "none") { id } }`,
  },
  'the schema': {
    query: `{ __schema { queryType { name } } __type(name: "Invoice") { fields { name type { kind name } } } }`,
  },
  'a refusal beside an answer': { query: `{ invoice { id } order(id: "o1") { id } }` },
  'a variable of another type': { query: `query ($id: String!) { invoice(id: $id) { id } }`, variables: { id: 7 } },
  'a variable that is missing': { query: `query ($id: String!) { invoice(id: $id) { id } }` },
};

test.each(Object.entries(DOCUMENTS))('%s', async (_, asked) => {
  const first = await answerTo(asked);
  expect(first).toMatch(/^200 \{/);
  for (let time = 2; time <= TIMES; time += 1) expect(await answerTo(asked)).toBe(first);
});

test('a document that others had compiled shows nobody more than their key reads', async () => {
  const asked = {
    query: `query Shared($id: String!) { invoice(id: $id) { id orders { id } } }`,
    variables: { id: 'i1' },
  };
  const before = await answerTo(asked, lacksOrders);
  expect(before).toContain('"FORBIDDEN"');
  for (let time = 1; time <= TIMES; time += 1) expect(await answerTo(asked)).toContain('"o2"');
  expect(await answerTo(asked, lacksOrders)).toBe(before);
  const other = await billhead.addMerchant('other');
  expect(await answerTo(asked, other)).toMatch(/"invoice": ?null/);
});

test('variables are those of the request, not of the one that was there when the document was compiled', async () => {
  const query = `query Anew($id: String!) { invoice(id: $id) { id number } }`;
  for (let time = 1; time <= TIMES; time += 1) {
    const id = time % 2 === 0 ? 'i1' : 'i2';
    expect(await answerTo({ query, variables: { id } })).toContain(`"id":"${id}"`);
  }
});
