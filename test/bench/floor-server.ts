// The floor: what PostgreSQL gives a program that does nothing else. `pg` and prepared statements behind a bare HTTP server.
//
// It writes the same rows in the same transaction as invoiceItems does, and no rule of the domain stands in its way: no
// key, no scope, no blockers, no repeatable call, no job for the queue. Its connections reach one merchant, as the product's.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { issue } from './floor-issue.ts';
import { READ } from './floor-read.ts';
import { doAll, type Turn } from './load.ts';

const POOL_SIZE = 16;
const merchantId = process.env['MERCHANT'] ?? '';

const pool = new pg.Pool({
  connectionString: process.env['DATABASE_URL'],
  max: POOL_SIZE,
  min: POOL_SIZE,
  options: `-c billhead.merchant=${merchantId}`,
});
pool.on('error', () => {});

interface Call {
  readonly items: readonly string[];
}

async function issueOne({ items }: Call) {
  const client = await pool.connect();
  try {
    const requestHash = createHash('sha256').update(items.join(' ')).digest('hex');
    return await issue(client, merchantId, items, requestHash);
  } finally {
    client.release();
  }
}

const ROUTES: Readonly<Record<string, (body: unknown) => Promise<string>>> = {
  '/issue': async (body) => JSON.stringify({ invoice: await issueOne(body as Call) }),
  '/read': async (body) => {
    const { id } = body as { readonly id: string };
    const { rows } = await pool.query<{ invoice: string }>({ ...READ, values: [merchantId, id] });
    return `{"data":{"invoice":${rows[0]?.invoice ?? 'null'}}}`;
  },
  // The same without a request around each: many calls, so many at once. Answers requests a second.
  '/issue-all': async (body) => {
    const { calls, turn } = body as { readonly calls: readonly Call[]; readonly turn: Turn };
    return JSON.stringify({ perSecond: await doAll(calls, turn, issueOne) });
  },
};

const server = createServer((request, response) => {
  answer(request).then(
    (text) => response.writeHead(200, { 'content-type': 'application/json' }).end(text),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});

async function answer(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const route = ROUTES[request.url ?? ''];
  if (!route) throw new Error('There is nothing at this address.');
  return route(JSON.parse(Buffer.concat(chunks).toString('utf8')));
}

server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
process.on('SIGTERM', () => process.exit(0));
