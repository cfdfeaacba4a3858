// graphql-request with the typed documents of `npm run generate`, through the README's guide on its own sample orders.

import { ClientError, GraphQLClient } from 'graphql-request';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDemoData } from '../../src/sample-data/demo-data.ts';
import {
  InvoiceItemsDocument,
  InvoicesPageDocument,
  LargestOrdersOfOneCustomerDocument,
  MyFirstInvoiceDocument,
  WhatCanBeInvoicedDocument,
} from '../generated/operations.ts';
import { eventually } from '../setup/eventually.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { quietLog } from '../setup/quiet-log.ts';

let billhead: TestProduct;
let client: GraphQLClient;

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true });
  await openDemoData(billhead.product.app, billhead.dataDir, quietLog);
  client = new GraphQLClient(`${billhead.address}/graphql`, {
    headers: { authorization: `Bearer ${billhead.apiKey}` },
  });
});
afterAll(() => billhead.close());

test('the guide: what can be invoiced is invoiced, and the PDF opens', async () => {
  const { order } = await client.request(WhatCanBeInvoicedDocument);
  const ids = order?.actions.find(({ action }) => action === 'INVOICE')?.ids ?? [];
  expect(ids).toEqual(['demo-1001-1', 'demo-1001-2', 'demo-1001-3']);

  const input = { items: ['demo-1001-1', 'demo-1001-2', 'demo-1002-1'], invoice_id: 'my-first-invoice' };
  const { invoiceItems } = await client.request(InvoiceItemsDocument, { input });
  expect(invoiceItems.invoice).toMatchObject({ number: expect.stringMatching(/-000001$/), total: 41594 });

  const ready = await eventually(async () => {
    const { invoice } = await client.request(MyFirstInvoiceDocument);
    return invoice?.pdf_url ? { ...invoice, pdf_url: invoice.pdf_url } : null;
  });
  expect(ready.orders.map(({ number }) => number)).toEqual(['1001', '1002']);
  expect(ready.reimbursement).toEqual({ status: 'OPEN', amount_due: 41594 });
  expect((await (await fetch(ready.pdf_url)).text()).slice(0, 5)).toBe('%PDF-');

  // With an id of its own the call can be repeated.
  expect((await client.request(InvoiceItemsDocument, { input })).invoiceItems.invoice?.id).toBe('my-first-invoice');
});

test('lists: filtered, sorted, and page by page', async () => {
  const { orders } = await client.request(LargestOrdersOfOneCustomerDocument);
  expect(orders.nodes.map(({ number, total }) => [number, total])).toEqual([
    ['10692', 93902],
    ['11011', 93471],
  ]);
  await client.request(InvoiceItemsDocument, { input: { items: ['demo-1001-3'] } });
  const first = await client.request(InvoicesPageDocument, { first: 1 });
  expect(first.invoices.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  const second = await client.request(InvoicesPageDocument, { first: 1, after: first.invoices.pageInfo.endCursor });
  const numbers = [first, second].flatMap(({ invoices }) => invoices.edges.map(({ node }) => node.number));
  expect(numbers).toEqual([expect.stringMatching(/-000001$/), expect.stringMatching(/-000002$/)]);
});

test('a refusal tells its code and every blocker', async () => {
  const refused = client.request(InvoiceItemsDocument, { input: { items: ['demo-1001-1', 'nowhere'] } });
  const error: unknown = await refused.catch((caught: unknown) => caught);
  if (!(error instanceof ClientError)) throw error;
  expect(error.response.errors?.map(({ extensions }) => extensions)).toMatchObject([
    { code: 'NOT_INVOICEABLE', blockers: [{ code: 'ALREADY_INVOICED' }, { code: 'UNKNOWN_ITEM' }] },
  ]);
});
