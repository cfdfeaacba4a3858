// Writing many rows of a table in one statement: they travel as one JSON document.

import type { Prisma, PrismaClient } from '../generated/prisma/client.ts';
import type { Columns } from './prisma-records.ts';

type Batched = 'findUnique' | 'findUniqueOrThrow';

/**
 * The client as stores use it outside of transactions. Prisma puts look-ups by a unique key that come at the same moment
 * into one query, whoever they are for; here each call has a merchant of its own (merchant-reach.ts), so they are not to be had.
 */
export type StoreClient = {
  readonly [Name in keyof PrismaClient]: PrismaClient[Name] extends Record<Batched, unknown>
    ? Omit<PrismaClient[Name], Batched>
    : PrismaClient[Name];
};

/** One INSERT for all rows. All rows have the same columns; `table` and the column names come from this folder's code alone. */
export async function insert(
  client: Pick<Prisma.TransactionClient, '$executeRawUnsafe'>,
  table: string,
  rows: readonly Columns[],
  onConflict = '',
): Promise<number> {
  const [first] = rows;
  if (!first) return 0;
  const statement = `${insertInto(table, Object.keys(first), '$1')} ${onConflict}`;
  return client.$executeRawUnsafe(statement, toJson(rows));
}

/** One INSERT for rows that have these columns, in the JSON document of the parameter that `rows` names. */
export const insertInto = (table: string, columns: readonly string[], rows: string) => `
  INSERT INTO ${table} (${columns.join(', ')})
  SELECT ${columns.join(', ')} FROM json_populate_recordset(NULL::${table}, ${rows}::json)`;

export function toJson(rows: readonly Columns[]): string {
  return JSON.stringify(rows, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
