// One way to a PDF in a process of its own, so that its memory is its own: renders for a while when it is asked to.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { DUTCH_BUSINESS, documentOf, line, ORDERS } from '../domain/invoice-documents.ts';
import type { InvoiceDocument } from '../../src/domain/invoice.ts';
import { doAll } from './load.ts';
import { ENGINES, type Engine, type Setting } from './pdf-peers.ts';

interface Order {
  readonly lines: number;
  readonly longestMs: number;
}

const engine = process.env['ENGINE'] as Engine;
const setting = JSON.parse(process.env['SETTING'] ?? '{}') as Setting;
const render = await ENGINES[engine](setting);
/** The pool has a thread a core, and one document waits for each. */
const concurrency = engine === 'pool' ? availableParallelism() * 2 : 1;
const ENDLESS = Array.from<null>({ length: 100_000 }).fill(null);

const documents = new Map<number, InvoiceDocument>();

/** Lines of the Dutch invoice again and again, under two orders. */
function documentWith(count: number): InvoiceDocument {
  const known = documents.get(count);
  if (known) return known;
  const lines = Array.from({ length: count }, (_, index) => {
    const model = DUTCH_BUSINESS.lines[index % DUTCH_BUSINESS.lines.length];
    return line(index + 1, { ...model, position: index + 1, name: `${model?.name ?? ''}, nr. ${index + 1}` });
  });
  const document = documentOf(lines, {}, { orders: ORDERS });
  documents.set(count, document);
  return document;
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { lines, longestMs } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Order;
  const document = documentWith(lines);
  if (request.url === '/one') {
    const pdf = Buffer.from(await render(document));
    return { pdf: pdf.toString('base64') };
  }
  return { perSecond: await doAll(ENDLESS, { concurrency, longestMs }, () => render(document)) };
}

const server = createServer((request, response) => {
  answer(request).then(
    (result) => response.writeHead(200).end(JSON.stringify(result)),
    (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.stack : String(error)),
  );
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on('SIGTERM', () => process.exit(0));
