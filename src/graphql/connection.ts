// Connections of the GraphQL Cursor Connections specification, and the cursors that stand for sort keys.

import type { Invoice } from '../domain/invoice.ts';
import type { InvoiceQuery, OrderQuery, WebhookDeliveryQuery } from '../domain/list-filter.ts';
import { isSortField, isSortValue, type SortKey } from '../domain/list-sort.ts';
import type { Order } from '../domain/order.ts';
import type { CursorInput, Page } from '../domain/page.ts';
import type { WebhookDelivery } from '../domain/webhook-delivery.ts';
import { camelCased } from './field-names.ts';

export interface Edge<T> {
  readonly cursor: string;
  readonly node: T;
}

export interface Connection<T> {
  readonly edges: readonly Edge<T>[];
  readonly nodes: readonly T[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

/** With what it was asked for, for whoever counts the whole list. */
interface QueriedConnection<T, Query> extends Connection<T> {
  readonly query: Query;
}

export type OrderConnection = QueriedConnection<Order, OrderQuery>;
export type OrderEdge = Edge<Order>;
export type InvoiceConnection = QueriedConnection<Invoice, InvoiceQuery>;
export type InvoiceEdge = Edge<Invoice>;
export type WebhookDeliveryConnection = QueriedConnection<WebhookDelivery, WebhookDeliveryQuery>;
export type WebhookDeliveryEdge = Edge<WebhookDelivery>;

export function connectionOf<T, Field, Query extends { readonly sort: { readonly field: Field } }>(
  { page, query }: { readonly page: Page<T>; readonly query: Query },
  keyOf: (record: T, field: Field) => SortKey,
): QueriedConnection<T, Query> {
  const edges = page.records.map((node) => ({ cursor: encodeCursor(keyOf(node, query.sort.field)), node }));
  return {
    query,
    edges,
    nodes: page.records,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

type Given<T> = T | null | undefined;

/** The arguments of a list under the product's own names, with its cursors read. */
export function listInputOf<Filter, ListSort>(args: {
  readonly first?: Given<number>;
  readonly last?: Given<number>;
  readonly after?: Given<string>;
  readonly before?: Given<string>;
  readonly filter?: Given<Filter>;
  readonly sort?: Given<ListSort>;
}) {
  return {
    first: args.first ?? null,
    last: args.last ?? null,
    after: decodeCursor(args.after),
    before: decodeCursor(args.before),
    filter: camelCased(args.filter),
    sort: args.sort,
  };
}

// The sort by age is as old as the lists: its cursors, time and id, have to stay readable.
function encodeCursor({ field, value, id }: SortKey): string {
  const text = field === 'CREATED_AT' ? `${Date.parse(value)} ${id}` : JSON.stringify([field, value, id]);
  return Buffer.from(text).toString('base64url');
}

function decodeCursor(cursor: Given<string>): CursorInput {
  if (cursor === null || cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const [, time, id] = /^(\d{1,15}) (.+)$/su.exec(text) ?? [];
  const [field, value, ownId] =
    time === undefined ? parsed(text) : ['CREATED_AT', new Date(Number(time)).toISOString(), id];
  if (!isSortField(field) || typeof value !== 'string' || typeof ownId !== 'string') return 'unreadable';
  return isSortValue(field, value) ? { field, value, id: ownId } : 'unreadable';
}

function parsed(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.length === 3 ? value : [];
  } catch {
    return [];
  }
}
