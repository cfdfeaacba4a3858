// Connections of the GraphQL Cursor Connections specification, and the cursors that stand for sort keys.

import { badInput } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Order } from '../domain/order.ts';
import type { Page, PageInput, SortKey } from '../domain/page.ts';

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

export type OrderConnection = Connection<Order>;
export type OrderEdge = Edge<Order>;
export type InvoiceConnection = Connection<Invoice>;
export type InvoiceEdge = Edge<Invoice>;

export function connectionOf<T extends SortKey>(page: Page<T>): Connection<T> {
  const edges = page.records.map((node) => ({ cursor: encodeCursor(node), node }));
  return {
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

/** The page arguments of a list, with its cursors read. Throws BAD_USER_INPUT for a cursor that is none of ours. */
export function pageInputOf(args: {
  readonly first?: Given<number>;
  readonly last?: Given<number>;
  readonly after?: Given<string>;
  readonly before?: Given<string>;
}): PageInput {
  return {
    first: args.first ?? null,
    last: args.last ?? null,
    after: decodeCursor('after', args.after),
    before: decodeCursor('before', args.before),
  };
}

function encodeCursor({ createdAt, id }: SortKey): string {
  return Buffer.from(`${createdAt.getTime()} ${id}`).toString('base64url');
}

function decodeCursor(argument: string, cursor: Given<string>): SortKey | null {
  if (cursor === null || cursor === undefined) return null;
  const match = /^(\d{1,15}) (.+)$/su.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  const [, time, id] = match ?? [];
  if (time === undefined || id === undefined) {
    throw badInput([{ path: [argument], message: 'is no cursor of this list' }]);
  }
  return { createdAt: new Date(Number(time)), id };
}
