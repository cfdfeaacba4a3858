// A row once more with some columns changed, for states that the product itself never makes.

import type { ClientBase } from 'pg';

/** Columns that the database computes are left to it. */
export async function copyRow(
  database: ClientBase,
  table: string,
  id: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { rows } = await database.query<{ columns: string }>(
    `SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
    [table],
  );
  const columns = rows[0]?.columns ?? '';
  await database.query(
    `INSERT INTO ${table} (${columns})
     SELECT ${columns} FROM (SELECT (jsonb_populate_record(t, $1)).* FROM ${table} t WHERE id = $2) AS copy`,
    [JSON.stringify(changes), id],
  );
}
