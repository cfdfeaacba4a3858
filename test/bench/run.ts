// Entry of `npm run bench`: takes the measures one after another and prints what they found.

import os from 'node:os';
import { measureImport } from './import-orders.ts';
import { measureIssue } from './issue-invoices.ts';
import { measureMonth } from './month-end.ts';
import { readOptions, USAGE, type MeasureName, type Options } from './options.ts';
import { measurePages } from './page-invoices.ts';
import { measureRead } from './read-invoice.ts';
import { measurePdf } from './render-pdfs.ts';
import { number, table, writeReadme, type Found } from './report.ts';
import { openStage, type Stage } from './stage.ts';
import { measureWait } from './wait-for-pdf.ts';

const ALL: Readonly<Record<MeasureName, (stage: Stage, options: Options) => Promise<Found>>> = {
  issue: measureIssue,
  read: measureRead,
  pages: measurePages,
  pdf: measurePdf,
  wait: measureWait,
  import: measureImport,
  month: measureMonth,
};

process.exitCode = await run();

async function run(): Promise<number> {
  const options = optionsOrFault();
  if (options === null || typeof options === 'string') {
    console.error(options === null ? USAGE : `${options}\n\n${USAGE}`);
    return options === null ? 0 : 2;
  }
  const [load = 0] = os.loadavg();
  const stage = await openStage(options.only.has('wait'));
  // A measure that is interrupted leaves nothing behind but what its own processes hold.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stage.close().finally(() => process.exit(1)));
  }
  const machine = heading(stage, options, load);
  const found: Found[] = [];
  let failed = 0;
  try {
    console.log(machine);
    for (const name of options.only) {
      const began = performance.now();
      try {
        const result = await ALL[name](stage, options);
        found.push(result);
        console.log(`\n${name}, ${Math.round((performance.now() - began) / 1000)} s`);
        console.log(table([result], ''));
      } catch (error) {
        failed += 1;
        console.error(`\n${name} failed:`, error);
        found.push({ rows: [], notes: [`The measure "${name}" failed.`] });
      }
    }
  } finally {
    await stage.close();
  }
  const text = table(found, machine);
  console.log(`\n${text}`);
  if (options.writeReadme && failed === 0) await writeReadme(text);
  return failed === 0 ? 0 : 1;
}

function optionsOrFault(): Options | string | null {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What the figures depend on, and nothing that tells whose machine it is. Taken before anything of ours runs. */
function heading(stage: Stage, options: Options, load: number): string {
  const cores = os.availableParallelism();
  const server = `${stage.isEmbedded ? 'the embedded ' : ''}PostgreSQL ${stage.postgres}`;
  const memory = Math.round(os.totalmem() / 2 ** 30);
  const facts = `${cores} cores, ${memory} GB of memory, Node ${process.versions.node}, ${server}, ${options.rounds} rounds.`;
  return [
    facts,
    ...(options.isQuick ? ['**A run with `--quick`**: small counts, for orientation only.'] : []),
    ...(load > cores / 2
      ? [
          `**The machine was busy with other things** (a load of ${number(load)} before the run): absolute figures mean nothing, and ` +
            `a side that spreads over many processes gets more of the machine than one that has few.`,
        ]
      : []),
  ].join(' ');
}
