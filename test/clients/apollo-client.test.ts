// Apollo Client with its HTTP link and its cache: an order becomes an invoice with a PDF, and lists grow page by page.

import { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  InvoiceItemsDocument,
  InvoicesPageDocument,
  PdfOfInvoiceDocument,
  PlaceOrderDocument,
} from '../generated/operations.ts';
import { eventually } from '../setup/eventually.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { orderInput } from './order-input.ts';

let billhead: TestProduct;
let client: ApolloClient;

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true });
  client = new ApolloClient({
    link: new HttpLink({
      uri: `${billhead.address}/graphql`,
      headers: { authorization: `Bearer ${billhead.apiKey}` },
    }),
    cache: new InMemoryCache({
      typePolicies: { Query: { fields: { invoices: relayStylePagination(['filter', 'sort']) } } },
    }),
  });
});
afterAll(async () => {
  client?.stop();
  await billhead?.close();
});

async function invoiceNewOrder(id: string) {
  const placed = await client.mutate({ mutation: PlaceOrderDocument, variables: { input: orderInput(id) } });
  const items = placed.data?.placeOrder.order?.items.map((item) => item.id) ?? [];
  const variables = { input: { items, invoice_id: `invoice-of-${id}` } };
  return (await client.mutate({ mutation: InvoiceItemsDocument, variables })).data?.invoiceItems.invoice;
}

test('an order is placed and invoiced, and its PDF opens', async () => {
  expect(await invoiceNewOrder('a-1')).toMatchObject({ id: 'invoice-of-a-1', total_ex_vat: 2000, total: 2420 });
  const pdfUrl = await eventually(async () => {
    const variables = { id: 'invoice-of-a-1' };
    const { data } = await client.query({ query: PdfOfInvoiceDocument, variables, fetchPolicy: 'network-only' });
    return data?.invoice?.pdf_url;
  });
  expect((await (await fetch(pdfUrl)).text()).slice(0, 5)).toBe('%PDF-');
});

test('a list is read page by page into one list of the cache', async () => {
  for (const id of ['a-2', 'a-3', 'a-4', 'a-5']) await invoiceNewOrder(id);
  const firstPage = { query: InvoicesPageDocument, variables: { first: 2 } };
  const list = client.watchQuery(firstPage);
  const subscription = list.subscribe(() => undefined);
  let { data } = await client.query(firstPage);
  for (let pages = 1; data?.invoices.pageInfo.hasNextPage; pages += 1) {
    expect(data.invoices.edges.length).toBe(2 * pages);
    await list.fetchMore({ variables: { after: data.invoices.pageInfo.endCursor } });
    data = client.readQuery(firstPage) ?? undefined;
  }
  subscription.unsubscribe();
  const ids = data?.invoices.edges.map(({ node }) => node.id);
  expect(ids).toEqual(['a-1', 'a-2', 'a-3', 'a-4', 'a-5'].map((id) => `invoice-of-${id}`));
});

test('a refusal tells its code and every blocker', async () => {
  const refused = client.mutate({
    mutation: InvoiceItemsDocument,
    variables: { input: { items: ['a-1-1', 'nowhere'] } },
  });
  const error: unknown = await refused.catch((caught: unknown) => caught);
  if (!CombinedGraphQLErrors.is(error)) throw error;
  expect(error.errors.map(({ extensions }) => extensions)).toMatchObject([
    { code: 'NOT_INVOICEABLE', blockers: [{ code: 'ALREADY_INVOICED' }, { code: 'UNKNOWN_ITEM' }] },
  ]);
});
