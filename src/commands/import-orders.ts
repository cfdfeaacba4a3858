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
import { badInput, describeFaults, Refusal } from '../domain/errors.ts';
import type { PlaceOrderInput } from '../domain/place-order.ts';
import { toSnakeCase } from '../graphql/field-names.ts';
import { readOrderJson } from '../graphql/order-json.ts';
import { openProduct } from '../product.ts';
import { readConfigOrExit } from '../run.ts';

const BATCH = 100;

const USAGE = `Usage: npm run import -- FILE [--api-key KEY]

Takes in orders from FILE, one JSON object a line in the shape of PlaceOrderInput (see schema.graphql).
Each needs an id, so that the import can be run again. The merchant is the one of the API key: --api-key, else the variable BILLHEAD_API_KEY, else DATA_DIR/demo-api-key.
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
const [file] = positionals.map((name) => path.resolve(process.env['INIT_CWD'] ?? '.', name));
if (values.help || file === undefined || positionals.length > 1) {
  console.error(USAGE);
  process.exit(values.help ? 0 : 2);
}
process.exitCode = await run(file);

async function run(source: string): Promise<number> {
  const config = readConfigOrExit();
  const found = await stat(source).catch(() => null);
  if (!found?.isFile()) {
    console.error(`${source} is no file that can be read.`);
    return 2;
  }
  const product = await openProduct(config, pinoLog('warn'));
  const report: Report = { placed: 0, repeated: 0, refused: [] };
  try {
    const apiKey = values['api-key'] ?? process.env['BILLHEAD_API_KEY'] ?? (await readDemoKey(config.dataDir));
    const actor = await product.app.authenticate(apiKey);
    const began = performance.now();
    // What was done and refused is told even when the import cannot go on.
    await importOrders(product.app, actor, source, found.size, report).finally(() =>
      print(report, (performance.now() - began) / 1000),
    );
    return report.refused.length > 0 ? 1 : 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
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

async function importOrders(app: App, actor: Actor, source: string, size: number, report: Report): Promise<void> {
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
  // Read byte by byte (latin1 keeps each one) and decoded a line at a time: what is no UTF-8 is told, not replaced.
  for await (const bytes of createInterface({ input: createReadStream(source, 'latin1'), crlfDelay: Infinity })) {
    lineNumber += 1;
    bytesRead += bytes.length + 1;
    const text = decodeLine(bytes, lineNumber, report);
    if (text.trim() === '') continue;
    const input = readLine(text, lineNumber, report);
    if (input) batch.push({ number: lineNumber, input });
    if (batch.length === BATCH) await flush();
  }
  await flush();
  bar.stop();
}

/** A byte order mark at the very beginning is not part of the text; the decoder takes it away. */
function decodeLine(bytes: string, line: number, report: Report): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    report.refused.push({ line, reason: 'BAD_USER_INPUT: it is not UTF-8' });
    return '';
  }
}

function readLine(text: string, line: number, report: Report): PlaceOrderInput | null {
  try {
    const input = readOrderJson(JSON.parse(text));
    // An id that is made up here would be another one the next time, and so would the order.
    if (typeof input.id !== 'string')
      throw badInput([{ path: ['id'], message: 'is needed, so that an import can be run again' }]);
    return input;
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
  if (error instanceof SyntaxError) return `BAD_USER_INPUT: no JSON: ${error.message.slice(0, 200)}`;
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
