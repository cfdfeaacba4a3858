// Who may do what: every operation with every scope, and access tokens in place of keys.

import { createHmac } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../src/domain/access.ts';
import { operationScopes } from '../../src/graphql/operation-scopes.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { operationsOf } from '../setup/minimal-input.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
const keys = new Map<Scope, string>();

beforeAll(async () => {
  billhead = await startTestProduct();
  for (const scope of SCOPES) keys.set(scope, await billhead.addMerchant(scope.replace(':', '-'), [scope]));
});
afterAll(() => billhead.close());

const schema = createSchema();
const needed = operationScopes(schema);
/** A scope to write gives leave to read the same. */
const GIVES: Readonly<Record<Scope, readonly Scope[]>> = {
  'orders:read': ['orders:read'],
  'orders:write': ['orders:read', 'orders:write'],
  'invoices:read': ['invoices:read'],
  'invoices:write': ['invoices:read', 'invoices:write'],
  'payments:write': ['orders:read', 'invoices:read', 'payments:write'],
  'webhooks:manage': ['webhooks:manage'],
};

describe('a key with one scope alone', () => {
  test('the table covers the whole schema', () => {
    expect([...needed.keys()].sort()).toEqual(
      operationsOf(schema)
        .map(({ name }) => name)
        .sort(),
    );
    expect(needed.size).toBeGreaterThan(24);
  });

  const table = operationsOf(schema, ['id']).flatMap(({ name, document, variables }) =>
    SCOPES.map((scope) => {
      const may = needed.get(name)?.some((one) => GIVES[scope].includes(one)) ?? false;
      return { name, scope, outcome: may ? 'is let in' : 'is FORBIDDEN', may, document, variables };
    }),
  );
  test.each(table)('$name with $scope $outcome', async ({ scope, may, document, variables }) => {
    const { errors } = await billhead.graphql(document, variables, keys.get(scope));
    const codes = errors?.map(({ extensions }) => extensions.code) ?? [];
    expect(codes).not.toContain('INTERNAL_SERVER_ERROR');
    expect(codes).not.toContain('GRAPHQL_VALIDATION_FAILED');
    expect(codes.includes('FORBIDDEN')).toBe(!may);
  });

  test('an operation that names no scope, or one that is none, is refused when the schema is read', async () => {
    const { buildSchema } = await import('graphql');
    const head = 'directive @scope(anyOf: [String!]!) on FIELD_DEFINITION type Query { a: Int';
    expect(() => operationScopes(buildSchema(`${head} }`))).toThrow('a needs @scope');
    expect(() => operationScopes(buildSchema(`${head} @scope(anyOf: ["orders:all"]) }`))).toThrow('a needs @scope');
    expect(operationScopes(buildSchema(`${head} @scope(anyOf: ["orders:read"]) }`)).get('a')).toEqual(['orders:read']);
  });
});

describe('an access token by client credentials', () => {
  const request = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${billhead.address}/oauth/token`, { method: 'POST', body: new URLSearchParams(form), headers });
  const grant = { grant_type: 'client_credentials' };
  const clientIdOf = (apiKey: string) => apiKey.slice(0, apiKey.indexOf('_', 3));
  const basic = (apiKey: string) => ({
    authorization: `Basic ${Buffer.from(`${clientIdOf(apiKey)}:${apiKey}`).toString('base64')}`,
  });
  const credentials = (apiKey: string) => ({ client_id: clientIdOf(apiKey), client_secret: apiKey });
  const tokenOf = async (apiKey: string, form: Record<string, string> = {}) => {
    const response = await request({ ...grant, ...form }, basic(apiKey));
    expect(response.status).toBe(200);
    return ((await response.json()) as { access_token: string }).access_token;
  };

  test('is given for an hour to a client that proves itself by header or by body, and works like its key', async () => {
    for (const response of [
      await request(grant, basic(billhead.apiKey)),
      await request({ ...grant, ...credentials(billhead.apiKey) }),
    ]) {
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const body = (await response.json()) as Record<string, unknown>;
      expect(body).toEqual({
        access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        token_type: 'Bearer',
        expires_in: expect.closeTo(3600, -1),
        scope: SCOPES.join(' '),
      });
      const { orders } = await billhead.ask('{ orders { total_count } }', {}, String(body['access_token']));
      expect(orders.total_count).toBe(0);
    }
  });

  test('has the scopes that were asked for, and no others', async () => {
    const token = await tokenOf(billhead.apiKey, { scope: 'orders:read' });
    expect((await billhead.ask('{ orders { total_count } }', {}, token)).orders.total_count).toBe(0);
    const { extensions } = await billhead.refusal('{ invoices { total_count } }', {}, token);
    expect(extensions.code).toBe('FORBIDDEN');
  });

  test.each([
    ['a scope that the key lacks', { scope: 'payments:write' }, 'invalid_scope', 400],
    ['a scope that is none', { scope: 'everything' }, 'invalid_scope', 400],
    ['a grant that is not for clients', { grant_type: 'password' }, 'unauthorized_client', 400],
    ['a grant that is none', { grant_type: 'wish' }, 'unsupported_grant_type', 400],
    ['no grant', { grant_type: '' }, 'invalid_request', 400],
  ])('is refused for %s, as RFC 6749 tells it', async (_, form, error, status) => {
    const response = await request({ ...grant, ...form }, basic(keys.get('orders:read') ?? ''));
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([status, error]);
  });

  test('is refused to a client whose secret is wrong, whose id is not that of its key, or that is unknown', async () => {
    const id = clientIdOf(billhead.apiKey);
    const wrong = [
      { client_id: id, client_secret: `${billhead.apiKey.slice(0, -1)}${billhead.apiKey.endsWith('A') ? 'B' : 'A'}` },
      { client_id: 'bh_000000000000', client_secret: billhead.apiKey },
      { client_id: 'bh_000000000000', client_secret: `bh_000000000000_${'x'.repeat(43)}` },
      { client_id: id, client_secret: 'x' },
    ];
    for (const form of wrong) {
      const response = await request({ ...grant, ...form });
      expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([400, 'invalid_client']);
    }
    const response = await request(grant, { authorization: `Basic ${Buffer.from(`${id}:x`).toString('base64')}` });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Basic');
  });

  test('ends with its key: revoked for one is revoked for both', async () => {
    const apiKey = await billhead.addMerchant('leaving');
    const token = await tokenOf(apiKey);
    const prefix = clientIdOf(apiKey).slice(3);
    expect(await billhead.product.app.revokeApiKey('demo', prefix)).toBe(0);
    await billhead.ask('{ orders { total_count } }', {}, token);
    expect(await billhead.product.app.revokeApiKey('leaving', prefix)).toBe(1);
    for (const credential of [apiKey, token]) {
      const { extensions } = await billhead.refusal('{ orders { total_count } }', {}, credential);
      expect(extensions.code).toBe('UNAUTHENTICATED');
    }
  });

  test('that was changed, unsigned, signed otherwise, for another audience, or has expired, is UNAUTHENTICATED', async () => {
    const token = await tokenOf(billhead.apiKey);
    const [head = '', body = '', signature = ''] = token.split('.');
    const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
    const write = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const database = new pg.Client({ connectionString: billhead.databaseUrl });
    await database.connect();
    const { rows } = await database.query<{ secret: Buffer }>('SELECT secret FROM signing_keys');
    await database.end();
    const signed = (header: object, claims: object) => {
      const content = `${write(header)}.${write(claims)}`;
      return `${content}.${createHmac('sha256', rows[0]?.secret ?? '')
        .update(content)
        .digest('base64url')}`;
    };
    const now = Math.floor(Date.now() / 1000);
    // What this signs with the true secret is let in, so that the refusals below are for what they say.
    await billhead.ask('{ orders { total_count } }', {}, signed(read(head), read(body)));
    const forged = [
      `${head}.${write({ ...read(body), merchant: 'leaving' })}.${signature}`,
      `${head}.${body}.${signature.slice(0, -2)}`,
      `${write({ ...read(head), alg: 'none' })}.${body}.`,
      signed({ ...read(head), kid: 'another' }, read(body)),
      signed({ ...read(head), typ: 'JWT' }, read(body)),
      signed(read(head), { ...read(body), aud: 'another' }),
      signed(read(head), { ...read(body), iss: 'another' }),
      signed(read(head), { ...read(body), exp: now - 1 }),
      signed(read(head), { ...read(body), exp: undefined }),
      signed(read(head), { ...read(body), sub: 'another key' }),
      signed(read(head), { ...read(body), merchant: 'leaving' }),
      'x.y.z',
    ];
    for (const credential of forged) {
      const { extensions } = await billhead.refusal('{ orders { total_count } }', {}, credential);
      expect(extensions.code).toBe('UNAUTHENTICATED');
    }
  });
});

test('a key tells when it was last used, to the minute', async () => {
  const apiKey = await billhead.addMerchant('watched');
  const lastUsed = async () => (await billhead.product.app.apiKeys('watched'))[0]?.lastUsedAt ?? null;
  expect(await lastUsed()).toBeNull();
  await billhead.ask('{ orders { total_count } }', {}, apiKey);
  const first = await lastUsed();
  expect(Date.now() - (first?.getTime() ?? 0)).toBeLessThan(60_000);
  await billhead.ask('{ orders { total_count } }', {}, apiKey);
  expect(await lastUsed()).toEqual(first);
});

test('whoever notes the use of a key keeps nobody else who uses it waiting', async () => {
  const apiKey = await billhead.addMerchant('crowded');
  const database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  try {
    await database.query(`BEGIN; SELECT FROM api_keys WHERE merchant_id = 'crowded' FOR UPDATE`);
    const answers = await Promise.all(Array.from({ length: 20 }, () => billhead.ask('{ __typename }', {}, apiKey)));
    for (const answer of answers) expect(answer).toEqual({ __typename: 'Query' });
  } finally {
    await database.end();
  }
});

test('an expired key is UNAUTHENTICATED', async () => {
  const expiresAt = new Date(Date.now() - 1);
  const { app } = billhead.product;
  const apiKey = await app.createApiKey({ merchantId: 'demo', name: 'old', scopes: SCOPES, expiresAt });
  expect((await billhead.refusal('{ orders { total_count } }', {}, apiKey)).extensions.code).toBe('UNAUTHENTICATED');
});
