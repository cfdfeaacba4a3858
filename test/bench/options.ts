// What `npm run bench` can be told, and how much it does by itself.

import { parseArgs } from 'node:util';

export const MEASURES = ['issue', 'read', 'pages', 'pdf', 'wait', 'import', 'month'] as const;
export type MeasureName = (typeof MEASURES)[number];

export interface Options {
  readonly only: ReadonlySet<MeasureName>;
  readonly isQuick: boolean;
  /** How often each side of a comparison has its turn. */
  readonly rounds: number;
  readonly writeReadme: boolean;
  /** issue: calls under way at once. */
  readonly concurrency: readonly number[];
  /** pages: invoices in the database, the first is what the others are compared with. */
  readonly pages: readonly number[];
  /** import: orders in the file. */
  readonly orders: number;
  /** month: invoices that are issued and rendered. */
  readonly invoices: number;
}

export const USAGE = `Usage: npm run bench -- [options]

--only A,B          of ${MEASURES.join(', ')} (all)
--quick             small counts: minutes, and a wider spread
--rounds N          turns of each side (5; quick 3)
--concurrency A,B   issue: calls under way at once (1,8,32,128)
--pages A,B         pages: invoices in the database (1000,100000,1000000; quick 1000,10000,100000)
--orders N          import: orders in the file (100000; quick 5000)
--invoices N        month: invoices issued and rendered (100000; quick 2000)
--write-readme      puts the table into README.md

DATABASE_URL and REDIS_URL name servers to measure on; without them an embedded PostgreSQL is started, and a redis-server
where there is one. The user of DATABASE_URL must be allowed to create databases. BENCH_CPU_PROFILE names a folder for
profiles of the product's processes.`;

const FULL = { rounds: '5', pages: '1000,100000,1000000', orders: '100000', invoices: '100000' };
const QUICK = { rounds: '3', pages: '1000,10000,100000', orders: '5000', invoices: '2000' };

/** null: the usage was asked for. Throws on what it cannot read. */
export function readOptions(args: readonly string[]): Options | null {
  const text = { type: 'string' as const };
  const flag = { type: 'boolean' as const };
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: text,
      quick: flag,
      rounds: text,
      concurrency: text,
      pages: text,
      orders: text,
      invoices: text,
      'write-readme': flag,
      help: flag,
    },
  });
  if (values.help) return null;
  const isQuick = values.quick ?? false;
  const normal = isQuick ? QUICK : FULL;
  return {
    only: new Set(measuresOf(values.only)),
    isQuick,
    rounds: count('rounds', values.rounds ?? normal.rounds),
    writeReadme: values['write-readme'] ?? false,
    concurrency: counts('concurrency', values.concurrency ?? '1,8,32,128'),
    pages: counts('pages', values.pages ?? normal.pages),
    orders: count('orders', values.orders ?? normal.orders),
    invoices: count('invoices', values.invoices ?? normal.invoices),
  };
}

function measuresOf(names: string | undefined): readonly MeasureName[] {
  if (names === undefined) return MEASURES;
  return names.split(',').map((name) => {
    const measure = MEASURES.find((known) => known === name.trim());
    if (!measure) throw new Error(`--only: there is no measure "${name}". There are ${MEASURES.join(', ')}.`);
    return measure;
  });
}

function counts(name: string, text: string): readonly number[] {
  return text.split(',').map((part) => count(name, part));
}

function count(name: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text.trim())) throw new Error(`--${name}: "${text}" is no whole number above 0.`);
  return Number(text);
}
