// The README's operations: right for the schema, the same as the typed documents, and answered the way it shows.

import { readFileSync } from 'node:fs';
import {
  buildSchema,
  getOperationAST,
  getVariableValues,
  parse,
  print,
  validate,
  visit,
  type DocumentNode,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDemoData } from '../src/sample-data/demo-data.ts';
import * as typedDocuments from './generated/operations.ts';
import { startTestProduct, type TestProduct } from './setup/product.ts';
import { quietLog } from './setup/quiet-log.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');
const schema = buildSchema(read('schema.graphql'));

interface Operation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  /** What the README shows as its answer, if it does. */
  readonly answer: unknown;
}

/** Requests in shell blocks (`ask '…'`) and JSON blocks, bare documents in GraphQL blocks; each with what comes next. */
function operationsOf(markdown: string): readonly Operation[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, body = '']) => ({
    language,
    body,
  }));
  return blocks.flatMap(({ language, body }, index): Operation[] => {
    const next = blocks[index + 1];
    const answer: unknown = next?.language === 'json' ? JSON.parse(next.body) : null;
    if (language === 'graphql') return [{ query: body, answer }];
    const requests =
      language === 'sh' ? [...body.matchAll(/'(\{\s*"query".*?\})'/gs)].map(([, json = '']) => json) : [];
    if (language === 'json' && /^\{\s*"query"/.test(body)) requests.push(body);
    return requests.map((json) => ({ ...(JSON.parse(json) as Omit<Operation, 'answer'>), answer }));
  });
}

/** As it is printed without the name, which the README leaves out. */
function normalised(document: DocumentNode): string {
  return print(visit(document, { OperationDefinition: ({ name: _, ...nameless }) => nameless }));
}

const operations = operationsOf(readme);
const known = new Set(Object.values(typedDocuments).map((document) => normalised(document as DocumentNode)));

test('the scan sees the operations', () => {
  expect(operations.length).toBeGreaterThanOrEqual(4);
  expect(operations.length).toBe(readme.match(/"query":/g)?.length);
});

describe('every operation of the README', () => {
  test.each(operations)('$query', ({ query, variables = {} }) => {
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    const { variableDefinitions = [] } = getOperationAST(document) ?? {};
    expect(getVariableValues(schema, variableDefinitions, variables).errors).toBeUndefined();
    // One that is missing belongs into test/clients/readme.graphql.
    expect(known).toContain(normalised(document));
  });
});

describe('the README shows what the product answers', () => {
  let billhead: TestProduct;

  beforeAll(async () => {
    billhead = await startTestProduct();
    await openDemoData(billhead.product.app, billhead.dataDir, quietLog);
  });
  afterAll(() => billhead?.close());

  async function renderAll(): Promise<void> {
    const { invoices } = await billhead.ask('{ invoices(first: 100) { edges { node { id } } } }');
    for (const { node } of invoices.edges) {
      await billhead.product.app.renderInvoice({ merchantId: 'demo', invoiceId: node.id });
    }
  }

  test('one operation after the other, but for days, years, links and ids that it made', async () => {
    for (const { query, variables, answer } of operations) {
      // By the time that somebody verifies, a worker has made the PDFs.
      if (query.includes('verifyInvoices')) await renderAll();
      const { data, errors } = await billhead.graphql(query, variables);
      if (answer !== null) expect(lasting({ ...(errors && { errors }), data })).toEqual(lasting(answer));
    }
  });
});

function lasting(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) => {
    if (key === 'pdf_url' || key === 'due_date' || key === 'hash') return key;
    // One that the product made; those that a caller chose stay as they are.
    if (key === 'id' && typeof value === 'string' && /^[0-9a-f]{8}-/.test(value)) return key;
    return key === 'number' && typeof value === 'string' ? value.replace(/^\d{4}-(?=\d{6}$)/, '') : value;
  });
}
