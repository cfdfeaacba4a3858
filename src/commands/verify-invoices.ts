// `npm run verify-invoices -- --merchant ID`: walks the chain over all issued documents and reads every PDF; exit code 1 on a fault.

import { parseArgs } from 'node:util';
import { pinoLog } from '../adapters/pino-log.ts';
import type { App } from '../app.ts';
import type { Actor } from '../domain/access.ts';
import type { ChainPlace } from '../domain/seal.ts';
import { openProduct } from '../product.ts';
import { readConfigOrExit } from '../run.ts';

const USAGE = `Usage: npm run verify-invoices -- --merchant ID [--noted POSITION:HASH]

Compares every issued document and every PDF of the merchant with what was sealed when it was issued, and counts the
numbers. --noted is an end of the chain that an earlier run printed: whoever kept it elsewhere sees whether the chain was
written anew since. The exit code is 1 when anything is not as it was.`;

const STEP = 1_000;

interface Options {
  readonly merchant: string;
  readonly noted: ChainPlace | null;
}

const options = readOptions();
if (options) process.exitCode = await run(options);

function readOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: { merchant: { type: 'string' }, noted: { type: 'string' }, help: { type: 'boolean' } },
    });
    const [, position, hash] = /^([1-9]\d{0,8}):([0-9a-f]{64})$/.exec(values.noted ?? '') ?? [];
    const isNotedRight = values.noted === undefined || hash !== undefined;
    if (values.merchant !== undefined && isNotedRight && !values.help) {
      return { merchant: values.merchant, noted: hash === undefined ? null : { position: Number(position), hash } };
    }
    process.exitCode = values.help ? 0 : 2;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  }
  console.error(USAGE);
  return null;
}

async function run({ merchant, noted }: Options): Promise<number> {
  const product = await openProduct(readConfigOrExit(), pinoLog('warn'));
  try {
    if (!(await product.app.merchantExists(merchant))) {
      console.error(`There is no merchant "${merchant}".`);
      return 2;
    }
    const actor: Actor = { merchantId: merchant, scopes: ['invoices:read'] };
    const isIntact = await verify(product.app, actor, noted);
    const isComplete = await countNumbers(product.app, actor);
    return isIntact && isComplete ? 0 : 1;
  } finally {
    await product.close();
  }
}

async function verify(app: App, actor: Actor, noted: ChainPlace | null): Promise<boolean> {
  let verified = 0;
  let resealed = 0;
  let step = { nextPosition: 1 } as Awaited<ReturnType<App['verifyInvoices']>>;
  while (step.nextPosition !== null) {
    step = await app.verifyInvoices(actor, { fromPosition: step.nextPosition, first: STEP, withFiles: true });
    verified += step.verifiedDocuments;
    resealed += step.resealedDocuments;
  }
  // Last, because whatever is wrong before the noted place says more than that its hash is another one.
  if (step.isIntact && noted) step = await app.verifyInvoices(actor, { fromPosition: noted.position, first: 1, noted });
  console.log(`${verified} documents are as they were sealed, with their PDFs.`);
  if (resealed > 0) console.log(`${resealed} times a PDF was made again with other bytes, and sealed again.`);
  console.log(`${step.unsealedDocuments} documents are not sealed yet.`);
  console.log(`The chain ends at ${step.head.position}:${step.head.hash}`);
  if (step.firstFault) console.log(`${step.firstFault.kind}: ${step.firstFault.message}`);
  return step.isIntact;
}

async function countNumbers(app: App, actor: Actor): Promise<boolean> {
  const report = await app.invoiceNumberReport(actor, null);
  for (const { series, year, count, isComplete, firstNumber, lastNumber, gaps, duplicates } of report.series) {
    console.log(`${series} ${year}: ${count} numbers, ${firstNumber ?? '-'} to ${lastNumber ?? '-'}`);
    if (isComplete) continue;
    const missing = gaps.map(({ first, last }) => (first === last ? first : `${first} to ${last}`));
    console.log(`  missing: ${missing.join(', ') || 'none'}; twice: ${duplicates.join(', ') || 'none'}`);
  }
  return report.isComplete;
}
