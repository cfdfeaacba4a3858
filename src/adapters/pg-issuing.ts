// Issuing invoices over items in one transaction of few statements, on the driver itself.
//
// This is the one transaction that all callers of a merchant wait for. An interactive transaction of Prisma costs about ten
// times the CPU of the same statements here (npm run bench); everything else goes through Prisma.
//
// 1. The same locks in the same order as in prisma-transaction.ts: orders by id, invoice ids, corrected invoices, counter.
// 2. What is read is read after the locks, by a statement of its own: a statement sees what had committed when it began.
// 3. The counter comes as late as can be; all that can be written without it is written before.
// 4. Statements that do not need each other's answers are sent at once (the pool's connections are pipelined). When one of them
//    fails, PostgreSQL refuses those behind it, and a COMMIT among them rolls back.

import type pg from 'pg';
import type { InvoicingDecision } from '../domain/decide-invoices.ts';
import type { Issuing, LockedFacts } from '../ports.ts';
import * as issuing from './issuing-statements.ts';
import { rowFromJson, type Columns } from './json-rows.ts';
import * as records from './prisma-records.ts';
import { toJson } from './prisma-rows.ts';
import { withItems } from './prisma-transaction.ts';
import { arraysOf, fromArrays, fromJson } from './row-sources.ts';

export function pgIssuing(pool: pg.Pool, columnsOf: () => Promise<Columns>): Issuing['issueInvoices'] {
  return async (merchantId, wanted, decide) => {
    const known = await columnsOf();
    return onConnection(pool, async (client) => {
      const { facts, hasWebhooks } = await lockAndRead(client, known, merchantId, wanted);
      const decision = decide(facts);
      const numbers = await saveAndCommit(client, facts, decision);
      return { ...decision, numbers, hasWebhooks };
    });
  };
}

const LONGEST_LOCK_MS = 10_000;
// One order that somebody else holds for long must not keep a whole group waiting: it fails, and falls apart.
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '${LONGEST_LOCK_MS}'`;

/** Whatever `work` left open is rolled back. */
async function onConnection<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // A connection that breaks fails its statement, and says so once more here, which would end the process.
  const onError = () => {};
  client.on('error', onError);
  let fault: unknown;
  try {
    return await work(client);
  } catch (error) {
    fault = await client.query('ROLLBACK').then(
      () => undefined,
      (broken: unknown) => broken,
    );
    throw error;
  } finally {
    client.removeListener('error', onError);
    client.release(fault instanceof Error ? fault : undefined);
  }
}

// The orders of the items in a list of their own: whatever PostgreSQL believes of their number, it looks them up one by one.
const ORDER_IDS = `ARRAY(SELECT DISTINCT order_id FROM order_items WHERE merchant_id = $1 AND id = ANY($2))`;

// No row stands for an invoice id before it is taken: an invoice takes it, or a call of the gateway that will issue one.
const LOCK = `
  WITH locked AS MATERIALIZED (
    SELECT id FROM orders WHERE merchant_id = $1 AND id = ANY(${ORDER_IDS}) ORDER BY id FOR UPDATE)
  SELECT count(pg_advisory_xact_lock(hashtextextended('invoice ' || $1 || ' ' || wanted.id, 0)))
  FROM (SELECT count(*) FROM locked) AS first, unnest($3::text[]) AS wanted (id)`;

const READ = `
  WITH concerned AS MATERIALIZED (SELECT ${ORDER_IDS} AS ids)
  SELECT
    (SELECT json_build_object('merchant_id', merchant_id, 'seller', seller, 'time_zone', time_zone,
       'number_pattern', number_pattern, 'payment_term_days', payment_term_days)
     FROM merchants WHERE merchant_id = $1) AS merchant,
    (SELECT coalesce(json_agg(o ORDER BY o.id), '[]') FROM orders o
     WHERE o.merchant_id = $1 AND o.id = ANY((SELECT ids FROM concerned)::text[])) AS orders,
    (SELECT coalesce(json_agg(i ORDER BY i.order_id, i.position), '[]') FROM order_items i
     WHERE i.merchant_id = $1 AND i.order_id = ANY((SELECT ids FROM concerned)::text[])) AS items,
    (SELECT coalesce(json_agg(c), '[]') FROM customers c
     WHERE c.merchant_id = $1 AND c.id = ANY(ARRAY(
       SELECT DISTINCT customer_id FROM orders WHERE merchant_id = $1 AND id = ANY((SELECT ids FROM concerned)::text[])))
    ) AS customers,
    (SELECT coalesce(json_object_agg(id, request_hash), '{}') FROM (
       SELECT id, request_hash FROM invoices WHERE merchant_id = $1 AND id = ANY($3)
       UNION ALL
       SELECT invoice_id, issue ->> 'requestHash' FROM gateway_calls
       WHERE merchant_id = $1 AND invoice_id = ANY($3) AND issue IS NOT NULL AND status = 'ASKED') AS taken) AS issued,
    EXISTS (SELECT FROM webhook_endpoints WHERE merchant_id = $1 AND is_enabled) AS has_webhooks`;

type Json = Readonly<Record<string, unknown>>;

async function lockAndRead(
  client: pg.PoolClient,
  columns: Columns,
  merchantId: string,
  { itemIds, invoiceIds }: Parameters<Issuing['issueInvoices']>[1],
): Promise<{ readonly facts: LockedFacts; readonly hasWebhooks: boolean }> {
  const items = records.storableList([...new Set(itemIds)]);
  const ids = records.storableList([...new Set(invoiceIds)].sort());
  const values = [merchantId, items, ids];
  const [, , read] = await Promise.all([
    client.query(BEGIN),
    client.query({ name: 'billhead_issue_lock', text: LOCK, values }),
    client.query<{
      merchant: Json;
      orders: readonly Json[];
      items: readonly Json[];
      customers: readonly Json[];
      issued: Readonly<Record<string, string>>;
      has_webhooks: boolean;
    }>({ name: 'billhead_issue_read', text: READ, values }),
  ]);
  const [found] = read.rows;
  if (!found) throw new RangeError('This statement always has a row.');
  const facts: LockedFacts = {
    merchant: records.toMerchant(rowFromJson(columns, 'merchants', found.merchant)),
    orders: withItems(
      found.orders.map((row) => records.toOrder(rowFromJson(columns, 'orders', row))),
      found.items.map((row) => records.toOrderItem(rowFromJson(columns, 'order_items', row))),
    ),
    customers: found.customers.map((row) => records.toCustomer(rowFromJson(columns, 'customers', row))),
    issued: new Map(Object.entries(found.issued)),
  };
  return { facts, hasWebhooks: found.has_webhooks };
}

async function saveAndCommit(
  client: pg.PoolClient,
  { merchant, orders: before }: LockedFacts,
  { orders, invoices }: InvoicingDecision,
): Promise<ReadonlyMap<string, string>> {
  if (invoices.length === 0) {
    await client.query('COMMIT');
    return new Map();
  }
  const credits = invoices.filter(({ invoice }) => invoice.type === 'CREDIT_INVOICE');
  const unchanged = new Set(before.flatMap(({ items }) => items));
  const heads = orders.map(({ order }) => records.orderProgressColumns(order));
  const items = orders.flatMap((order) =>
    order.items.filter((item) => !unchanged.has(item)).map(records.orderItemProgressColumns),
  );
  const rows = issuing.documentRows(merchant.id, merchant.numberPattern, invoices);
  const [, , inserted] = await Promise.all([
    credits.length > 0 &&
      client.query(
        issuing.creditCorrected(issuing.CHANGED),
        issuing.changedValues(issuing.creditRows(merchant.id, credits)),
      ),
    client.query({
      ...TAKE,
      values: [merchant.id, ...[heads, items].map(idsOf), toJson(heads), ...arraysOf(issuing.TAKEN, items)],
    }),
    client.query<issuing.IssuedNumber>({
      ...INSERT,
      values: [...[rows.series, rows.invoices, rows.orders].map(toJson), ...arraysOf(issuing.LINE, rows.lines)],
    }),
    client.query('COMMIT'),
  ]);
  return new Map(inserted.rows.map(({ id, number }) => [id, number]));
}

const idsOf = (rows: readonly records.Columns[]) => rows.map(({ id }) => id);

const TAKE = {
  name: 'billhead_issue_take',
  text: `
    WITH heads AS (${issuing.updateOrderStatus(fromJson('orders', '$4'), { merchantId: '$1', ids: '$2' })})
    ${issuing.takeItems(fromArrays(issuing.TAKEN, 5), { merchantId: '$1', ids: '$3' })}`,
};

const INSERT = {
  name: 'billhead_issue_insert',
  text: issuing.insertDocuments({
    series: '$1',
    invoices: fromJson('invoices', '$2'),
    orders: fromJson('invoice_orders', '$3'),
    lines: fromArrays(issuing.LINE, 4),
  }),
};
