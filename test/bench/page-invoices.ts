// Measure "pages": the time of a page of invoices as their number grows. Each size has a database and a server of its own.

import { graphql, openDoor, type Door } from './load.ts';
import type { Options } from './options.ts';
import { number, type Found, type Row } from './report.ts';
import { inTurns, median, ratioOf } from './rounds.ts';
import { insertCustomers, insertInvoices } from './rows.ts';
import { startProduct, type Running, type Shop, type Stage } from './stage.ts';

const PAGE = 50;
/** So that a filter by customer finds as many at every size. */
const INVOICES_A_CUSTOMER = 100;

const INVOICES = `query Invoices($filter: InvoiceFilter, $after: String) {
  invoices(first: ${PAGE}, filter: $filter, after: $after) {
    nodes {
      id number state created_at due_date total customer { name } reimbursement { status amount_due } pdf { status }
    }
    pageInfo { hasNextPage endCursor }
  }
}`;

const CURSOR = `query($number: String!) { invoices(filter: { numbers: [$number], is_archived: null }) { edges { cursor } } }`;

interface Catalogue {
  readonly size: number;
  readonly shop: Shop;
  readonly server: Running;
  readonly door: Door;
  /** What is asked, by what kind of page it is. */
  readonly bodies: Readonly<Record<string, string>>;
}

export async function measurePages(stage: Stage, options: Options): Promise<Found> {
  const catalogues: Catalogue[] = [];
  try {
    for (const size of options.pages) catalogues.push(await openCatalogue(stage, size));
    const rows: Row[] = [];
    for (const kind of ['newest first', 'open ones, newest first', 'from the middle, by cursor']) {
      rows.push(...(await compare(catalogues, kind, options)));
    }
    return { rows, notes: [] };
  } finally {
    for (const { shop, server, door } of catalogues) {
      await door.close();
      await server.stop();
      await shop.close();
    }
  }
}

async function openCatalogue(stage: Stage, size: number): Promise<Catalogue> {
  const shop = await stage.openShop();
  const customers = Math.max(10, Math.ceil(size / INVOICES_A_CUSTOMER));
  await insertCustomers(shop.sql, customers);
  await insertInvoices(shop.sql, size, customers);
  const server = await startProduct(shop, 'server.js');
  const door = openDoor({ address: server.address, path: '/graphql', apiKey: shop.apiKey }, 1);
  const middle = `2025-${String(Math.ceil(size / 2)).padStart(6, '0')}`;
  const found = JSON.parse(await door.ask(graphql(CURSOR, { number: middle }))) as {
    readonly data: { readonly invoices: { readonly edges: readonly { readonly cursor: string }[] } };
  };
  const after = found.data.invoices.edges[0]?.cursor;
  if (after === undefined) throw new Error(`Invoice ${middle} is not in the list.`);
  const bodies = {
    'newest first': graphql(INVOICES, {}),
    'open ones, newest first': graphql(INVOICES, { filter: { states: ['OPEN'] } }),
    'from the middle, by cursor': graphql(INVOICES, { after }),
  };
  for (const [kind, body] of Object.entries(bodies)) {
    const answer = await door.ask(body);
    if (answer.split('"number"').length !== PAGE + 1) throw new Error(`The page "${kind}" is not full: ${answer}`);
  }
  return { size, shop, server, door, bodies };
}

async function compare(catalogues: readonly Catalogue[], kind: string, options: Options): Promise<readonly Row[]> {
  const asked = options.isQuick ? 15 : 60;
  const sides = Object.fromEntries(
    catalogues.map(({ size, door, bodies }) => [`${size}`, () => timeOf(door, bodies[kind] ?? '', asked)]),
  );
  await inTurns(1, sides);
  const found = await inTurns(options.rounds, sides);
  const [first, ...others] = catalogues;
  const least = found[`${first?.size}`] ?? [];
  return others.map(({ size }) => {
    const times = found[`${size}`] ?? [];
    return {
      measure: `page of ${PAGE} invoices, ${kind}, among ${size.toLocaleString('en-US')}: time`,
      billhead: `${number(median(times))} ms`,
      other: `among ${first?.size.toLocaleString('en-US')}: ${number(median(least))} ms`,
      ratio: ratioOf(times, least),
      goal: '≤ 1.3',
    };
  });
}

/** The median of so many, one after another, in ms. */
async function timeOf(door: Door, body: string, count: number): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const began = performance.now();
    await door.ask(body);
    times.push(performance.now() - began);
  }
  return median(times);
}
