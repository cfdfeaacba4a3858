// Who may learn the schema: whoever holds a key, by introspection and by suggestions; nobody else learns a name of it.

import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

const MISSPELT = '{ invoces { total_count } }';

const ask = (query: string, headers: Record<string, string>) =>
  fetch(`${billhead.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });

describe('without a key', () => {
  test.each([
    ['introspection', getIntrospectionQuery()],
    ['a look at one type', '{ __type(name: "Invoice") { fields { name } } }'],
    ['a misspelt field', MISSPELT],
    ['a misspelt argument', '{ invoices(fist: 1) { total_count } }'],
    ['a misspelt type', 'query ($x: InvoiceFiltr) { invoices(filter: $x) { total_count } }'],
    ['no GraphQL at all', 'SELECT 1'],
  ])('%s tells nothing but that a key is needed', async (_, query) => {
    const answers = await Promise.all([
      ask(query, {}),
      ask(query, { authorization: 'Bearer wrong' }),
      fetch(`${billhead.address}/graphql?query=${encodeURIComponent(query)}`, { headers: { 'x-api-key': 'wrong' } }),
    ]);
    for (const response of answers) {
      expect(response.status).toBe(401);
      const text = await response.text();
      expect(text).not.toMatch(/did you mean|invoice|__schema|syntax/i);
      expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    }
  });
});

describe('with a key, of whatever scope', () => {
  test('introspection gives the whole schema', async () => {
    const reader = await billhead.addMerchant('reader', ['orders:read']);
    const schema = buildClientSchema((await billhead.ask(getIntrospectionQuery(), {}, reader)) as IntrospectionQuery);
    expect(Object.keys(schema.getMutationType()?.getFields() ?? {})).toContain('invoiceItems');
  });

  test('a misspelt field is answered with the right one', async () => {
    expect(await billhead.refusal(MISSPELT)).toMatchObject({
      message: expect.stringContaining('Did you mean "invoices"'),
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
  });
});
