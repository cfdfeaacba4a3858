// urql's core with nothing set but address and key: it asks by GET where it can, and caches.

import { cacheExchange, Client, fetchExchange, type OperationResult } from '@urql/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  InvoiceItemsDocument,
  InvoicesPageDocument,
  type InvoicesPageQuery,
  PdfOfInvoiceDocument,
  PlaceOrderDocument,
} from '../generated/operations.ts';
import { eventually } from '../setup/eventually.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { orderInput } from './order-input.ts';

let billhead: TestProduct;
let client: Client;
const methods: string[] = [];

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true });
  client = new Client({
    url: `${billhead.address}/graphql`,
    exchanges: [cacheExchange, fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${billhead.apiKey}` } },
    fetch: (input, init) => {
      methods.push(init?.method ?? 'GET');
      return fetch(input, init);
    },
  });
});
afterAll(() => billhead.close());

async function invoiceNewOrder(id: string) {
  const placed = await client.mutation(PlaceOrderDocument, { input: orderInput(id) });
  const items = placed.data?.placeOrder.order?.items.map((item) => item.id) ?? [];
  const invoiced = await client.mutation(InvoiceItemsDocument, { input: { items, invoice_id: `invoice-of-${id}` } });
  return invoiced.data?.invoiceItems.invoice;
}

test('an order is placed and invoiced, and its PDF opens', async () => {
  expect(await invoiceNewOrder('u-1')).toMatchObject({ id: 'invoice-of-u-1', total_ex_vat: 2000, total: 2420 });
  const pdfUrl = await eventually(async () => {
    const variables = { id: 'invoice-of-u-1' };
    const { data } = await client.query(PdfOfInvoiceDocument, variables, { requestPolicy: 'network-only' });
    return data?.invoice?.pdf_url;
  });
  expect((await (await fetch(pdfUrl)).text()).slice(0, 5)).toBe('%PDF-');
});

test('a list is read page by page', async () => {
  for (const id of ['u-2', 'u-3', 'u-4', 'u-5']) await invoiceNewOrder(id);
  const ids: string[] = [];
  let after: string | null = null;
  do {
    const { data, error }: OperationResult<InvoicesPageQuery> = await client.query(InvoicesPageDocument, {
      first: 2,
      after,
    });
    if (!data) throw error ?? new Error('Neither data nor an error.');
    ids.push(...data.invoices.edges.map(({ node }) => node.id));
    after = data.invoices.pageInfo.hasNextPage ? data.invoices.pageInfo.endCursor : null;
  } while (after !== null);
  expect(ids).toEqual(['u-1', 'u-2', 'u-3', 'u-4', 'u-5'].map((id) => `invoice-of-${id}`));
});

test('a refusal tells its code and every blocker', async () => {
  const { error } = await client.mutation(InvoiceItemsDocument, { input: { items: ['u-1-1', 'nowhere'] } });
  expect(error?.graphQLErrors.map(({ extensions }) => extensions)).toMatchObject([
    { code: 'NOT_INVOICEABLE', blockers: [{ code: 'ALREADY_INVOICED' }, { code: 'UNKNOWN_ITEM' }] },
  ]);
});

test('queries went by GET and mutations by POST, as urql does by itself', () => {
  expect(new Set(methods)).toEqual(new Set(['GET', 'POST']));
});
