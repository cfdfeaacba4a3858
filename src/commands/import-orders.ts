// `npm run import -- FILE`: takes in orders as JSON lines, each in the shape of PlaceOrderInput. Safe to run again.

import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { pinoLog } from '../adapters/pino-log.ts';
import type { App } from '../app.ts';
import type { Actor } from '../domain/access.ts';
import { describeFaults, Refusal } from '../domain/errors.ts';
import type { PlaceOrderInput } from '../domain/place-order.ts';
import { toSnakeCase } from '../graphql/field-names.ts';
import { readOrderJson } from '../graphql/order-json.ts';
import { openProduct } from '../product.ts';
import { readConfigOrExit } from '../run.ts';

const BATCH = 100;

const USAGE = `Usage: npm run import -- FILE [--api-key KEY]

Takes in orders from FILE, one JSON object a line in the shape of PlaceOrderInput (see schema.graphql).
The merchant is the one of the API key: --api-key, else the variable BILLHEAD_API_KEY, else DATA_DIR/demo-api-key.
Orders that are there already are left as they are, so an import can be run again. Refused lines are listed with every
reason; the exit code is 1 when there are any.`;

interface Line {
  readonly number: number;
  readonly input: PlaceOrderInput;
}

interface Report {
  placed: number;
  repeated: number;
  readonly refused: { readonly line: number; readonly reason: string }[];
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'api-key': { type: 'string' }, help: { type: 'boolean' } },
});
const [file] = positionals;
if (values.help || file === undefined || positionals.length > 1) {
  console.error(USAGE);
  process.exit(values.help ? 0 : 2);
}
process.exitCode = await run(file);

async function run(source: string): Promise<number> {
  const config = readConfigOrExit();
  const { size } = await stat(source).catch(() => {
    console.error(`There is no file ${source}.`);
    process.exit(2);
  });
  const product = await openProduct(config, pinoLog('warn'));
  try {
    const apiKey = values['api-key'] ?? process.env['BILLHEAD_API_KEY'] ?? (await readDemoKey(config.dataDir));
    const actor = await product.app.authenticate(apiKey);
    const began = performance.now();
    const report = await importOrders(product.app, actor, source, size);
    print(report, (performance.now() - began) / 1000);
    return report.refused.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(error.message);
    return 2;
  } finally {
    await product.close();
  }
}

async function readDemoKey(dataDir: string): Promise<string | null> {
  const keyFile = path.join(dataDir, 'demo-api-key');
  return readFile(keyFile, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}

async function importOrders(app: App, actor: Actor, source: string, size: number): Promise<Report> {
  const report: Report = { placed: 0, repeated: 0, refused: [] };
  const bar = new SingleBar({
    format: '{bar} {percentage}% | {orders} orders, {refused} refused | {eta_formatted} left',
    hideCursor: true,
  });
  bar.start(size, 0, { orders: 0, refused: 0 });
  let batch: Line[] = [];
  let lineNumber = 0;
  let bytesRead = 0;
  const flush = async () => {
    await place(app, actor, batch, report);
    batch = [];
    bar.update(Math.min(bytesRead, size), { orders: report.placed + report.repeated, refused: report.refused.length });
  };
  for await (const text of createInterface({ input: createReadStream(source, 'utf8'), crlfDelay: Infinity })) {
    lineNumber += 1;
    bytesRead += Buffer.byteLength(text) + 1;
    if (text.trim() === '') continue;
    const input = readLine(text, lineNumber, report);
    if (input) batch.push({ number: lineNumber, input });
    if (batch.length === BATCH) await flush();
  }
  await flush();
  bar.stop();
  return report;
}

function readLine(text: string, line: number, report: Report): PlaceOrderInput | null {
  try {
    return readOrderJson(JSON.parse(text));
  } catch (error) {
    report.refused.push({ line, reason: reasonOf(error) });
    return null;
  }
}

async function place(app: App, actor: Actor, batch: readonly Line[], report: Report): Promise<void> {
  if (batch.length === 0) return;
  const outcomes = await app.placeOrders(
    actor,
    batch.map(({ input }) => input),
  );
  outcomes.forEach((outcome, index) => {
    if (outcome.kind === 'refused') {
      report.refused.push({ line: batch[index]?.number ?? 0, reason: reasonOf(outcome.refusal) });
    } else report[outcome.kind] += 1;
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return `BAD_USER_INPUT: no JSON: ${error.message}`;
  if (!(error instanceof Refusal)) throw error;
  const { code, faults, message } = error;
  return `${code}: ${faults.length > 0 ? describeFaults(faults, toSnakeCase) : message}`;
}

function print(report: Report, seconds: number): void {
  for (const { line, reason } of [...report.refused].sort((a, b) => a.line - b.line)) {
    console.log(`line ${line}: ${reason}`);
  }
  const done = report.placed + report.repeated;
  console.log(
    `${report.placed} placed, ${report.repeated} there already, ${report.refused.length} refused ` +
      `in ${seconds.toFixed(1)} s (${Math.round((done / Math.max(seconds, 0.001)) * 60)} a minute)`,
  );
}
