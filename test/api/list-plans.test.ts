// With 100,000 invoices: every filter and sort answers a page of 50 by an index, as the plans of its own statements show.

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { statementsOf, type Statement } from '../setup/statements.ts';

const COUNT = 100_000;
const PAGE = 50;
/** What a page may read of a table, and sort, where no index gives the order: what one in 200 lets through, walked or sorted. */
const MOST_READ = 12_000;
const MOST_SORTED = 2_000;
/** Where everything that is let through stands at the other end of the sort, the index is walked up to there. */
const MOST_WALKED = COUNT / 4;

let billhead: TestProduct;
let database: Client;

beforeAll(async () => {
  billhead = await startTestProduct();
  await billhead.addMerchant('other');
  database = new Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  // What stands on an invoice comes in its own transaction, or never.
  await database.query('BEGIN');
  await fill('demo', COUNT);
  await fill('other', COUNT / 20);
  await database.query('COMMIT');
  await database.query('ANALYZE');
  // From here on as the product sees it.
  await database.query(
    `SELECT set_config('billhead.scope', '', false), set_config('billhead.merchant', 'demo', false)`,
  );
  // Filling and reckoning is one long work of the database, which shares the machine with other tests.
}, 120_000);
afterAll(async () => {
  await database.end();
  await billhead.close();
});

/**
 * Customers, orders and invoices of five years: one customer has a tenth of all; one invoice in a hundred is a credit
 * invoice, cancelled or archived.
 */
async function fill(merchantId: string, count: number): Promise<void> {
  const merchant = `'${merchantId}'`;
  const created = `'2021-01-01T00:00:00Z'::timestamptz + n * interval '26 minutes'`;
  const customer = `'c' || CASE WHEN n % 10 = 0 THEN 0 ELSE n % 2000 END`;
  const exVat = `(n::bigint * 7919) % 1000003`;
  const series = `generate_series(1, ${count}) AS n`;
  await database.query(`
    INSERT INTO customers (merchant_id, id, name, email, locale, created_at, updated_at)
    SELECT ${merchant}, 'c' || n, 'First' || n || ' Family' || n % 97, 'mail' || n || '@shop' || n % 50 || '.example', 'en', now(), now()
    FROM generate_series(0, 1999) AS n`);
  await database.query(`
    INSERT INTO orders (merchant_id, id, number, customer_id, currency, is_including_vat, is_vat_shifted, invoicing_policy,
      status, billing_address, subtotal, total_ex_vat, total_vat, content_hash, placed_at, created_at, updated_at)
    SELECT ${merchant}, 'o' || n, 'W-' || n, ${customer}, 'EUR', false, false, 'ON_ORDER',
      CASE n % 200 WHEN 0 THEN 'CANCELED' WHEN 1 THEN 'ON_HOLD' ELSE 'COMPLETE' END, '{}', ${exVat}, ${exVat}, 0, '',
      ${created} - n % 7 * interval '1 day', ${created}, ${created} + n % 911 * interval '1 hour'
    FROM ${series}`);
  await database.query(`
    INSERT INTO invoices (merchant_id, id, number, series, year, sequence, type, state, customer_id, currency, is_including_vat,
      is_vat_shifted, locale, issue_date, due_date, supply_date, seller, buyer, billing_address, subtotal, total_ex_vat,
      total_vat, corrects_invoice_id, is_archived, request_hash, pdf_status, pdf_sha256, created_at, updated_at)
    SELECT ${merchant}, 'i' || n, '2021-' || lpad(n::text, 6, '0'), 'invoice', 2021, n,
      CASE WHEN n % 100 = 2 THEN 'CREDIT_INVOICE' ELSE 'INVOICE' END,
      CASE WHEN n % 100 = 3 THEN 'CANCELED' WHEN n % 5 = 4 THEN 'OPEN' ELSE 'PAID' END, ${customer}, 'EUR', false,
      false, 'en', (${created})::date, (${created})::date + 14 + n % 20, (${created})::date, '{}', '{}', '{}', ${exVat}, ${exVat},
      0, CASE WHEN n % 100 = 2 THEN 'i' || n - 1 END, n % 100 = 5, '', 'READY', repeat('a', 64), ${created},
      ${created} + n % 911 * interval '1 hour'
    FROM ${series}`);
  await database.query(`
    INSERT INTO invoice_orders (merchant_id, invoice_id, order_id, position, order_number, placed_on)
    SELECT ${merchant}, 'i' || n, 'o' || n, 1, 'W-' || n, '2021-01-01' FROM ${series}`);
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

async function planOf({ text, values }: Statement): Promise<readonly PlanNode[]> {
  const { rows } = await database.query<{ 'QUERY PLAN': readonly { readonly Plan: PlanNode }[] }>(
    `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
    [...values],
  );
  const flat = (node: PlanNode): readonly PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flat)];
  return rows.flatMap((row) => row['QUERY PLAN'].flatMap(({ Plan }) => flat(Plan)));
}

const BIG = new Set(['invoices', 'orders', 'invoice_orders', 'customer_terms']);

/** What is wrong with the plan of a statement, in words; `mostSorted` rows may be sorted. */
async function planFaults(statement: Statement, mostRead = MOST_READ, mostSorted = MOST_SORTED): Promise<string[]> {
  const nodes = await planOf(statement);
  return nodes.flatMap((node) => {
    const table = node['Relation Name'] ?? '';
    const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
    const read = (node['Actual Rows'] + removed) * node['Actual Loops'];
    const kind = node['Node Type'];
    // Sorting what an index has nearly in order takes a few rows at a time.
    const sorted = kind === 'Sort' ? Math.max(0, ...(node.Plans ?? []).map((child) => child['Actual Rows'])) : 0;
    return [
      ...(kind === 'Seq Scan' && BIG.has(table) ? [`reads all of ${table}`] : []),
      ...(read > mostRead && BIG.has(table) ? [`${kind} reads ${read} rows of ${table}`] : []),
      ...(sorted > mostSorted ? [`sorts ${sorted} rows`] : []),
    ];
  });
}

/** The statements that a page and the page behind it take, all but the look-up of the key. */
async function statementsOfPages(
  list: 'invoices' | 'orders',
  filter: object | null,
  sort: object,
  isBackward: boolean,
) {
  const Type = list === 'invoices' ? 'Invoice' : 'Order';
  const query = `query ($size: Int!, $cursor: String, $filter: ${Type}Filter, $sort: ${Type}Sort) {
    ${list}(${isBackward ? 'last: $size, before' : 'first: $size, after'}: $cursor, filter: $filter, sort: $sort) {
      nodes { id } pageInfo { startCursor endCursor } } }`;
  let found = 0;
  const statements = await statementsOf(async () => {
    let cursor: string | null = null;
    for (let page = 1; page <= 2 && (page === 1 || cursor !== null); page += 1) {
      const answer = await billhead.ask(query, { size: PAGE, cursor, filter, sort });
      const { nodes, pageInfo } = answer[list];
      found += nodes.length;
      cursor = isBackward ? pageInfo.startCursor : pageInfo.endCursor;
    }
  });
  return { found, statements: statements.filter(({ text }) => /\b(invoices|orders)\b/.test(text)) };
}

const hundred = (prefix: string) => Array.from({ length: 100 }, (_, index) => `${prefix}${(index + 1) * 991}`);
const invoiceFilters: readonly (readonly [string, object | null])[] = [
  ['none', null],
  ['archived and others', { is_archived: null }],
  ['archived only', { is_archived: true }],
  ['ids', { ids: hundred('i') }],
  ['numbers', { numbers: ['2021-000007', '2021-050000'] }],
  ['order_ids', { order_ids: hundred('o') }],
  ['order_numbers', { order_numbers: hundred('W-') }],
  ['a customer with few', { customer_id: 'c17' }],
  ['a customer with many', { customer_id: 'c0' }],
  ['a state that most have', { states: ['PAID'] }],
  ['a rare state', { states: ['CANCELED'] }],
  ['two states', { states: ['CANCELED', 'OPEN'] }],
  ['no state', { states: [] }],
  ['the usual type', { types: ['INVOICE'] }],
  ['the rare type', { types: ['CREDIT_INVOICE'] }],
  ['issued on a day', { created_from: '2023-03-01T00:00:00Z', created_to: '2023-03-02T00:00:00Z' }],
  ['issued since long', { created_from: '2021-02-01T00:00:00Z' }],
  ['due on a day', { due_from: '2023-03-01', due_to: '2023-03-01' }],
  ['due before', { due_to: '2025-01-01' }],
  ['due long ago', { due_to: '2021-01-20' }],
  ['search of one number', { search: '2021-000123' }],
  ['search of nearly all numbers', { search: '2021-0' }],
  ['search of an order', { search: 'w-4711' }],
  ['search of all orders', { search: 'W-' }],
  ['search of a name', { search: 'FIRST77' }],
  ['search of a name that many have', { search: 'family1' }],
  ['search of an address', { search: 'mail12@shop' }],
  ['search of nothing', { search: 'nobody' }],
  ['search of open ones of a customer', { search: '2021-', customer_id: 'c19', states: ['OPEN'] }],
];
const orderFilters: readonly (readonly [string, object | null])[] = [
  ['none', null],
  ['ids', { ids: hundred('o') }],
  ['numbers', { numbers: hundred('W-') }],
  ['a customer with few', { customer_id: 'c17' }],
  ['a customer with many', { customer_id: 'c0' }],
  ['a status that most have', { statuses: ['COMPLETE'] }],
  ['a rare status', { statuses: ['ON_HOLD'] }],
  ['a status that none has', { statuses: ['CLOSED'] }],
  ['placed on a day', { placed_from: '2023-03-01T00:00:00Z', placed_to: '2023-03-02T00:00:00Z' }],
  ['placed since long', { placed_from: '2021-02-01T00:00:00Z' }],
  ['came in on a day', { created_from: '2023-03-01T00:00:00Z', created_to: '2023-03-02T00:00:00Z' }],
  ['search of one number', { search: 'w-4711' }],
  ['search of all numbers', { search: 'w-' }],
  ['search of a name', { search: 'first77' }],
  ['search of nothing', { search: 'nobody' }],
];

const cases = [
  ...['CREATED_AT', 'UPDATED_AT', 'NUMBER', 'TOTAL', 'DUE_DATE'].map((field) => ({ list: 'invoices' as const, field })),
  ...['CREATED_AT', 'UPDATED_AT', 'NUMBER', 'TOTAL', 'PLACED_AT'].map((field) => ({ list: 'orders' as const, field })),
];

describe.each(cases)('$list by $field', ({ list, field }) => {
  test.each(list === 'invoices' ? invoiceFilters : orderFilters)('%s', async (name, filter) => {
    // Backward from the end of a descending list is what forward in an ascending one is.
    for (const isBackward of [false, true]) {
      const sort = { field, direction: 'DESC' };
      const { found, statements } = await statementsOfPages(list, filter, sort, isBackward);
      expect(statements.length).toBeGreaterThanOrEqual(2);
      if (!/nothing|none has|no state/.test(name)) expect(found).toBeGreaterThan(0);
      for (const statement of statements) {
        // Without a filter nothing but the page itself is read, and nothing is sorted.
        const faults =
          filter === null
            ? await planFaults(statement, 2 * PAGE, 2 * PAGE)
            : await planFaults(statement, name === 'due before' ? MOST_WALKED : MOST_READ);
        expect({ faults, ...(faults.length > 0 && { statement, isBackward }) }).toEqual({ faults: [] });
      }
    }
  });
});

test('the checks would see a table that is read and sorted whole', async () => {
  const statement = { text: 'SELECT id FROM invoices r ORDER BY memo, id LIMIT 51', values: [] };
  expect(await planFaults(statement)).toEqual([
    expect.stringContaining('sorts'),
    'reads all of invoices',
    expect.stringContaining('rows of invoices'),
  ]);
});

test('nothing is counted unless it is asked for', async () => {
  const counts = async (selection: string) => {
    const statements = await statementsOf(() => billhead.ask(`{ invoices(first: 1) { ${selection} } }`));
    return statements.filter(({ text }) => text.includes('count(')).length;
  };
  expect(await counts('nodes { id } pageInfo { hasNextPage endCursor }')).toBe(0);
  expect(await counts('total_count')).toBe(1);
});
