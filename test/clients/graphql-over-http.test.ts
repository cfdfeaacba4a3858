// GraphQL over HTTP: the whole audit of the package graphql-http at the real server, and what other sites cannot do.

import { serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

const audits = serverAudits({
  url: () => `${billhead.address}/graphql`,
  // An audit's request needs a key like every other one.
  fetchFn: (url: string, { headers, ...init }: RequestInit = {}) =>
    fetch(url, { ...init, headers: { ...(headers as object), authorization: `Bearer ${billhead.apiKey}` } }),
});

test('the audit has 61 checks', () => {
  expect(audits.length).toBe(61);
});

describe('the audit passes', () => {
  test.each(audits)('$name', async ({ fn }) => {
    const result = await fn();
    expect(result.status === 'ok' ? 'ok' : `${result.status}: ${result.reason}`).toBe('ok');
  });
});

describe('the status of a faulty document is told by the media type', () => {
  const statusOf = async (accept: string, query: string) => {
    const response = await fetch(`${billhead.address}/graphql`, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${billhead.apiKey}` },
      body: JSON.stringify({ query }),
    });
    expect(response.headers.get('content-type')).toContain(accept);
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    return [response.status, errors[0]?.extensions.code];
  };

  test.each([
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('%s', async (query, code) => {
    expect(await statusOf('application/json', query)).toEqual([200, code]);
    expect(await statusOf('application/graphql-response+json', query)).toEqual([400, code]);
  });
});

describe('a page of another site cannot make a browser ask', () => {
  // What a browser sends without asking the server first: no header of ours, and only these content types.
  const query = 'mutation { holdOrder(input: { order_id: "x" }) { order { id } } }';
  const form = new FormData();
  form.set('query', query);

  test.each<[string, string, RequestInit]>([
    ['a simple GET', '?query={orders{total_count}}', {}],
    ['a form in the address', `?query=${encodeURIComponent(query)}`, { method: 'POST', body: '' }],
    ['a form', '', { method: 'POST', body: new URLSearchParams({ query }) }],
    ['a form with files', '', { method: 'POST', body: form }],
    ['JSON that says it is text', '', { method: 'POST', body: JSON.stringify({ query }) }],
  ])('%s is refused before anything is read', async (_, search, init) => {
    const response = await fetch(`${billhead.address}/graphql${search}`, {
      ...init,
      headers: { origin: 'https://elsewhere.example' },
    });
    expect([400, 415]).toContain(response.status);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(await response.json()).toEqual({
      errors: [{ message: expect.stringMatching(/Cross-Site|Media Type/), extensions: { code: 'BAD_REQUEST' } }],
    });
  });

  test('and the question whether it may send more is not answered with yes', async () => {
    const response = await fetch(`${billhead.address}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://elsewhere.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization, content-type',
      },
    });
    expect(response.ok).toBe(false);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});
