// Issuing invoices over items in one transaction of few statements, on the driver itself.
//
// This is the one transaction that all callers of a merchant wait for. An interactive transaction of Prisma costs about ten
// times the CPU of the same statements here (npm run bench); everything else goes through Prisma.
//
// 1. The same locks in the same order as in prisma-transaction.ts: orders by id, invoice ids, corrected invoices, counter.
// 2. What is read is read after the locks, by a statement of its own: a statement sees what had committed when it began.
// 3. The counter comes as late as can be, and then everything is written by one statement.

import type pg from 'pg';
import type { InvoicingDecision } from '../domain/decide-invoices.ts';
import type { Issuing, LockedFacts } from '../ports.ts';
import * as issuing from './issuing-statements.ts';
import { rowFromJson, type Columns } from './json-rows.ts';
import * as records from './prisma-records.ts';
import { insertInto, toJson } from './prisma-rows.ts';
import { withItems } from './prisma-transaction.ts';

export function pgIssuing(pool: pg.Pool, columnsOf: () => Promise<Columns>): Issuing['issueInvoices'] {
  return async (merchantId, wanted, decide) => {
    const known = await columnsOf();
    return inTransaction(pool, async (client) => {
      const { facts, hasWebhooks } = await lockAndRead(client, known, merchantId, wanted);
      const decision = decide(facts);
      const numbers = await save(client, merchantId, facts.merchant.numberPattern, decision);
      return { ...decision, numbers, hasWebhooks };
    });
  };
}

const LONGEST_LOCK_MS = 10_000;

async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // A connection that breaks fails its statement, and says so once more here, which would end the process.
  const onError = () => {};
  client.on('error', onError);
  let fault: unknown;
  try {
    // One order that somebody else holds for long must not keep a whole group waiting: it fails, and falls apart.
    await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '${LONGEST_LOCK_MS}'`);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
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

// No row stands for an invoice id before it is taken: an invoice takes it, or a call of the gateway that will issue one.
const LOCK = `
  WITH locked AS MATERIALIZED (
    SELECT id FROM orders
    WHERE merchant_id = $1
      AND id IN (SELECT order_id FROM order_items WHERE merchant_id = $1 AND id = ANY($2))
    ORDER BY id FOR UPDATE)
  SELECT coalesce(array_agg(locked.id), '{}') AS order_ids, (
    SELECT count(pg_advisory_xact_lock(hashtextextended('invoice ' || $1 || ' ' || wanted.id, 0)))
    FROM (SELECT count(*) FROM locked) AS first, unnest($3::text[]) AS wanted (id)) AS ids
  FROM locked`;

const READ = `
  SELECT
    (SELECT json_build_object('merchant_id', merchant_id, 'seller', seller, 'time_zone', time_zone,
       'number_pattern', number_pattern, 'payment_term_days', payment_term_days)
     FROM merchants WHERE merchant_id = $1) AS merchant,
    (SELECT coalesce(json_agg(o ORDER BY o.id), '[]') FROM orders o
     WHERE o.merchant_id = $1 AND o.id = ANY($2)) AS orders,
    (SELECT coalesce(json_agg(i ORDER BY i.order_id, i.position), '[]') FROM order_items i
     WHERE i.merchant_id = $1 AND i.order_id = ANY($2)) AS items,
    (SELECT coalesce(json_agg(c), '[]') FROM customers c
     WHERE c.merchant_id = $1 AND c.id IN (SELECT customer_id FROM orders WHERE merchant_id = $1 AND id = ANY($2))
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
  const locked = await client.query<{ order_ids: readonly string[] }>({
    name: 'billhead_issue_lock',
    text: LOCK,
    values: [merchantId, items, ids],
  });
  const read = await client.query<{
    merchant: Json;
    orders: readonly Json[];
    items: readonly Json[];
    customers: readonly Json[];
    issued: Readonly<Record<string, string>>;
    has_webhooks: boolean;
  }>({ name: 'billhead_issue_read', text: READ, values: [merchantId, locked.rows[0]?.order_ids ?? [], ids] });
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

async function save(
  client: pg.PoolClient,
  merchantId: string,
  numberPattern: string,
  { orders, invoices }: InvoicingDecision,
): Promise<ReadonlyMap<string, string>> {
  if (invoices.length === 0) return new Map();
  const credits = invoices.filter(({ invoice }) => invoice.type === 'CREDIT_INVOICE');
  if (credits.length > 0) {
    const rows = issuing.creditRows(merchantId, credits);
    await client.query(issuing.creditCorrected(issuing.CHANGED), issuing.changedValues(rows));
  }
  const { heads, items } = issuing.orderRows(orders);
  const taken = await client.query<issuing.LastNumber & { readonly last_number: string }>({
    name: 'billhead_issue_numbers',
    text: TAKE_NUMBERS,
    values: [toJson(issuing.seriesRows(merchantId, invoices))],
  });
  const lastNumbers = taken.rows.map((row) => ({ ...row, last_number: BigInt(row.last_number) }));
  const documents = issuing.documentRows(merchantId, numberPattern, invoices, lastNumbers);
  const rows = [heads, items, documents.invoices, documents.lines, documents.orders].map(toJson);
  const ids = [heads, items].map((changed) => changed.map(({ id }) => id));
  await client.query({ ...saveStatement(documents), values: [...rows, merchantId, ...ids] });
  return documents.numbers;
}

const TAKE_NUMBERS = issuing.takeNumbers('$1');

let saving: { readonly name: string; readonly text: string } | null = null;

// The columns are those of the rows, which never change while the process runs.
function saveStatement(documents: ReturnType<typeof issuing.documentRows>): NonNullable<typeof saving> {
  const insertion = (table: string, rows: readonly records.Columns[], parameter: string) =>
    insertInto(table, Object.keys(rows[0] ?? {}), parameter);
  saving ??= {
    name: 'billhead_issue_save',
    text: `
      WITH heads AS (${issuing.updateOrders({ rows: '$1', merchantId: '$6', ids: '$7' })}),
        items AS (${issuing.updateItems({ rows: '$2', merchantId: '$6', ids: '$8' })}),
        issued AS (${insertion('invoices', documents.invoices, '$3')}),
        lines AS (${insertion('invoice_lines', documents.lines, '$4')})
      ${insertion('invoice_orders', documents.orders, '$5')}`,
  };
  return saving;
}
