// Lists of orders and invoices: which ids a page holds, in which order, and how many there are. Every sort has its index.
//
// 1. A page begins behind its cursor by (key, id): its cost does not grow with the pages before it, and what comes in
//    meanwhile moves nothing.
// 2. What a caller says travels as a parameter, never as SQL.
// 3. A search that finds few records names and sorts those; one that finds many walks the sort and tests each record,
//    because a page of them is soon full. Only the places where the text was found are looked at again.

import type {
  InvoiceFilter,
  InvoiceQuery,
  OrderFilter,
  OrderQuery,
  WebhookDeliveryFilter,
  WebhookDeliveryQuery,
} from '../domain/list-filter.ts';
import type { InvoiceSortField, OrderSortField, Sort, SortField, SortKey } from '../domain/list-sort.ts';
import type { Window } from '../domain/page.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { storable, storableList } from './prisma-records.ts';
import type { StoreClient } from './prisma-rows.ts';

type Sql = Prisma.Sql;

/** What a list is sorted by: the very expression of its index, and the type that a cursor's text is read as. */
interface Key {
  readonly expression: Sql;
  readonly type: Sql;
}

const { sql } = Prisma;
const instant = (expression: Sql): Key => ({ expression, type: sql`timestamptz` });
const NUMBER: Key = { expression: sql`r.number COLLATE "C"`, type: sql`text` };
const TOTAL: Key = { expression: sql`r.total`, type: sql`bigint` };
const CREATED_AT = instant(sql`r.created_at`);
const UPDATED_AT = instant(sql`r.updated_at`);

const INVOICE_KEYS: Readonly<Record<InvoiceSortField, Key>> = {
  CREATED_AT,
  UPDATED_AT,
  NUMBER,
  TOTAL,
  DUE_DATE: { expression: sql`r.due_date`, type: sql`date` },
};
const ORDER_KEYS: Readonly<Record<OrderSortField, Key>> = {
  CREATED_AT,
  UPDATED_AT,
  NUMBER,
  TOTAL,
  PLACED_AT: instant(sql`r.placed_at`),
};

/** The ids of a window in list order; one more than its limit tells that there are more. */
export async function invoiceIds(
  client: StoreClient,
  merchantId: string,
  { filter, sort }: InvoiceQuery,
  window: Window,
): Promise<readonly string[]> {
  const conditions = await invoiceConditions(client, merchantId, filter);
  return page(client, sql`invoices`, conditions, INVOICE_KEYS[sort.field], sort, window);
}

/** The ids of a window in list order; one more than its limit tells that there are more. */
export async function orderIds(
  client: StoreClient,
  merchantId: string,
  { filter, sort }: OrderQuery,
  window: Window,
): Promise<readonly string[]> {
  const conditions = await orderConditions(client, merchantId, filter);
  return page(client, sql`orders`, conditions, ORDER_KEYS[sort.field], sort, window);
}

export async function invoiceCount(client: StoreClient, merchantId: string, filter: InvoiceFilter): Promise<number> {
  return count(client, sql`invoices`, await invoiceConditions(client, merchantId, filter));
}

export async function orderCount(client: StoreClient, merchantId: string, filter: OrderFilter): Promise<number> {
  return count(client, sql`orders`, await orderConditions(client, merchantId, filter));
}

/** The ids of a window in list order; one more than its limit tells that there are more. */
export async function webhookDeliveryIds(
  client: StoreClient,
  merchantId: string,
  { filter, sort }: WebhookDeliveryQuery,
  window: Window,
): Promise<readonly string[]> {
  return page(client, sql`webhook_deliveries`, deliveryConditions(merchantId, filter), CREATED_AT, sort, window);
}

export async function webhookDeliveryCount(
  client: StoreClient,
  merchantId: string,
  filter: WebhookDeliveryFilter,
): Promise<number> {
  return count(client, sql`webhook_deliveries`, deliveryConditions(merchantId, filter));
}

async function page(
  client: StoreClient,
  table: Sql,
  conditions: readonly Sql[],
  key: Key,
  { direction }: Sort<SortField>,
  { after, before, limit, isBackward }: Window,
): Promise<readonly string[]> {
  const isAscending = direction === 'ASC';
  const bounds = [
    ...(after ? [beyond(key, after, isAscending)] : []),
    ...(before ? [beyond(key, before, !isAscending)] : []),
  ];
  // The last ones before a cursor are the first ones in the opposite order.
  const order = isAscending === isBackward ? sql`DESC` : sql`ASC`;
  const rows = await client.$queryRaw<{ readonly id: string }[]>`
    SELECT r.id FROM ${table} r WHERE ${all([...conditions, ...bounds])}
    ORDER BY ${key.expression} ${order}, r.id ${order} LIMIT ${limit + 1}`;
  const ids = rows.map(({ id }) => id);
  return isBackward ? ids.reverse() : ids;
}

async function count(client: StoreClient, table: Sql, conditions: readonly Sql[]): Promise<number> {
  const rows = await client.$queryRaw<{ readonly count: bigint }[]>`
    SELECT count(*) AS count FROM ${table} r WHERE ${all(conditions)}`;
  return Number(rows[0]?.count ?? 0);
}

// Compared as a row, which an index over both columns serves in one step.
function beyond({ expression, type }: Key, { value, id }: SortKey, isAscending: boolean): Sql {
  const operator = isAscending ? sql`>` : sql`<`;
  return sql`(${expression}, r.id) ${operator} (${storable(value)}::${type}, ${storable(id)}::text)`;
}

async function invoiceConditions(client: StoreClient, merchantId: string, filter: InvoiceFilter): Promise<Sql[]> {
  const { orderIds: orders, orderNumbers, types, dueFrom, dueTo, isArchived, search } = filter;
  return [
    ...sharedConditions(merchantId, filter),
    ...given(orders, (ids) => onInvoices(merchantId, sql`io.order_id = ${anyOf(ids)}`)),
    ...given(orderNumbers, (numbers) => {
      const found = sql`SELECT o.id FROM orders o WHERE o.merchant_id = ${merchantId} AND o.number = ${anyOf(numbers)}`;
      return onInvoices(merchantId, sql`io.order_id IN (${found})`);
    }),
    ...given(filter.states, (states) => oneOf(sql`r.state`, states)),
    // Written out, because an index holds credit invoices alone.
    ...given(types?.includes('CREDIT_INVOICE') ? null : types, () => sql`r.type <> 'CREDIT_INVOICE'`),
    ...given(types?.includes('INVOICE') ? null : types, () => sql`r.type = 'CREDIT_INVOICE'`),
    ...given(dueFrom, (day) => sql`r.due_date >= ${day}::date`),
    ...given(dueTo, (day) => sql`r.due_date <= ${day}::date`),
    ...given(isArchived, (value) => (value ? sql`r.is_archived` : sql`NOT r.is_archived`)),
    ...(search === null ? [] : [await searched(client, merchantId, search, INVOICE_SEARCH)]),
  ];
}

async function orderConditions(client: StoreClient, merchantId: string, filter: OrderFilter): Promise<Sql[]> {
  const { statuses, placedFrom, placedTo, search } = filter;
  return [
    ...sharedConditions(merchantId, filter),
    ...given(statuses, (list) => oneOf(sql`r.status`, list)),
    ...given(placedFrom, (from) => sql`r.placed_at >= ${from.toISOString()}::timestamptz`),
    ...given(placedTo, (to) => sql`r.placed_at < ${to.toISOString()}::timestamptz`),
    ...(search === null ? [] : [await searched(client, merchantId, search, ORDER_SEARCH)]),
  ];
}

function deliveryConditions(
  merchantId: string,
  { endpointIds: endpoints, invoiceIds: invoices, events, statuses }: WebhookDeliveryFilter,
): readonly Sql[] {
  return [
    sql`r.merchant_id = ${merchantId}`,
    ...given(endpoints, (ids) => oneOf(sql`r.endpoint_id`, storableList(ids))),
    ...given(invoices, (ids) => oneOf(sql`r.invoice_id`, storableList(ids))),
    ...given(events, (list) => oneOf(sql`r.event`, list)),
    ...given(statuses, (list) => oneOf(sql`r.status`, list)),
  ];
}

type SharedFilter = Pick<InvoiceFilter & OrderFilter, 'ids' | 'numbers' | 'customerId' | 'createdFrom' | 'createdTo'>;

function sharedConditions(merchantId: string, filter: SharedFilter): Sql[] {
  return [
    sql`r.merchant_id = ${merchantId}`,
    ...given(filter.ids, (ids) => sql`r.id = ${anyOf(ids)}`),
    ...given(filter.numbers, (numbers) => sql`r.number = ${anyOf(numbers)}`),
    ...given(filter.customerId, (id) => sql`r.customer_id = ${storable(id)}`),
    ...given(filter.createdFrom, (from) => sql`r.created_at >= ${from.toISOString()}::timestamptz`),
    ...given(filter.createdTo, (to) => sql`r.created_at < ${to.toISOString()}::timestamptz`),
  ];
}

function onInvoices(merchantId: string, condition: Sql): Sql {
  return sql`r.id IN (
    SELECT io.invoice_id FROM invoice_orders io WHERE io.merchant_id = ${merchantId} AND ${condition})`;
}

/** One place where a search looks: how it finds ids there by an index, in its order, and how it tests one record. */
interface Place {
  found(merchantId: string, text: string): Sql;
  matches(merchantId: string, text: string): Sql;
}

const FOLDED_NUMBER = sql`r.folded_number`;
const FOLDED_ORDER_NUMBER = sql`o.folded_number`;

const ownNumber = (table: Sql): Place => ({
  found: (merchantId, text) => sql`
    SELECT r.id FROM ${table} r
    WHERE r.merchant_id = ${merchantId} AND ${startsWith(FOLDED_NUMBER, text)} ORDER BY ${FOLDED_NUMBER}`,
  matches: (_, text) => startsWith(FOLDED_NUMBER, text),
});

const customer = (table: Sql): Place => ({
  found: (merchantId, text) => sql`
    SELECT r.id FROM customer_terms t
    JOIN ${table} r ON r.merchant_id = t.merchant_id AND r.customer_id = t.customer_id
    WHERE t.merchant_id = ${merchantId} AND ${startsWith(sql`t.term`, text)} ORDER BY t.term`,
  matches: (merchantId, text) => sql`r.customer_id IN (
    SELECT t.customer_id FROM customer_terms t
    WHERE t.merchant_id = ${merchantId} AND ${startsWith(sql`t.term`, text)})`,
});

const orderNumber: Place = {
  found: (merchantId, text) => sql`
    SELECT io.invoice_id AS id FROM orders o
    JOIN invoice_orders io ON io.merchant_id = o.merchant_id AND io.order_id = o.id
    WHERE o.merchant_id = ${merchantId} AND ${startsWith(FOLDED_ORDER_NUMBER, text)} ORDER BY ${FOLDED_ORDER_NUMBER}`,
  // OFFSET 0 keeps the planner from answering for all orders at once what is asked of a page's invoices one by one.
  matches: (_, text) => sql`EXISTS (
    SELECT 1 FROM invoice_orders io JOIN orders o ON o.merchant_id = io.merchant_id AND o.id = io.order_id
    WHERE io.merchant_id = r.merchant_id AND io.invoice_id = r.id AND ${startsWith(FOLDED_ORDER_NUMBER, text)} OFFSET 0)`,
};

const INVOICE_SEARCH: readonly Place[] = [ownNumber(sql`invoices`), orderNumber, customer(sql`invoices`)];
const ORDER_SEARCH: readonly Place[] = [ownNumber(sql`orders`), customer(sql`orders`)];

/** Up to this many records of a place are few enough to be named, and sorted for each page. */
const FEW = 1_000;

async function searched(client: StoreClient, merchantId: string, text: string, places: readonly Place[]): Promise<Sql> {
  // No text in the database has a NUL, and the empty text, which stands for one elsewhere, begins them all.
  if (text.includes('\u0000')) return sql`false`;
  const parts = places.map(
    (place, index) =>
      sql`SELECT ${index}::int AS place, id FROM (${place.found(merchantId, text)} LIMIT ${FEW + 1}) AS found`,
  );
  const rows = await client.$queryRaw<{ readonly place: number; readonly id: string }[]>`
    ${Prisma.join(parts, ' UNION ALL ')}`;
  const ids = places.map((_, index) => rows.filter(({ place }) => place === index).map(({ id }) => id));
  const isMany = (index: number) => (ids[index]?.length ?? 0) > FEW;
  const tests = places.filter((_, index) => isMany(index)).map((place) => place.matches(merchantId, text));
  const few = ids.filter((_, index) => !isMany(index)).flat();
  if (few.length > 0 || tests.length === 0) tests.push(sql`r.id = ${anyOf([...new Set(few)])}`);
  return sql`(${Prisma.join(tests, ' OR ')})`;
}

// Between the text and what would come after all that begin with it: the last code point stands behind every other.
function startsWith(expression: Sql, text: string): Sql {
  return sql`(${expression} >= lower(${text}::text) COLLATE "C"
    AND ${expression} < (lower(${text}::text) || chr(1114111)) COLLATE "C")`;
}

function given<T>(value: T | null | undefined, condition: (value: T) => Sql): readonly Sql[] {
  return value === null || value === undefined ? [] : [condition(value)];
}

function all(conditions: readonly Sql[]): Sql {
  return Prisma.join([...conditions], ' AND ');
}

// One value is compared as such, so that an index that begins with it is known to be in order.
function oneOf(column: Sql, values: readonly string[]): Sql {
  return values.length === 1 ? sql`${column} = ${values[0]}` : sql`${column} = ${anyOf(values)}`;
}

function anyOf(values: readonly string[]): Sql {
  return sql`ANY(${storableList(values)}::text[])`;
}
