// Entry of `npm run bench`: takes the measures one after another and prints what they found.

import os from 'node:os';
import { measureImport } from './import-orders.ts';
import { measureIssue } from './issue-invoices.ts';
import { measureMonth } from './month-end.ts';
import { readOptions, USAGE, type MeasureName, type Options } from './options.ts';
import { measurePages } from './page-invoices.ts';
import { measureRead } from './read-invoice.ts';
import { measurePdf } from './render-pdfs.ts';
import { table, writeReadme, type Found } from './report.ts';
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
  const stage = await openStage(options.only.has('wait'));
  // A measure that is interrupted leaves nothing behind but what its own processes hold.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stage.close().finally(() => process.exit(1)));
  }
  const found: Found[] = [];
  let failed = 0;
  try {
    console.log(heading(stage, options));
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
  const text = table(found, heading(stage, options));
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

/** What the figures depend on, and nothing that tells whose machine it is. */
function heading(stage: Stage, options: Options): string {
  const server = `${stage.isEmbedded ? 'the embedded ' : ''}PostgreSQL ${stage.postgres}`;
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return (
    `${os.availableParallelism()} cores, ${memory} GB of memory, Node ${process.versions.node}, ${server}, ` +
    `${options.rounds} rounds${options.isQuick ? ', with --quick: small counts, for orientation only' : ''}.`
  );
}
