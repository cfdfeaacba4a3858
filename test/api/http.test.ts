// The HTTP door: keys, health, GraphiQL for this machine alone, masked errors.

import { request } from 'node:http';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorFormatter } from '../../src/graphql/errors.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

const post = (
  headers: Record<string, string>,
  body: string = JSON.stringify({ query: '{ orders { total_count } }' }),
) =>
  fetch(`${billhead.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

/** fetch sets Host itself, so this one asks by hand. */
function get(path: string, headers: Record<string, string>): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    request(`${billhead.address}${path}`, { headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }),
      );
    })
      .on('error', reject)
      .end();
  });
}

describe('a key is needed', () => {
  test.each([
    ['none', {}],
    ['a wrong one', { authorization: `Bearer bh_abcdefabcdef_${'x'.repeat(43)}` }],
    ['one of another form', { authorization: 'Bearer nonsense' }],
    ['another scheme', { authorization: 'Basic abc' }],
    ['a wrong one in the other header', { 'x-api-key': 'nonsense' }],
  ])('%s gives 401 and UNAUTHENTICATED', async (_, headers) => {
    const response = await post(headers);
    expect(response.status).toBe(401);
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED']);
  });

  test.each(['authorization', 'x-api-key'])('a right one in %s is let in', async (header) => {
    const value = header === 'authorization' ? `Bearer ${billhead.apiKey}` : billhead.apiKey;
    expect(await (await post({ [header]: value })).json()).toEqual({ data: { orders: { total_count: 0 } } });
  });

  test('one whose time is over is not', async () => {
    const expired = await billhead.product.app.createApiKey({
      merchantId: 'demo',
      name: 'old',
      scopes: ['orders:read'],
      expiresAt: new Date(Date.now() - 1000),
    });
    expect((await post({ authorization: `Bearer ${expired}` })).status).toBe(401);
  });

  test('only its digest is kept', async () => {
    const client = new pg.Client({ connectionString: billhead.databaseUrl });
    await client.connect();
    const { rows } = await client.query('SELECT * FROM api_keys');
    await client.end();
    // The secret may hold underscores itself: what comes after the second one, whole.
    const secret = billhead.apiKey.split('_').slice(2).join('_');
    expect(secret.length).toBeGreaterThan(40);
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test('a key that may write may read what it wrote', async () => {
    const writer = await billhead.addMerchant('writer', ['orders:write', 'invoices:write']);
    expect(await billhead.ask('{ orders { total_count } invoices { total_count } }', {}, writer)).toEqual({
      orders: { total_count: 0 },
      invoices: { total_count: 0 },
    });
  });

  test('a key without the scope is FORBIDDEN', async () => {
    const readOnly = await billhead.addMerchant('reader', ['orders:read']);
    const mutation = 'mutation { holdOrder(input: { order_id: "x" }) { order { id } } }';
    expect((await billhead.refusal(mutation, {}, readOnly)).extensions.code).toBe('FORBIDDEN');
  });
});

test('nobody on the way keeps an answer', async () => {
  for (const headers of [{ authorization: `Bearer ${billhead.apiKey}` }, {}]) {
    expect((await post(headers)).headers.get('cache-control')).toBe('no-store');
  }
});

test('health: alive, and ready with database and queue', async () => {
  expect(await (await fetch(`${billhead.address}/healthz`)).json()).toEqual({ status: 'ok' });
  const ready = await fetch(`${billhead.address}/readyz`);
  expect(await ready.json()).toEqual({ status: 'ok', database: 'ok', migrations: 'ok', queue: 'ok' });
});

describe('GraphiQL', () => {
  const browser = { accept: 'text/html' };

  test('opens for a browser on this machine, with the guide and without a key or anything from elsewhere', async () => {
    const { status, type, body } = await get('/graphql', browser);
    expect({ status, type }).toEqual({ status: 200, type: 'text/html; charset=utf-8' });
    expect(body).toContain('WhatCanBeInvoiced');
    expect(body).not.toContain(billhead.apiKey);
    expect(body).not.toMatch(/<(script|link)[^>]+(src|href)="?https?:/);
  });

  test.each([
    ['another name for this machine', { ...browser, host: 'evil.example' }],
    ['a request that was forwarded', { ...browser, 'x-forwarded-for': '203.0.113.9' }],
    ['a program', { accept: 'application/json' }],
  ])('is not for %s', async (_, headers) => {
    const { type } = await get('/graphql', headers);
    expect(type).not.toContain('text/html');
  });
});

describe('a request that cannot be read is told in the form of every other error', () => {
  test.each([
    ['malformed JSON', '{"query":', 'application/json', 400],
    ['an empty body', '', 'application/json', 400],
    ['another content type', 'query=x', 'application/x-www-form-urlencoded', 415],
    ['more than 4 MB', `{"query":"${'x'.repeat(5_000_000)}"}`, 'application/json', 413],
    ['a subscription', '{"query":"subscription { invoicePdf(invoice_id: \\"x\\") { id } }"}', 'application/json', 400],
  ])('%s', async (_, body, type, status) => {
    const response = await post({ authorization: `Bearer ${billhead.apiKey}`, 'content-type': type }, body);
    expect(response.status).toBe(status);
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    expect(errors[0]?.extensions.code).toMatch(/^BAD_(REQUEST|USER_INPUT)$/);
  });
});

test('a defect shows an id and nothing of its cause', () => {
  const logged: unknown[] = [];
  const log = { info: () => undefined, warn: () => undefined, error: (...entry: unknown[]) => logged.push(entry) };
  const shown = errorFormatter(log)(
    { message: 'SELECT secret FROM /etc/passwd', extensions: { code: 'INTERNAL_SERVER_ERROR', stacktrace: ['at x'] } },
    new Error('SELECT secret FROM /etc/passwd'),
  );
  expect(JSON.stringify(shown)).not.toMatch(/SELECT|passwd|stacktrace/);
  expect(shown.extensions?.['code']).toBe('INTERNAL_SERVER_ERROR');
  expect(JSON.stringify(logged)).toContain(String(shown.extensions?.['correlation_id']));
});
