// Rows that come from PostgreSQL as JSON, many tables in one answer, made into the rows that Prisma would have given.
//
// The database itself says which columns hold whole numbers and instants: JSON has no types for them. Whole numbers are exact,
// because nothing in this product is larger than JSON's (domain/money.ts, MAX_MONEY).

import type pg from 'pg';
import type * as Row from '../generated/prisma/client.ts';

type Kind = 'whole' | 'instant' | 'plain';

interface Column {
  /** As Prisma calls it. */
  readonly property: string;
  readonly kind: Kind;
}

/** Table → column → what it holds. */
export type Columns = ReadonlyMap<string, ReadonlyMap<string, Column>>;

const KINDS: Readonly<Record<string, Kind>> = {
  bigint: 'whole',
  'timestamp with time zone': 'instant',
  date: 'instant',
};

/** Reads the columns once, when they are first needed. */
export function columnsOnce(pool: Pick<pg.Pool, 'query'>): () => Promise<Columns> {
  let columns: Promise<Columns> | null = null;
  return () => {
    columns ??= readColumns(pool).catch((error: unknown) => {
      columns = null;
      throw error;
    });
    return columns;
  };
}

async function readColumns(pool: Pick<pg.Pool, 'query'>): Promise<Columns> {
  const { rows } = await pool.query<{ table: string; column: string; type: string }>(
    `SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, NULL) AS type
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')`,
  );
  const tables = new Map<string, Map<string, Column>>();
  for (const { table, column, type } of rows) {
    const columns = tables.get(table) ?? new Map<string, Column>();
    columns.set(column, { property: camelCase(column), kind: KINDS[type] ?? 'plain' });
    tables.set(table, columns);
  }
  return tables;
}

/** The tables that are read so, with their rows as Prisma knows them. */
interface Rows {
  readonly api_keys: Row.ApiKey;
  readonly merchants: Row.Merchant;
  readonly customers: Row.Customer;
  readonly orders: Row.Order;
  readonly order_items: Row.OrderItem;
  readonly invoices: Row.Invoice;
  readonly invoice_lines: Row.InvoiceLine;
  readonly invoice_orders: Row.InvoiceOrder;
  readonly payments: Row.Payment;
}

/** A row of the table, given as `to_json` writes it. */
export function rowFromJson<Table extends keyof Rows>(
  columns: Columns,
  table: Table,
  json: Readonly<Record<string, unknown>>,
): Rows[Table] {
  const known = columns.get(table);
  const row: Record<string, unknown> = {};
  for (const name in json) {
    const column = known?.get(name);
    row[column?.property ?? camelCase(name)] = valueOf(column?.kind ?? 'plain', json[name]);
  }
  return row as Rows[Table];
}

function valueOf(kind: Kind, value: unknown): unknown {
  if (value === null || kind === 'plain') return value;
  return kind === 'whole' ? BigInt(value as number) : new Date(value as string);
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
