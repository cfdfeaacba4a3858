// Idempotency-Key: a mutation that is sent again takes effect once and is answered as it was, whatever died in between.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { gatewayEntries, ORDER_TOTAL, orderHolding } from '../setup/gateway.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type Answer, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let database: pg.Client;
let count = 0;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

interface Reply {
  readonly status: number;
  readonly isReplayed: boolean;
  readonly retryAfter: string | null;
  readonly answer: Answer;
}

async function send(key: string, query: string, input: object, { apiKey = billhead.apiKey } = {}): Promise<Reply> {
  const response = await fetch(`${billhead.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}`, 'idempotency-key': key },
    body: JSON.stringify({ query, variables: { input } }),
  });
  return {
    status: response.status,
    isReplayed: response.headers.get('idempotent-replayed') === 'true',
    retryAfter: response.headers.get('retry-after'),
    answer: (await response.json()) as Answer,
  };
}

const code = ({ answer }: Reply) => answer.errors?.[0]?.extensions.code;
const newKey = () => `"key ${(count += 1)}"`;

async function place(items = [item({ quantity: 5 })]): Promise<string> {
  const id = `key-${(count += 1)}`;
  const input = order(id, { items: items.map((one, index) => ({ ...one, id: `${id}-${index + 1}` })) });
  await billhead.ask(PLACE_ORDER, { input });
  return id;
}

async function invoiced(): Promise<string> {
  const id = await place();
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
  return id;
}

const INVOICE = `id number state updated_at comments { comment } emails { id } reimbursement { amount_due amount_paid amount_refunded payments { id amount } }`;
const ORDER = `id status items { id kind quantity quantity_shipped quantity_invoiced }`;
const onInvoice = (name: string, type: string) =>
  `mutation M($input: ${type}!) { ${name}(input: $input) { invoice { ${INVOICE} } } }`;
const onOrder = (name: string, type: string, more = '') =>
  `mutation M($input: ${type}!) { ${name}(input: $input) { order { ${ORDER} } ${more} } }`;

/** Each does more when it is done twice, or refuses the second time. */
const MUTATIONS: readonly (readonly [string, string, () => Promise<object>])[] = [
  ['placeOrder', onOrder('placeOrder', 'PlaceOrderInput'), async () => unnamed(order('none', { number: newKey() }))],
  ['shipItems', onOrder('shipItems', 'ShipItemsInput'), () => part(place, 'order_id')],
  ['cancelOrderItems', onOrder('cancelOrderItems', 'CancelOrderItemsInput', TAKEN()), () => part(invoiced, 'order_id')],
  ['returnOrderItems', onOrder('returnOrderItems', 'ReturnOrderItemsInput', TAKEN()), () => part(shipped, 'order_id')],
  ['invoiceItems', INVOICE_ITEMS, async () => ({ items: [`${await place()}-1`] })],
  [
    'invoiceOrder',
    onInvoice('invoiceOrder', 'InvoiceOrderInput'),
    () => part(place, 'order_id', 'order_item_id', 'qty'),
  ],
  ['invoiceOrder ONLINE', onInvoice('invoiceOrder', 'InvoiceOrderInput'), () => online('auth_ok')],
  [
    'createInvoice',
    onInvoice('createInvoice', 'CreateInvoiceInput'),
    async () => ({
      customer_id: (await place()) && 'customer-1',
      currency: 'EUR',
      lines: [{ name: 'Work', quantity: 1, unit_price: 100, vat_rate: '21' }],
    }),
  ],
  ['cancelInvoice', onInvoice('cancelInvoice', 'InvoiceIdInput'), async () => ({ invoice_id: await invoiced() })],
  [
    'registerPayment',
    onInvoice('registerPayment', 'RegisterPaymentInput'),
    async () => ({ invoice_id: await invoiced(), amount: 100, method: 'cash' }),
  ],
  [
    'addInvoiceComment',
    onInvoice('addInvoiceComment', 'AddInvoiceCommentInput'),
    async () => ({ invoice_id: await invoiced(), comment: 'Once.', send_email: true }),
  ],
  [
    'sendInvoiceEmail',
    onInvoice('sendInvoiceEmail', 'SendInvoiceEmailInput'),
    async () => ({ invoice_id: await invoiced() }),
  ],
  [
    'refundPayment',
    onInvoice('refundPayment', 'RefundPaymentInput'),
    async () => ({ invoice_id: await paid(), amount: 100, mode: 'OFFLINE' }),
  ],
  [
    'refundPayment ONLINE',
    onInvoice('refundPayment', 'RefundPaymentInput'),
    async () => ({ invoice_id: await captured(), amount: 100, mode: 'ONLINE' }),
  ],
  [
    'captureInvoice',
    onInvoice('captureInvoice', 'InvoiceIdInput'),
    async () => ({ invoice_id: await open('auth_ok') }),
  ],
  ['voidInvoice', onInvoice('voidInvoice', 'InvoiceIdInput'), async () => ({ invoice_id: await captured() })],
];

function TAKEN(): string {
  return 'contra_items { id quantity }';
}

/** A shop that leaves all ids to us. */
function unnamed({ id: _, items = [], ...rest }: ReturnType<typeof order>): object {
  return { ...rest, items: items.map(({ id: __, ...row }) => row) };
}

async function part(make: () => Promise<string>, owner: string, idName = 'id', quantityName = 'quantity') {
  const id = await make();
  return { [owner]: id, items: [{ [idName]: `${id}-1`, [quantityName]: 2 }] };
}

async function shipped(): Promise<string> {
  const id = await invoiced();
  await billhead.ask(`mutation { shipItems(input: { order_id: "${id}" }) { order { id } } }`);
  return id;
}

async function paid(): Promise<string> {
  const id = await place();
  await billhead.ask(`mutation { invoiceOrder(input: { order_id: "${id}", invoice_id: "${id}" }) { invoice { id } } }`);
  return id;
}

async function placeHolding(authorization: string): Promise<string> {
  const id = `key-${(count += 1)}`;
  await billhead.ask(PLACE_ORDER, { input: orderHolding(id, authorization + id) });
  return id;
}

async function online(authorization: string): Promise<object> {
  return { order_id: await placeHolding(authorization), capture: 'ONLINE' };
}

async function open(authorization: string): Promise<string> {
  const id = await placeHolding(authorization);
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
  return id;
}

async function captured(): Promise<string> {
  const id = await placeHolding('auth_ok');
  const input = { order_id: id, capture: 'ONLINE', invoice_id: id };
  await billhead.ask(onInvoice('invoiceOrder', 'InvoiceOrderInput'), { input });
  return id;
}

/** Everything that a second effect would add to. */
async function everything(): Promise<unknown> {
  const tables = ['orders', 'order_items', 'shipments', 'invoices', 'invoice_lines', 'payments', 'invoice_comments'];
  const counted = [...tables, 'invoice_emails', 'gateway_calls', 'test_gateway_entries', 'number_series'].map(
    (table) =>
      `(SELECT json_agg(t ORDER BY t::text) FROM (SELECT to_jsonb(r) - 'updated_at' AS t FROM ${table} r) r) AS ${table}`,
  );
  return (await database.query(`SELECT ${counted.join(', ')}`)).rows;
}

describe.each(MUTATIONS)('%s', (_, query, makeInput) => {
  test('sent twice under one key it takes effect once, and the second answer is the first one', async () => {
    const key = newKey();
    const input = await makeInput();
    const first = await send(key, query, input);
    expect(first).toMatchObject({ status: 200, isReplayed: false });
    expect(first.answer.errors).toBeUndefined();
    const after = await everything();
    const second = await send(key, query, input);
    expect(second).toEqual({ ...first, isReplayed: true });
    expect(await everything()).toEqual(after);
  });

  test('when the server dies after the commit and before the answer, the retry takes no effect and is answered the same', async () => {
    const key = newKey();
    const input = await makeInput();
    const first = await withoutAnswersKept(() => send(key, query, input));
    expect(first.answer.errors).toBeUndefined();
    const after = await everything();
    expect(code(await send(key, query, input))).toBe('IDEMPOTENCY_KEY_IN_USE');
    await database.query('UPDATE idempotency_keys SET leased_until = clock_timestamp() WHERE answer IS NULL');
    const second = await send(key, query, input);
    expect(withoutTimes(second.answer)).toEqual(withoutTimes(first.answer));
    expect(await everything()).toEqual(after);
    expect(await send(key, query, input)).toEqual({ ...second, isReplayed: true });
  });
});

/** As if the server had died once its work was committed: it never gets to keep the answer. */
const withoutAnswersKept = <T>(run: () => Promise<T>) =>
  failing('UPDATE OF answer ON idempotency_keys', 'NEW.answer IS NOT NULL', run);

/** While `run` runs, the database refuses to write such rows. */
async function failing<T>(write: string, when: string, run: () => Promise<T>): Promise<T> {
  await database.query(`
    CREATE FUNCTION refuse_rows() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE 'gone'; END $$;
    CREATE TRIGGER refuse_rows BEFORE ${write} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION refuse_rows()`);
  try {
    return await run();
  } finally {
    await database.query('DROP FUNCTION refuse_rows CASCADE');
  }
}

function withoutTimes(answer: Answer): unknown {
  return JSON.parse(JSON.stringify(answer, (name, value: unknown) => (name === 'updated_at' ? null : value)));
}

const SHIP = onOrder('shipItems', 'ShipItemsInput');
const shipOne = (id: string, quantity = 1) => ({ order_id: id, items: [{ id: `${id}-1`, quantity }] });

describe('one request under a key', () => {
  test('fifty at once: one does it, the others are told that it runs, or get its answer', async () => {
    const key = newKey();
    const id = await place();
    const replies = await Promise.all(Array.from({ length: 50 }, () => send(key, SHIP, shipOne(id))));
    const done = replies.filter(({ status, isReplayed }) => status === 200 && !isReplayed);
    expect(done).toHaveLength(1);
    for (const reply of replies) {
      if (reply.status === 200) expect(reply.answer).toEqual(done[0]?.answer);
      else {
        expect(reply).toMatchObject({ status: 409, retryAfter: '1' });
        expect(code(reply)).toBe('IDEMPOTENCY_KEY_IN_USE');
      }
    }
    expect((await send(key, SHIP, shipOne(id))).answer.data.shipItems.order.items[0].quantity_shipped).toBe(1);
  });

  test('another request is refused with 422, and changes nothing', async () => {
    const key = newKey();
    const id = await place();
    await send(key, SHIP, shipOne(id));
    const other = await send(key, SHIP, shipOne(id, 2));
    expect(other).toMatchObject({ status: 422, isReplayed: false });
    expect(code(other)).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(code(await send(key, SHIP.replace('status', ''), shipOne(id)))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect((await send(newKey(), SHIP, shipOne(id))).answer.data.shipItems.order.items[0].quantity_shipped).toBe(2);
  });

  test('the same request laid out in another way is the same request', async () => {
    const key = newKey();
    const id = await place();
    const first = await send(key, SHIP, shipOne(id));
    const { order_id, items } = shipOne(id);
    expect(await send(key, SHIP.replaceAll(' ', '\n  '), { items, order_id })).toEqual({ ...first, isReplayed: true });
  });

  test('another operation and another merchant have keys of their own', async () => {
    const key = newKey();
    const id = await place();
    await send(key, SHIP, shipOne(id));
    expect((await send(key, onOrder('holdOrder', 'OrderIdInput'), { order_id: id })).isReplayed).toBe(false);
    const apiKey = await billhead.addMerchant('another');
    expect(code(await send(key, SHIP, shipOne(id), { apiKey }))).toBe('NOT_FOUND');
  });

  test('a refusal is an answer as well', async () => {
    const key = newKey();
    const id = await place();
    const tooMuch = await send(key, SHIP, shipOne(id, 6));
    expect(code(tooMuch)).toBe('BAD_USER_INPUT');
    expect(await send(key, SHIP, shipOne(id, 6))).toEqual({ ...tooMuch, isReplayed: true });
  });

  test('a payment gateway that is silent leaves the request to the next try, which finds the money taken once', async () => {
    const key = newKey();
    const query = onInvoice('invoiceOrder', 'InvoiceOrderInput');
    const id = `key-${(count += 1)}`;
    await billhead.ask(PLACE_ORDER, { input: orderHolding(id, `auth_timeout_${id}`) });
    const input = { order_id: id, capture: 'ONLINE' };
    const replies: Reply[] = [];
    await eventually(async () => {
      replies.push(await send(key, query, input));
      return replies.at(-1)?.answer.errors === undefined;
    });
    expect(new Set(replies.slice(0, -1).map(code))).toEqual(
      new Set(replies.length > 1 ? ['PAYMENT_GATEWAY_ERROR'] : []),
    );
    expect(replies.at(-1)?.answer.data.invoiceOrder.invoice.state).toBe('PAID');
    const books = await gatewayEntries(billhead.databaseUrl, `auth_timeout_${id}`);
    expect(books.filter(({ kind }) => kind === 'CAPTURE')).toHaveLength(1);
  });

  test('an answer is shown to no key with less scopes than the one that it was made for', async () => {
    const key = newKey();
    const id = await place();
    await send(key, SHIP, shipOne(id));
    const apiKey = await billhead.product.app.createApiKey({
      merchantId: 'demo',
      name: 'less',
      scopes: ['orders:write'],
      expiresAt: null,
    });
    expect(code(await send(key, SHIP, shipOne(id), { apiKey }))).toBe('FORBIDDEN');
  });

  test('after a day the key is free again, and the sweep removes it', async () => {
    const key = newKey();
    const id = await place();
    await send(key, SHIP, shipOne(id));
    await database.query(`UPDATE idempotency_keys SET created_at = created_at - interval '24 hours 1 second'`);
    expect((await send(key, SHIP, shipOne(id, 2))).answer.data.shipItems.order.items[0].quantity_shipped).toBe(3);
    await billhead.product.app.sweepOwedWork();
    const { rows } = await database.query('SELECT key FROM idempotency_keys');
    expect(rows).toEqual([{ key: key.slice(1, -1) }]);
  });
});

describe('of several gateway calls under one key', () => {
  const CAPTURE = onInvoice('captureInvoice', 'InvoiceIdInput');
  const FIRST = ORDER_TOTAL;
  const SECOND = 2420;

  /** An open invoice over two orders, each with money held at an authorisation of its own. */
  async function openOverTwo() {
    const [first, second] = [`key-${(count += 1)}`, `key-${(count += 1)}`];
    const payment = { method: 'card', authorization: `auth_ok_${second}` };
    await billhead.ask(PLACE_ORDER, { input: orderHolding(first, `auth_ok_${first}`) });
    await billhead.ask(PLACE_ORDER, { input: order(second, { payment }) });
    const items = [`${first}-1`, `${first}-2`, `${second}-1`];
    await billhead.ask(INVOICE_ITEMS, { input: { items, invoice_id: first } });
    const booked = async () => {
      const { rows } = await database.query<{ amount: number }>(
        'SELECT amount::int FROM payments WHERE invoice_id = $1 ORDER BY created_at, amount DESC',
        [first],
      );
      return rows.map(({ amount }) => amount);
    };
    /** What the gateway took, of the first and of the second. */
    const taken = async () => {
      const books = [first, second].map((id) => gatewayEntries(billhead.databaseUrl, `auth_ok_${id}`));
      return (await Promise.all(books)).map((entries) => entries.map(({ kind, amount }) => [kind, amount]));
    };
    return { input: { invoice_id: first }, booked, taken };
  }

  test.each([
    ['the first call never reaches the gateway', 'test_gateway_entries', FIRST, [0, 0], []],
    ['the first call is answered, and that is never booked', 'payments', FIRST, [1, 0], []],
    [
      'the first call is booked, and the second never reaches the gateway',
      'test_gateway_entries',
      SECOND,
      [1, 0],
      [FIRST],
    ],
    ['the first call is booked, the second answered, and that is never booked', 'payments', SECOND, [1, 1], [FIRST]],
  ])(
    '%s: the retry goes on from there, and all money is taken and booked once',
    async (_, table, amount, asked, kept) => {
      const key = newKey();
      const { input, booked, taken } = await openOverTwo();
      const died = await failing(`INSERT ON ${table}`, `NEW.amount = ${amount}`, () => send(key, CAPTURE, input));
      expect(died.answer.errors).toHaveLength(1);
      expect((await taken()).map((entries) => entries.length)).toEqual(asked);
      expect(await booked()).toEqual(kept);
      const retried = await send(key, CAPTURE, input);
      expect(retried.answer.errors).toBeUndefined();
      expect(retried.answer.data.captureInvoice.invoice).toMatchObject({
        state: 'PAID',
        reimbursement: { amount_paid: FIRST + SECOND, amount_due: 0 },
      });
      expect(await taken()).toEqual([[['CAPTURE', FIRST]], [['CAPTURE', SECOND]]]);
      expect(await booked()).toEqual([FIRST, SECOND]);
      expect(await send(key, CAPTURE, input)).toEqual({ ...retried, isReplayed: true });
    },
  );
});

describe('a webhook secret in an answer', () => {
  const CREATE = `mutation M($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) {
    secret endpoint { id description } } }`;
  const ROTATE = `mutation M($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { secret } }`;
  const input = { url: 'https://shop.example.com/hooks', events: ['INVOICE_PAID'], description: 'Books' };
  const remove = (id: string) =>
    billhead.ask(`mutation { deleteWebhookEndpoint(input: { endpoint_id: "${id}" }) { endpoint_id } }`);
  const isStored = async (secret: string) => {
    const { rows } = await database.query(
      `SELECT 1 FROM (SELECT to_jsonb(k)::text FROM idempotency_keys k UNION ALL SELECT to_jsonb(e)::text FROM webhook_endpoints e) AS stored (row)
       WHERE strpos(row, $1) > 0`,
      [secret],
    );
    return rows.length > 0;
  };
  const without = (secret: string, { answer }: Reply) =>
    JSON.parse(JSON.stringify(answer).replace(secret, '')) as Answer;

  test('is given again as long as the endpoint has it, and then stands nowhere; nothing is done twice all the same', async () => {
    const [first, second] = [newKey(), newKey()];
    const created = await send(first, CREATE, input);
    const { secret, endpoint } = created.answer.data.createWebhookEndpoint;
    expect(secret).toMatch(/^whsec_/);
    expect(await send(first, CREATE, input)).toEqual({ ...created, isReplayed: true });
    const rotate = (more: object = {}) => ({ endpoint_id: endpoint.id, ...more });
    const rotated = await send(second, ROTATE, rotate());
    // The former one signs as well, so it is not gone.
    expect(await send(first, CREATE, input)).toEqual({ ...created, isReplayed: true });
    await send(newKey(), ROTATE, rotate());
    expect(await isStored(secret)).toBe(false);
    expect(await send(first, CREATE, input)).toEqual({
      ...created,
      answer: without(secret, created),
      isReplayed: true,
    });
    const newer = rotated.answer.data.rotateWebhookSecret.secret;
    expect(await send(second, ROTATE, rotate())).toEqual({ ...rotated, isReplayed: true });
    await remove(endpoint.id);
    expect(await isStored(newer)).toBe(false);
    expect((await send(second, ROTATE, rotate())).answer).toEqual(without(newer, rotated));
    expect(await billhead.ask('{ webhookEndpoints { id } }')).toEqual({ webhookEndpoints: [] });
  });

  test('that a server died over is forgotten with the endpoint as well, and the retry makes no second one', async () => {
    const key = newKey();
    const died = await withoutAnswersKept(() => send(key, CREATE, input));
    const { secret, endpoint } = died.answer.data.createWebhookEndpoint;
    expect(await isStored(secret)).toBe(true);
    await remove(endpoint.id);
    expect(await isStored(secret)).toBe(false);
    await database.query('UPDATE idempotency_keys SET leased_until = clock_timestamp() WHERE answer IS NULL');
    expect((await send(key, CREATE, input)).answer).toEqual(without(secret, died));
    expect(await billhead.ask('{ webhookEndpoints { id } }')).toEqual({ webhookEndpoints: [] });
  });
});

test('whoever lost a request to another runner changes nothing any more', async () => {
  const id = await place();
  const { app } = billhead.product;
  const request = { operation: 'shipItems', key: newKey(), requestHash: 'hash' };
  const frozen = await app.answerOnce(billhead.actor, request);
  await database.query('UPDATE idempotency_keys SET leased_until = clock_timestamp() WHERE key = $1', [request.key]);
  const second = await app.answerOnce(billhead.actor, request);
  if (typeof frozen === 'string' || typeof second === 'string') throw new Error('Both should run.');
  const ship = { orderId: id, items: [{ id: `${id}-1`, quantity: 10_000n }] };
  await expect(frozen.app.shipItems(billhead.actor, ship)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_IN_USE' });
  await second.app.shipItems(billhead.actor, ship);
  await frozen.keep('from the frozen one');
  await second.keep('from the second one');
  expect(await app.answerOnce(billhead.actor, request)).toBe('from the second one');
  const { order: read } = await billhead.ask(`{ order(id: "${id}") { items { quantity_shipped } } }`);
  expect(read.items).toEqual([{ quantity_shipped: 1 }]);
});

test('a request that takes longer than its lease keeps it', async () => {
  const id = await place();
  const key = newKey();
  await database.query('BEGIN');
  try {
    await database.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [id]);
    const waiting = send(key, SHIP, shipOne(id));
    const lease = async () => {
      const query = 'SELECT leased_until FROM idempotency_keys WHERE key = $1';
      const { rows } = await database.query<{ leased_until: Date }>(query, [key.slice(1, -1)]);
      return rows[0]?.leased_until;
    };
    const first = await eventually(lease);
    expect(await eventually(async () => ((await lease()) ?? first) > first)).toBe(true);
    expect(code(await send(key, SHIP, shipOne(id)))).toBe('IDEMPOTENCY_KEY_IN_USE');
    await database.query('COMMIT');
    expect((await waiting).status).toBe(200);
  } finally {
    await database.query('ROLLBACK');
  }
});

describe('the header', () => {
  const invoice = 'mutation M($input: InvoiceIdInput!) { a: archiveInvoice(input: $input) { invoice { id } } }';

  test.each(['""', 'two words', '"a", "b"', 'k'.repeat(256)])('%s is refused, and says why', async (key) => {
    const reply = await send(key, invoice, { invoice_id: 'none' });
    expect(code(reply)).toBe('BAD_USER_INPUT');
    expect(reply.answer.errors?.[0]?.message).toMatch(/idempotency_key/);
  });

  test('stands for one operation', async () => {
    const two = invoice.replace('{ a:', '{ b: restoreInvoice(input: $input) { invoice { id } } a:');
    expect(code(await send(newKey(), two, { invoice_id: 'none' }))).toBe('BAD_USER_INPUT');
  });

  test('says nothing to a query', async () => {
    const query = '{ orders { total_count } }';
    const [first, second] = [await send('k', query, {}), await send('k', query, {})];
    expect([first.isReplayed, second.isReplayed, code(first)]).toEqual([false, false, undefined]);
  });

  test('keeps nothing of a request that the limits refuse, or whose variables do not fit', async () => {
    const key = newKey();
    expect(code(await send(key, invoice, { invoice_id: 1.5 }))).toBe('BAD_USER_INPUT');
    expect(code(await send(key, invoice, { invoice_id: 'none' }))).toBe('NOT_FOUND');
  });
});
