// One trace leads from a caller's request over server and queue to the worker's PDF and mail, and holds nothing of people.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';

interface Span {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
    };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'service'>[] }[];
  }[];
}

/** Receives what OTLP over HTTP sends, as JSON. */
const bodies: string[] = [];
const collector = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    if (request.url === '/v1/traces') bodies.push(body);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
});

function spans(): readonly Span[] {
  return bodies.flatMap((body) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ resource, scopeSpans }) => {
      const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
      return scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ service, ...span })));
    }),
  );
}

let billhead: TestProduct;
let server: RunningProcess;
let worker: RunningProcess;

beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  billhead = await startTestProduct();
  const env = {
    DATABASE_URL: billhead.databaseUrl,
    DATA_DIR: billhead.dataDir,
    PORT: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  };
  server = startProcess('server.ts', env);
  worker = startProcess('worker.ts', env);
  await Promise.all([server.waitFor('server.listening'), worker.waitFor('worker.started')]);
}, 120_000);
afterAll(async () => {
  for (const { child } of [server, worker]) child.kill('SIGKILL');
  await billhead?.close();
  collector.close();
});

const ISSUE = `mutation Issue($items: [String!]!, $comment: String!) {
  invoiceItems(input: { items: $items, invoice_id: "traced" }) { invoice { id } }
  sendInvoiceEmail(input: { invoice_id: "traced", comment: $comment }) { invoice { id } }
}`;

test('request, operation, transaction, job, rendering and mail are one trace over two processes', async () => {
  const [, address = ''] = /"address":"(http:[^"]+)"/.exec(server.output()) ?? [];
  await billhead.ask(PLACE_ORDER, { input: order('o1') });
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${billhead.apiKey}`,
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
    body: JSON.stringify({ query: ISSUE, variables: { items: ['o1-1'], comment: 'markcomment' } }),
  });
  expect(await response.json()).toMatchObject({ data: { sendInvoiceEmail: { invoice: { id: 'traced' } } } });
  const query = '{ invoice(id: "traced") { emails { status } } }';
  await eventually(async () => (await billhead.ask(query)).invoice.emails[0].status === 'SENT', { timeoutMs: 60_000 });
  await billhead.refusal('mutation { cancelInvoice(input: { invoice_id: "none" }) { invoice { id } } }');

  // What was not sent yet is sent before the process ends.
  expect(await Promise.all([server.end('SIGTERM'), worker.end('SIGTERM')])).toEqual([0, 0]);
  const ours = spans().filter((span) => span.traceId === traceId);
  const pathOf = (span: Span): string => {
    const parent = ours.find(({ spanId }) => spanId === span.parentSpanId);
    const own = `${span.service.replace('billhead-', '')}: ${span.name}`;
    return parent ? `${pathOf(parent)} > ${own}` : own;
  };
  const paths = ours.map(pathOf);
  const request = 'server: POST /graphql';
  const operation = `${request} > server: mutation invoiceItems`;
  expect(paths).toEqual(expect.arrayContaining([request, operation, `${operation} > server: transaction`]));
  const rendering = `${operation} > worker: job renderInvoice`;
  expect(paths).toEqual(expect.arrayContaining([rendering, `${rendering} > worker: render`]));
  // Asked for by the rendering that it waited for, or by its own operation when that was done before.
  expect(paths.filter((path) => path.endsWith('worker: job sendEmail > worker: mail'))).toHaveLength(1);
  expect(ours.find(({ name }) => name === 'POST /graphql')?.parentSpanId).toBe('00f067aa0ba902b7');
}, 120_000);

test('nothing of people, no variables, no keys and no merchant are in it', () => {
  const all = bodies.join('\n');
  expect(all.length).toBeGreaterThan(1_000);
  const marks = [
    'Lovelace',
    'ada@',
    'markcomment',
    'o1-1',
    billhead.apiKey,
    'Damrak',
    'demo',
    'Bearer',
    'mutation Issue',
  ];
  for (const mark of marks) expect(all).not.toContain(mark);
});
