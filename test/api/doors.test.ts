// Every door under wrong requests and over a broken database: nothing of the inside is shown, no form of another site works.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { tamper } from '../setup/tampering.ts';
import { sendRaw } from '../setup/raw-request.ts';

let billhead: TestProduct;
let paymentLink: string;

beforeAll(async () => {
  // What is logged here is what the tests provoke.
  const nothing = () => undefined;
  billhead = await startTestProduct({ log: { info: nothing, warn: nothing, error: nothing } });
  paymentLink = await issue('first');
});
afterAll(() => billhead.close());

async function issue(id: string, apiKey?: string): Promise<string> {
  await billhead.ask(PLACE_ORDER, { input: order(id) }, apiKey);
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } }, apiKey);
  return (await billhead.ask(`{ invoice(id: "${id}") { payment_link } }`, {}, apiKey)).invoice.payment_link;
}

async function execute<Row extends pg.QueryResultRow>(statement: string): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: billhead.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

const tokenOf = (link: string) => link.slice(link.lastIndexOf('/') + 1);
/** SQL, Prisma, paths, stacks, and what the server is made of. */
const INSIDE =
  /\b(?:select|insert|update|relation|prisma|postgres\w*|sql\w*|fastify|apollo|FST_ERR\w*|42P01)\b|node_modules|\.[jt]s:\d|\bat \S+ \(|stacktrace|\/(?:work|tmp|home|app|src|dist)\//i;
const MARK = 'repeat-me-not';

interface Request {
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly body?: string;
}

const REQUESTS: readonly Request[] = [
  { method: 'GET', path: `/${MARK}` },
  { method: 'POST', path: `/${MARK}`, type: 'application/json', body: '{' },
  { method: 'GET', path: `/%zz${MARK}` },
  { method: 'GET', path: `/pdf/${'x'.repeat(5_000)}` },
  { method: 'GET', path: `/pdf/${MARK}` },
  { method: 'GET', path: `/pay/${MARK}` },
  { method: 'GET', path: '/test-gateway/x' },
  { method: 'GET', path: `/test-gateway/%00` },
  { method: 'GET', path: `/test-gateway/..%2f..%2fetc%2fpasswd` },
  ...['/pdf/x', '/pay/x', '/healthz', '/readyz', '/oauth/token', '/test-gateway/x', '/graphql'].flatMap((path) =>
    ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'].map((method) => ({ method, path })),
  ),
  ...['/graphql', '/oauth/token', '/test-gateway/x'].flatMap((path) =>
    [
      ['application/json', '{"query":'],
      ['application/json', '[]'],
      ['application/json', '"x"'],
      ['application/json', '{"__proto__":{"x":1}}'],
      ['text/plain', '{"query":"{ orders { total_count } }"}'],
      ['text/xml', '<x/>'],
      ['nonsense', 'x'],
      ['application/x-www-form-urlencoded', 'verdict=nonsense&grant_type=nonsense&query=%7B'],
      ['multipart/form-data; boundary=x', '--x--'],
    ].map(([type = '', body = '']) => ({ method: 'POST', path, type, body })),
  ),
];

/** As bytes: fetch knows neither TRACE nor what is no address. */
const send = ({ method, path, type, body = '' }: Request, key = billhead.apiKey) =>
  sendRaw(
    billhead.address,
    `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer ${key}\r\n` +
      `${type === undefined ? '' : `content-type: ${type}\r\n`}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );

async function expectNothingShown(request: Request, mayFail: boolean): Promise<void> {
  const { status, head, body } = await send(request);
  const answer = { request, status, body: body.slice(0, 500) };
  expect(answer).toEqual({ ...answer, body: expect.not.stringMatching(INSIDE) });
  expect(answer).toEqual({ ...answer, body: expect.not.stringContaining(MARK) });
  expect(answer).not.toMatchObject({ status: 0 });
  if (!mayFail) expect({ ...answer, isOurFault: status >= 500 }).toEqual({ ...answer, isOurFault: false });
  // A defect has an id, under which the log knows it.
  if (status === 500) expect(body).toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
  expect(head).not.toMatch(/^(?:x-powered-by|server|via):/im);
  expect(head).toMatch(/^x-content-type-options: nosniff\r?$/im);
  if (/^content-type: text\/html/im.test(head)) {
    expect(head).toMatch(/^content-security-policy: .*default-src 'none'.*frame-ancestors 'none'/im);
    expect(head).toMatch(/^referrer-policy: no-referrer\r?$/im);
    expect(head).toMatch(/^cache-control: no-store\r?$/im);
  }
}

describe('a wrong request', () => {
  test.each(REQUESTS.map((request) => ({ ...request, name: `${request.path.slice(0, 40)} ${request.type ?? ''}` })))(
    '$method $name is the caller’s fault, and shows nothing of the inside',
    (request) => expectNothingShown(request, false),
  );

  test('more headers than anybody has are refused', async () => {
    const flood = Array.from({ length: 3_000 }, (_, at) => `x-${at}: ${at}`).join('\r\n');
    const { status, body } = await sendRaw(billhead.address, `GET /healthz HTTP/1.1\r\nhost: x\r\n${flood}\r\n\r\n`);
    expect(status).toBe(431);
    expect(body).not.toMatch(INSIDE);
  });

  test('bytes that are no HTTP are refused', async () => {
    expect((await sendRaw(billhead.address, 'EHLO evil\r\n\r\n')).status).toBe(400);
  });

  test.each(['/pdf/../../etc/passwd', '/pdf/..%2f..%2fetc/passwd', '/pdf/%2e%2e/%2e%2e/etc/passwd', '//etc/passwd'])(
    '%s leads to nothing',
    async (path) => {
      const { status, body } = await send({ method: 'GET', path });
      expect([403, 404]).toContain(status);
      expect(body).not.toContain('root:');
    },
  );
});

describe('what a page of another site can send', () => {
  const mutation = 'mutation { holdOrder(input: { order_id: "first" }) { order { status } } }';

  test.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', ''])(
    'changes nothing as %j, with a key as without',
    async (type) => {
      for (const key of [billhead.apiKey, 'none']) {
        for (const body of [JSON.stringify({ query: mutation }), `query=${encodeURIComponent(mutation)}`]) {
          const { status } = await send({ method: 'POST', path: '/graphql', ...(type !== '' && { type }), body }, key);
          expect({ status, key: key === 'none' }).toEqual({
            status: expect.toSatisfy((one: number) => [400, 401, 415].includes(one)),
            key: key === 'none',
          });
        }
      }
      expect((await billhead.ask('{ order(id: "first") { status } }')).order.status).not.toBe('ON_HOLD');
    },
  );

  test('changes nothing as an address either', async () => {
    const { status } = await send({ method: 'GET', path: `/graphql?query=${encodeURIComponent(mutation)}` });
    expect(status).toBe(405);
    expect((await billhead.ask('{ order(id: "first") { status } }')).order.status).not.toBe('ON_HOLD');
  });

  test('no answer lets another site read it', async () => {
    const headers = { origin: 'https://evil.example', authorization: `Bearer ${billhead.apiKey}` };
    for (const path of ['/graphql?query=%7Borders%7Btotal_count%7D%7D', '/healthz', `/pay/${tokenOf(paymentLink)}`]) {
      const response = await fetch(`${billhead.address}${path}`, { headers, redirect: 'manual' });
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('a payment link', () => {
  const visit = (token: string) => fetch(`${billhead.address}/pay/${token}`, { redirect: 'manual' });

  test('with the signature of another merchant’s, or naming another merchant, opens nothing', async () => {
    const neighbour = await billhead.addMerchant('neighbour');
    const theirs = tokenOf(await issue('first', neighbour)).split('.');
    const ours = tokenOf(paymentLink).split('.');
    expect((await visit(ours.join('.'))).status).toBe(303);
    expect((await visit(theirs.join('.'))).status).toBe(303);
    expect((await visit(`${ours[0]}.${theirs[1]}`)).status).toBe(403);
    expect((await visit(`${theirs[0]}.${ours[1]}`)).status).toBe(403);
    for (const token of [`${ours[0]}%00.${ours[1]}`, `${ours[0]}.${ours[1]}%0a`, `..%2f${ours.join('.')}`, '%00']) {
      expect({ token, status: (await visit(token)).status }).toEqual({ token, status: 403 });
    }
  });

  test('that has expired opens nothing', async () => {
    const before = await execute<{ created_at: Date }>(`SELECT created_at FROM invoices WHERE merchant_id = 'demo'`);
    await tamper(
      billhead.databaseUrl,
      `UPDATE invoices SET created_at = created_at - interval '3 years' WHERE merchant_id = 'demo'`,
    );
    const { invoice } = await billhead.ask('{ invoice(id: "first") { payment_link } }');
    expect(before).toHaveLength(1);
    expect((await visit(tokenOf(invoice.payment_link))).status).toBe(403);
  });
});

describe('over a database that is broken', () => {
  beforeAll(async () => {
    for (const table of ['api_keys', 'invoices', 'orders', 'merchants', 'test_gateway_entries']) {
      await execute(`ALTER TABLE ${table} RENAME TO lost_${table}`);
    }
  });

  const token = () => tokenOf(paymentLink);
  test.each<[string, () => Request]>([
    [
      'the API',
      () => ({ method: 'POST', path: '/graphql', type: 'application/json', body: '{"query":"{ __typename }"}' }),
    ],
    ['the API by GET', () => ({ method: 'GET', path: '/graphql?query=%7B__typename%7D' })],
    ['a payment link', () => ({ method: 'GET', path: `/pay/${token()}` })],
    ['a PDF link', () => ({ method: 'GET', path: `/pdf/${token()}` })],
    ['the page of the gateway', () => ({ method: 'GET', path: '/test-gateway/x' })],
    [
      'the button of the gateway',
      () => ({
        method: 'POST',
        path: '/test-gateway/x',
        type: 'application/x-www-form-urlencoded',
        body: 'verdict=pay',
      }),
    ],
    [
      'access tokens',
      () => ({
        method: 'POST',
        path: '/oauth/token',
        type: 'application/x-www-form-urlencoded',
        body: `grant_type=client_credentials&client_id=${billhead.apiKey.slice(0, 15)}&client_secret=${billhead.apiKey}`,
      }),
    ],
    ['the check of readiness', () => ({ method: 'GET', path: '/readyz' })],
  ])('%s shows nothing of the inside', async (_, request) => expectNothingShown(request(), true));

  test('what is a defect says so by an id', async () => {
    const { status, body } = await send({
      method: 'POST',
      path: '/graphql',
      type: 'application/json',
      body: '{"query":"{ __typename }"}',
    });
    expect(status).toBe(500);
    expect(JSON.parse(body)).toMatchObject({
      errors: [{ message: expect.stringContaining('on our side'), extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
  });
});
