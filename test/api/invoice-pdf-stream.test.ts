// invoicePdf as a live stream: the state at once and each change, at whichever server one waits, and an end to everything.

import { once } from 'node:events';
import { connect } from 'node:net';
import { createClient, type Client } from 'graphql-sse';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { LIMITS } from '../../src/graphql/limits.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';

let billhead: TestProduct;
let database: pg.Client;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

const WATCH = 'subscription ($id: String!) { invoicePdf(invoice_id: $id) { id pdf_url pdf { status attempts } } }';
const render = (id: string) => billhead.product.app.renderInvoice({ merchantId: 'demo', invoiceId: id });

async function issue(id: string): Promise<void> {
  await billhead.ask(PLACE_ORDER, { input: order(id, { items: [item({ id: `${id}-1` })] }) });
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
}

interface Watching {
  readonly client: Client;
  /** The states in order, or the codes of errors. */
  readonly seen: string[];
  readonly ended: Promise<'complete' | 'cut off'>;
}

function watch(id: string, { address = billhead.address, key = billhead.apiKey, retryAttempts = 0 } = {}): Watching {
  const client = createClient({
    url: `${address}/graphql/stream`,
    headers: { authorization: `Bearer ${key}` },
    retryAttempts,
  });
  onTestFinished(() => client.dispose());
  const seen: string[] = [];
  const ended = new Promise<'complete' | 'cut off'>((resolve) => {
    client.subscribe<{ invoicePdf: { pdf: { status: string }; pdf_url: string | null } }>(
      { query: WATCH, variables: { id } },
      {
        next: ({ data, errors }) => {
          if (data) seen.push(data.invoicePdf.pdf.status);
          else seen.push(...(errors ?? []).map(({ extensions }) => String(extensions?.['code'])));
          if (data) expect(data.invoicePdf.pdf_url !== null).toBe(data.invoicePdf.pdf.status === 'READY');
        },
        complete: () => resolve('complete'),
        error: () => resolve('cut off'),
      },
    );
  });
  return { client, seen, ended };
}

const first = (watching: Watching) => eventually(() => watching.seen.length > 0);

describe('a stream', () => {
  test('tells the state at once and when the PDF is ready, at every server, whoever renders; then it is complete', async () => {
    await issue('shared');
    const second = await billhead.addServer();
    onTestFinished(() => second.close());
    const watching = [watch('shared'), watch('shared', { address: second.address })];
    await Promise.all(watching.map(first));
    const worker = await billhead.addWorker();
    expect(await Promise.all(watching.map(({ ended }) => ended))).toEqual(['complete', 'complete']);
    for (const { seen } of watching) expect(seen).toEqual(['PENDING', 'READY']);
    await worker.close();
  }, 60_000);

  test('over a PDF that is ready already is complete at once', async () => {
    await issue('ready');
    await render('ready');
    const watching = watch('ready');
    expect(await watching.ended).toBe('complete');
    expect(watching.seen).toEqual(['READY']);
  });

  test('tells a PDF that failed for good', async () => {
    await issue('failed');
    const watching = watch('failed');
    await first(watching);
    await database.query(
      `UPDATE invoices SET pdf_status = 'FAILED', pdf_error = 'x', pdf_due_at = NULL WHERE id = 'failed'`,
    );
    expect(await watching.ended).toBe('complete');
    expect(watching.seen).toEqual(['PENDING', 'FAILED']);
  });

  test('misses nothing when the connection that listens is cut', async () => {
    await issue('cut');
    const watching = watch('cut');
    await first(watching);
    const { rowCount } = await database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name LIKE 'billhead-pdf-changes:%' AND datname = current_database()`,
    );
    expect(rowCount).toBeGreaterThan(0);
    await render('cut');
    expect(await watching.ended).toBe('complete');
    expect(watching.seen).toEqual(['PENDING', 'READY']);
  });

  test('over an unknown invoice, or one of another merchant, says NOT_FOUND', async () => {
    await issue('ours');
    const key = await billhead.addMerchant('other');
    for (const watching of [watch('nowhere'), watch('ours', { key })]) {
      expect(await watching.ended).toBe('complete');
      expect(watching.seen).toEqual(['NOT_FOUND']);
    }
  });

  test('ends with its key, telling nothing more', async () => {
    const key = await billhead.addMerchant('leaving');
    await billhead.ask(PLACE_ORDER, { input: order('left') }, key);
    await billhead.ask(INVOICE_ITEMS, { input: { items: ['left-1'], invoice_id: 'left' } }, key);
    const watching = watch('left', { key });
    await first(watching);
    const [stored] = await billhead.product.app.apiKeys('leaving');
    await billhead.product.app.revokeApiKey('leaving', stored?.prefix ?? '');
    await billhead.product.app.renderInvoice({ merchantId: 'leaving', invoiceId: 'left' });
    await watching.ended;
    expect(watching.seen).toEqual(['PENDING', 'UNAUTHENTICATED']);
  });

  test('is cut off without an end when its server stops, which does not wait for it', async () => {
    await issue('stopped');
    const second = await billhead.addServer();
    const watching = watch('stopped', { address: second.address });
    await first(watching);
    const began = performance.now();
    await second.close();
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await watching.ended).toBe('cut off');
    expect(watching.seen).toEqual(['PENDING']);
  });

  test('does not hold up SIGTERM', async () => {
    await issue('terminated');
    const env = { DATA_DIR: billhead.dataDir, DATABASE_URL: billhead.databaseUrl.split('?')[0], PORT: '0' };
    const server = startProcess('server.ts', env);
    const output = await server.waitFor('server.listening');
    const address = /"address":"([^"]+)"/.exec(output)?.[1] ?? '';
    const watching = watch('terminated', { address });
    await first(watching);
    const began = performance.now();
    expect(await server.end('SIGTERM')).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await watching.ended).toBe('cut off');
  }, 120_000);
});

describe('the address', () => {
  const post = (body: object, headers: Record<string, string> = {}, address = billhead.address) =>
    fetch(`${address}/graphql/stream`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${billhead.apiKey}`,
        ...headers,
      },
      body: JSON.stringify(body),
    });
  const codesOf = async (response: Response) => {
    const text = await response.text();
    return [...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code);
  };

  test.each([
    ['a query', { query: '{ __typename }' }, 'BAD_REQUEST'],
    ['a mutation', { query: 'mutation { archiveInvoice(input: { invoice_id: "x" }) { __typename } }' }, 'BAD_REQUEST'],
    ['no GraphQL', { query: '{' }, 'GRAPHQL_PARSE_FAILED'],
    ['what does not fit the schema', { query: 'subscription { nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
    ['too many tokens', { query: `subscription { ${'id '.repeat(1_100)} }` }, 'BAD_USER_INPUT'],
    ['no variable', { query: WATCH }, 'BAD_USER_INPUT'],
    [
      'too many aliases',
      {
        query: `subscription { invoicePdf(invoice_id: "x") { ${Array.from({ length: 16 }, (_, n) => `a${n}: id`).join(' ')} } }`,
      },
      'BAD_USER_INPUT',
    ],
  ])('refuses %s', async (_, body, code) => {
    expect(await codesOf(await post(body))).toEqual([code]);
  });

  test('refuses who has no key with 401, and who takes no events with 406', async () => {
    const nobody = await post({ query: WATCH }, { authorization: '' });
    expect([nobody.status, await codesOf(nobody)]).toEqual([401, ['UNAUTHENTICATED']]);
    expect((await post({ query: WATCH }, { accept: 'application/json' })).status).toBe(406);
  });

  test('of queries refuses subscriptions and says where they are', async () => {
    const response = await fetch(`${billhead.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${billhead.apiKey}` },
      body: JSON.stringify({ query: WATCH, variables: { id: 'x' } }),
    });
    const text = await response.text();
    expect(response.status).toBe(400);
    expect(text).toContain('/graphql/stream');
    expect(text).toContain('"code":"BAD_REQUEST"');
  });

  test('keeps no place for who leaves while the key is looked up, and does not wait for them when it stops', async () => {
    const key = await billhead.addMerchant('leavers');
    const { address, close } = await billhead.addServer();
    const reachServer = () => fetch(`${address}/healthz`, { headers: { connection: 'close' } });
    const knock = () => post({ query: WATCH, variables: { id: 'none' } }, { authorization: `Bearer ${key}` }, address);
    // That a key is used is noted the first time; from then on looking it up is all that who comes waits for, in order.
    expect(await codesOf(await knock())).toEqual(['NOT_FOUND']);
    await database.query('BEGIN');
    try {
      await database.query('LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE');
      const { hostname, port } = new URL(address);
      const body = JSON.stringify({ query: WATCH, variables: { id: 'none' } });
      const leaving = await Promise.all(
        Array.from({ length: LIMITS.streamsPerKey }, async () => {
          const socket = connect(Number(port), hostname);
          await once(socket, 'connect');
          socket.write(
            `POST /graphql/stream HTTP/1.1\r\nhost: ${hostname}\r\naccept: text/event-stream\r\nauthorization: Bearer ${key}\r\n` +
              `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
          );
          return socket;
        }),
      );
      // Whoever is answered now came after all of them.
      await reachServer();
      await eventually(async () => {
        const { rowCount } = await database.query(
          `SELECT FROM pg_locks WHERE relation = 'api_keys'::regclass AND NOT granted`,
        );
        return (rowCount ?? 0) > 0;
      });
      await Promise.all(
        leaving.map((socket) => {
          const closed = once(socket, 'close');
          socket.destroy();
          return closed;
        }),
      );
      await reachServer();
    } finally {
      await database.query('COMMIT');
    }
    const next = await knock();
    expect([next.status, await codesOf(next)]).toEqual([200, ['NOT_FOUND']]);
    const began = performance.now();
    await close();
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  test('takes a hundred streams of one key, no more, and more once one has gone', async () => {
    await issue('many');
    const key = await billhead.addMerchant('crowd');
    await billhead.ask(PLACE_ORDER, { input: order('crowd') }, key);
    await billhead.ask(INVOICE_ITEMS, { input: { items: ['crowd-1'], invoice_id: 'crowd' } }, key);
    const watching = Array.from({ length: 100 }, () => watch('crowd', { key }));
    await Promise.all(watching.map(first));
    const refused = await post({ query: WATCH, variables: { id: 'crowd' } }, { authorization: `Bearer ${key}` });
    expect([refused.status, refused.headers.get('retry-after'), await codesOf(refused)]).toEqual([
      429,
      '5',
      ['RATE_LIMITED'],
    ]);
    watching[0]?.client.dispose();
    await eventually(async () => {
      const again = watch('crowd', { key });
      return (await Promise.race([again.ended, first(again)])) === true;
    });
  }, 60_000);
});
