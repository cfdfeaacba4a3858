// The limits of a request: each attack is refused before anything runs, tools and honest pages pass, others are served.

import type { FastifyInstance } from 'fastify';
import { getIntrospectionQuery } from 'graphql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/graphql/limits.ts';
import { routeGraphql } from '../../src/graphql/route.ts';
import { startHttpServer } from '../../src/http/server.ts';
import { eventually } from '../setup/eventually.ts';
import { order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type Answer, type TestProduct } from '../setup/product.ts';
import { quietLog } from '../setup/quiet-log.ts';
import { statementsOf } from '../setup/statements.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
  await billhead.ask(PLACE_ORDER, { input: order('o-1') });
});
afterAll(() => billhead.close());

const COST = /may touch \d+ records; the limit is 10000/;
const EVERYTHING = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  experimentalDirectiveDeprecation: true,
  oneOf: true,
};

const post = (body: unknown, address = billhead.address) =>
  fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${billhead.apiKey}` },
    body: JSON.stringify(body),
  });

const times = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join(' ');

/** `invoice { corrects { corrects … { id } } }`, as deep as it says. */
const deep = (depth: number) =>
  `{ invoice(id: "x") { ${'corrects { '.repeat(depth - 2)} id ${'} '.repeat(depth - 2)} } }`;

const holds = (count: number) =>
  `mutation { ${times(count, (i) => `h${i}: holdOrder(input: { order_id: "o-1" }) { order { id } }`)} }`;

const LIMIT = 'BAD_USER_INPUT';
const INVALID = 'GRAPHQL_VALIDATION_FAILED';

const attacks: readonly (readonly [name: string, query: string, code: string, message: RegExp])[] = [
  ['a token too many', `{ ${'__typename '.repeat(LIMITS.tokens - 1)} }`, LIMIT, /more than 1000 tokens/],
  ['a token bomb', `{ ${'orders { total_count } '.repeat(100_000)} }`, LIMIT, /more than 1000 tokens/],
  ['an alias bomb', holds(50), LIMIT, /50 aliases; the limit is 15/],
  ['an alias too many', holds(16), LIMIT, /16 aliases; the limit is 15/],
  ['aliases of __typename', `{ ${times(16, (i) => `a${i}: __typename`)} }`, LIMIT, /16 aliases; the limit is 15/],
  [
    'aliases within',
    `{ order(number: "O-1") { ${times(16, (i) => `b${i}: id`)} } }`,
    LIMIT,
    /16 aliases; the limit is 15/,
  ],
  [
    'aliases in fragments that multiply',
    `{ ...A ...A } fragment A on Query { ...B ...B ...B } fragment B on Query { x: __typename y: __typename z: __typename }`,
    LIMIT,
    /18 aliases; the limit is 15/,
  ],
  ['a level too many', deep(11), LIMIT, /11 levels; the limit is 10/],
  ['a depth bomb', deep(300), LIMIT, /300 levels; the limit is 10/],
  [
    'depth in fragments',
    `{ order(number: "O-1") { ...A } } ${times(6, (i) => `fragment ${'ABCDEF'[i]} on Order { invoices { orders { ${i < 5 ? `...${'ABCDEF'[i + 1]}` : 'id'} } } }`)}`,
    LIMIT,
    /14 levels; the limit is 10/,
  ],
  [
    'a directive too many',
    `{ ${times(6, () => `...@include(if: true) { orders { total_count } }`)} }`,
    LIMIT,
    /6 directives; the limit is 5/,
  ],
  [
    'a directive bomb',
    `{ orders ${'@include(if: true) '.repeat(120)} { total_count } }`,
    LIMIT,
    /120 directives; the limit is 5/,
  ],
  ['a fragment cycle', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }', INVALID, /Cannot spread/],
  [
    'a fragment cycle bomb',
    `{ ...F0 } ${times(80, (i) => `fragment F${i} on Query { ...F${(i + 1) % 80} ...F${(i + 7) % 80} }`)}`,
    INVALID,
    /Cannot spread/,
  ],
  [
    'pages in full',
    '{ orders(first: 100) { nodes { invoices { lines { id } orders { items { id } } } } } }',
    LIMIT,
    COST,
  ],
  [
    'counts',
    `{ ${times(15, (i) => `c${i}: orders(first: 100) { total_count nodes { items { id } } }`)} }`,
    LIMIT,
    COST,
  ],
  ['the schema, four times', `{ ${times(4, (i) => `s${i}: __schema { types { name } }`)} }`, LIMIT, COST],
  [
    'a schema in circles',
    `{ __schema { types { ${'fields { type { '.repeat(4)} name ${'} } '.repeat(4)} } } }`,
    INVALID,
    /introspection depth/i,
  ],
];

describe('refused with a code, before anything runs', () => {
  test.each(attacks)('%s', async (_, query, code, message) => {
    const answers: Answer[] = [];
    const statements = await statementsOf(async () => answers.push(await billhead.graphql(query)));
    const [{ data, errors } = { data: null }] = answers;
    expect(data).toBeUndefined();
    const told = errors?.find((error) => message.test(error.message));
    expect(told?.extensions.code).toBe(code);
    // All that a refused request asks of the database is whose key it has.
    expect(statements.filter(({ text }) => !text.includes('api_keys'))).toEqual([]);
  });

  test('several operations in one request', async () => {
    const response = await post([{ query: '{ orders { total_count } }' }, { query: '{ orders { total_count } }' }]);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      errors: [{ message: 'One request holds one operation.', extensions: { code: LIMIT } }],
    });
  });

  test('a body of 10 MB', async () => {
    const response = await post({ query: '{ orders { total_count } }', variables: { x: 'x'.repeat(10_000_000) } });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: LIMIT } }] });
  });

  test.each(['shipItems', 'returnOrderItems', 'cancelOrderItems'])('a list of 2,501 entries for %s', async (name) => {
    const input = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
    const query = `mutation ($input: ${input}!) { ${name}(input: $input) { order { id } } }`;
    const items = Array.from({ length: 2_501 }, () => ({ id: 'o-1-1' }));
    expect(await billhead.refusal(query, { input: { order_id: 'o-1', items } })).toMatchObject({
      message: 'items has 2501 entries; a list has at most 2500.',
      extensions: { code: LIMIT, faults: [{ path: ['items'] }] },
    });
  });

  test.each(['first: 0', 'first: 101', 'last: 0', 'last: 101', 'first: -1', 'first: 1, last: 1'])(
    '%s',
    async (size) => {
      for (const list of ['orders', 'invoices']) {
        expect((await billhead.refusal(`{ ${list}(${size}) { nodes { id } } }`)).extensions.code).toBe(LIMIT);
      }
    },
  );
});

describe('the length of a page counts, wherever it is said', () => {
  const query = (page: string) =>
    `${page} { nodes { items { id } invoices { lines { id } orders { items { id } } } } } }`;

  test.each<[string, string, object]>([
    ['in the document', query('{ orders(first: 100)'), {}],
    ['as the last ones', query('{ orders(last: 100)'), {}],
    ['in a variable', query('query ($n: Int) { orders(first: $n)'), { n: 100 }],
    ['in the default of a variable', query('query ($n: Int = 100) { orders(first: $n)'), {}],
    [
      'around a fragment',
      '{ orders(first: 100) { ...C } } fragment C on OrderConnection { nodes { items { id } invoices { lines { id } orders { items { id } } } } }',
      {},
    ],
  ])('%s', async (_, document, variables) => {
    expect((await billhead.refusal(document, variables)).message).toMatch(COST);
  });

  test('shorter pages pass, and so does one whose length is left out', async () => {
    const document = query('query ($n: Int) { orders(first: $n)');
    expect((await billhead.ask(document, { n: 50 })).orders.nodes.length).toBe(1);
    expect((await billhead.ask(document, { n: null })).orders.nodes.length).toBe(1);
    expect((await billhead.ask(document)).orders.nodes.length).toBe(1);
  });
});

describe('passes', () => {
  test.each([
    ['15 aliases', `{ ${times(15, (i) => `a${i}: __typename`)} }`],
    ['depth 10', deep(10)],
    ['5 directives', `{ ${times(5, () => `...@include(if: true) { orders { total_count } }`)} }`],
    [
      '1,000 tokens',
      `{ invoicePreview(input: { items: [${times(LIMITS.tokens - 16, (i) => `"${i}"`)}] }) { currency } }`,
    ],
    [
      'a page of 100 invoices with all that belongs to each',
      `{ invoices(first: 100) { total_count edges { cursor node { id number total customer { name } orders { number }
        lines { name vat_rate total } vat { rate amount } reimbursement { status payments { amount } }
        comments { comment } credit_invoices { number } pdf { status } pdf_url billing_address { street } } } } }`,
    ],
    ['the whole schema', getIntrospectionQuery(EVERYTHING)],
  ])('%s', async (_, query) => {
    expect((await billhead.graphql(query)).errors).toBeUndefined();
  });
});

describe('time', () => {
  const hold = 'mutation { holdOrder(input: { order_id: "slow" }) { order { status } } }';
  const status = '{ order(id: "slow") { status } }';
  const timedOut = {
    errors: [{ message: expect.stringContaining('took too long'), extensions: { code: 'OPERATION_TIMED_OUT' } }],
  };
  let holder: pg.Client;

  /** Runs while somebody else has the orders in hand, so that whatever touches them waits. */
  async function whileOrdersAreHeld(
    durations: { readonly queryMs: number; readonly mutationMs: number },
    run: (address: string) => Promise<void>,
  ): Promise<void> {
    const { app } = billhead.product;
    const doors = [
      (host: FastifyInstance) => routeGraphql(host, app, quietLog, { pdfUrl: String, paymentUrl: String }, durations),
    ];
    const server = await startHttpServer({ host: '127.0.0.1', port: 0, log: quietLog, doors, readyChecks: {} });
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    try {
      await run(server.address);
    } finally {
      await holder.query('ROLLBACK');
      await server.close();
    }
  }

  beforeAll(async () => {
    await billhead.ask(PLACE_ORDER, { input: order('slow') });
    holder = new pg.Client({ connectionString: billhead.databaseUrl });
    await holder.connect();
  });
  afterAll(() => holder?.end());

  test('a query whose time is up is answered', async () => {
    await whileOrdersAreHeld({ queryMs: 50, mutationMs: 60_000 }, async (address) => {
      const response = await post({ query: status }, address);
      expect([response.status, await response.json()]).toEqual([503, timedOut]);
    });
  });

  test('a mutation has longer: a burst waits its turn', async () => {
    let waiting: Promise<Response> | null = null;
    await whileOrdersAreHeld({ queryMs: 1, mutationMs: 60_000 }, async (address) => {
      waiting = post({ query: hold.replace('holdOrder', 'releaseOrder') }, address);
      await eventually(async () => {
        const locks = await holder.query('SELECT 1 FROM pg_locks WHERE NOT granted');
        return (locks.rowCount ?? 0) > 0;
      });
      await holder.query('ROLLBACK');
      expect((await waiting).status).toBe(200);
      await holder.query('BEGIN');
    });
  });

  test('a mutation whose time is up is answered, and what it does is still done', async () => {
    await whileOrdersAreHeld({ queryMs: 50, mutationMs: 100 }, async (address) => {
      const response = await post({ query: hold }, address);
      expect([response.status, await response.json()]).toEqual([503, timedOut]);
    });
    await eventually(async () => (await billhead.ask(status)).order.status === 'ON_HOLD');
  });
});

test('while attacks go on, another client is served', async () => {
  const other = await billhead.addMerchant('other');
  const bodies = [...attacks.map(([, query]) => ({ query })), attacks.map(([, query]) => ({ query }))];
  const over = new AbortController();
  const attackers = bodies.map(async (body) => {
    const statuses: number[] = [];
    while (!over.signal.aborted) statuses.push((await post(body)).status);
    return statuses;
  });
  try {
    for (let asked = 0; asked < 10; asked += 1) {
      expect(await billhead.ask('{ orders { total_count } }', {}, other)).toEqual({ orders: { total_count: 0 } });
    }
  } finally {
    over.abort();
  }
  const statuses = await Promise.all(attackers);
  expect(statuses.every((ofOne) => ofOne.length > 0)).toBe(true);
  expect(new Set(statuses.flat())).toEqual(new Set([200, 400]));
}, 120_000);
