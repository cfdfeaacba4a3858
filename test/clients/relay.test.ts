// Relay: its own compiler over a list of invoices, and its own runtime that pages through them into one connection.

import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  createOperationDescriptor,
  Environment,
  fetchQuery,
  getSingularSelector,
  Network,
  RecordSource,
  Store,
  type ConcreteRequest,
  type OperationType,
  type ReaderFragment,
} from 'relay-runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { item, order, INVOICE_ITEMS, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

const FIXTURE = fileURLToPath(new URL('relay/', import.meta.url));
const ARTIFACTS = fileURLToPath(new URL('../generated/relay/', import.meta.url));

interface InvoiceListQuery extends OperationType {
  readonly variables: { readonly count: number; readonly cursor?: string };
  readonly response: object;
}

interface InvoiceList {
  readonly invoices: {
    readonly edges: readonly {
      readonly node: { readonly id: string; readonly number: string; readonly total: number };
    }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  };
}

let billhead: TestProduct;
let environment: Environment;

beforeAll(async () => {
  await rm(ARTIFACTS, { recursive: true, force: true });
  await mkdir(ARTIFACTS, { recursive: true });
  const compiler = createRequire(import.meta.url).resolve('relay-compiler/cli.js');
  await promisify(execFile)(process.execPath, [compiler, '--noWatchman', '--output', 'quiet-with-errors'], {
    cwd: FIXTURE,
    // Where it sees a repository it stages what it writes.
    env: { ...process.env, GIT_DIR: ARTIFACTS },
  });
  billhead = await startTestProduct();
  environment = new Environment({
    store: new Store(new RecordSource()),
    network: Network.create(async ({ text }, variables) => {
      const response = await fetch(`${billhead.address}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${billhead.apiKey}` },
        body: JSON.stringify({ query: text, variables }),
      });
      return (await response.json()) as { data: Record<string, unknown> };
    }),
  });
});
afterAll(() => billhead?.close());

async function artifact<T>(name: string): Promise<T> {
  // The name is put together here because there is no such file before the compiler ran.
  return ((await import(`${ARTIFACTS}${name}.graphql.ts`)) as { default: T }).default;
}

test('a compiled connection grows page by page until there is no next one', async () => {
  for (let index = 1; index <= 5; index += 1) {
    await billhead.ask(PLACE_ORDER, { input: order(`r-${index}`, { items: [item({ id: `r-${index}-1` })] }) });
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`r-${index}-1`], invoice_id: `invoice-${index}` } });
  }
  const query = await artifact<ConcreteRequest>('InvoiceListQuery');
  const nextPage = await artifact<ConcreteRequest>('InvoiceListPageQuery');
  const fragment = await artifact<ReaderFragment>('InvoiceList_invoices');
  const screen = createOperationDescriptor(query, { count: 2 });
  const kept = environment.retain(screen);
  const list = () => {
    const { data } = environment.lookup(screen.fragment);
    const selector = getSingularSelector(fragment, data);
    if (!selector) throw new Error('The screen holds no list.');
    return (environment.lookup(selector).data as unknown as InvoiceList).invoices;
  };

  await fetchQuery<InvoiceListQuery>(environment, query, { count: 2 }).toPromise();
  const lengths = [list().edges.length];
  while (list().pageInfo.hasNextPage) {
    const cursor = list().pageInfo.endCursor;
    await fetchQuery<InvoiceListQuery>(environment, nextPage, { count: 2, cursor }).toPromise();
    lengths.push(list().edges.length);
  }
  expect(lengths).toEqual([2, 4, 5]);
  expect(list().edges.map(({ node }) => [node.id, node.total])).toEqual(
    [1, 2, 3, 4, 5].map((index) => [`invoice-${index}`, 2420]),
  );
  kept.dispose();
});
