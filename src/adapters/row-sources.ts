// Rows that travel to PostgreSQL in the parameters of a statement, as what stands in its FROM.
//
// As one JSON document: one parameter, whatever the columns. As one array a column: read for a fraction of the CPU, which pays
// for the tables of which an invoice has many rows.

import type { Columns } from './prisma-records.ts';

/** Column → its type in PostgreSQL. */
export type ColumnTypes = Readonly<Record<string, 'bigint' | 'int' | 'text'>>;

/** Rows of a table, as `new`, from a JSON document (`toJson`). */
export const fromJson = (table: string, parameter: string) =>
  `json_populate_recordset(NULL::${table}, ${parameter}::json) AS new`;

/** Rows with these columns, as `new`, from one parameter a column, of which `first` is the number of the first one. */
export function fromArrays(types: ColumnTypes, first: number): string {
  const arrays = Object.values(types).map((type, index) => `$${first + index}::${type}[]`);
  return `unnest(${arrays.join(', ')}) AS new (${Object.keys(types).join(', ')})`;
}

/** The values of `fromArrays`. */
export function arraysOf(types: ColumnTypes, rows: readonly Columns[]): unknown[][] {
  return Object.keys(types).map((column) => rows.map((row) => row[column]));
}
