// What /metrics tells: true numbers of what happened and of what is owed, in labels that no caller can choose.

import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { tamper } from '../setup/tampering.ts';

const TOKEN = 'metrics-token-0123456789';

/** Threads that draw take their time to start on a busy machine. */
const PATIENCE = { timeoutMs: 40_000 };
vi.setConfig({ testTimeout: 60_000 });

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true, env: { METRICS_TOKEN: TOKEN } });
});
afterAll(() => billhead?.close());

const ask = (authorization: string | null, address = billhead.address) =>
  fetch(`${address}/metrics`, { headers: authorization === null ? {} : { authorization } });

async function scrape(product = billhead): Promise<string> {
  const response = await ask(`Bearer ${TOKEN}`, product.address);
  expect(response.status).toBe(200);
  return response.text();
}

/** The value of one series; null when there is none. */
function valueOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | null {
  const line = text.split('\n').find((one) => {
    const given = one.startsWith('#') ? null : /^(\w+)(?:\{(.*)\})? /.exec(one);
    return given?.[1] === name && Object.entries(labels).every(([key, value]) => one.includes(`${key}="${value}"`));
  });
  return line === undefined ? null : Number(line.slice(line.lastIndexOf(' ') + 1));
}

test.each([
  ['no token', null],
  ['another token', 'Bearer metrics-token-0123456780'],
  ['a longer one', `Bearer ${TOKEN}x`],
  ['one of other letters', `Bearer ${TOKEN.slice(1)}\u00e9`],
  ['an API key', 'Bearer bh_x'],
])('whoever shows %s is not told', async (_, authorization) => {
  const response = await ask(authorization);
  expect({ status: response.status, told: (await response.text()).includes('billhead_') }).toEqual({
    status: 401,
    told: false,
  });
});

test('without a token it is nobody’s business, on a database of one’s own', async () => {
  const open = await startTestProduct();
  onTestFinished(() => open.close());
  expect((await ask(null, open.address)).status).toBe(404);
  expect((await ask('Bearer undefined', open.address)).status).toBe(404);
});

test('an invoice is seen on its way: requests, operations, transactions, jobs, the PDF and the mail', async () => {
  await billhead.ask(PLACE_ORDER, { input: order('o1') });
  await billhead.ask(INVOICE_ITEMS, { input: { items: ['o1-1'], invoice_id: 'i1' } });
  await billhead.ask('mutation { sendInvoiceEmail(input: { invoice_id: "i1" }) { invoice { id } } }');
  await billhead.refusal(INVOICE_ITEMS, { input: { items: ['o1-1'] } });
  await billhead.graphql('query { a: invoice(id: "i1") { id } b: order(id: "o1") { id } }');
  await billhead.graphql('{ nothing_like_this }');
  await eventually(
    async () => valueOf(await scrape(), 'billhead_mail_duration_seconds_count', { outcome: 'sent' }) === 1,
    PATIENCE,
  );

  const text = await scrape();
  const operation = 'billhead_graphql_operations_total';
  expect({
    invoiced: valueOf(text, operation, { type: 'mutation', field: 'invoiceItems', outcome: 'ok' }),
    refused: valueOf(text, operation, { type: 'mutation', field: 'invoiceItems', outcome: 'NOT_INVOICEABLE' }),
    several: valueOf(text, operation, { type: 'query', field: 'several', outcome: 'ok' }),
    unknown: valueOf(text, operation, { type: 'none', field: 'none', outcome: 'GRAPHQL_VALIDATION_FAILED' }),
    placed: valueOf(text, 'billhead_graphql_operation_duration_seconds_count', { field: 'placeOrder' }),
    retried: valueOf(text, 'billhead_transactions_retried_total'),
    rendered: valueOf(text, 'billhead_render_duration_seconds_count', { outcome: 'rendered' }),
    jobs: valueOf(text, 'billhead_job_duration_seconds_count', { kind: 'sendEmail', outcome: 'done' }),
    waits: valueOf(text, 'billhead_job_wait_seconds_count', { kind: 'renderInvoice' }),
  }).toEqual({
    invoiced: 1,
    refused: 1,
    several: 1,
    unknown: 1,
    placed: 1,
    retried: 0,
    rendered: 1,
    jobs: 1,
    waits: 1,
  });
  const committed = { outcome: 'committed' };
  expect(valueOf(text, 'billhead_transaction_duration_seconds_count', committed)).toBeGreaterThanOrEqual(3);
  const requests = { method: 'POST', route: '/graphql', status: '2xx' };
  expect(valueOf(text, 'billhead_http_request_duration_seconds_count', requests)).toBeGreaterThanOrEqual(5);
  expect(valueOf(text, 'billhead_build_info', { version: '0.1.0' })).toBe(1);
  expect(valueOf(text, 'billhead_database_connections', { pool: 'merchant', state: 'idle' })).toBeGreaterThan(0);
  expect(valueOf(text, 'process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(valueOf(text, 'nodejs_eventloop_lag_seconds')).not.toBeNull();
});

test('no label holds what a caller sent: names, addresses, methods, ids and merchants', async () => {
  const marks = ['markoperation', 'markalias', 'markpath', 'markid', 'markheader'];
  await billhead.graphql('query markoperation { markalias: invoice(id: "markid") { id } }');
  await billhead.graphql(
    'query markoperation { __typename @include(if: true) ...markalias } fragment markalias on Query { invoice(id: "markid") { id } }',
  );
  await billhead.graphql('{ markalias }');
  await fetch(`${billhead.address}/markpath?markpath=1`, { headers: { traceparent: 'markheader' } });
  await fetch(`${billhead.address}/pdf/markpath`);
  await fetch(`${billhead.address}/graphql/markpath`, { method: 'DELETE' });
  await fetch(`${billhead.address}/graphql`, { method: 'PROPFIND' });
  const text = await scrape();
  for (const mark of [...marks, billhead.apiKey, 'demo', 'Lovelace', 'PROPFIND']) expect(text).not.toContain(mark);
  expect(text).toContain('route="/pdf/:token"');
  expect(text).toContain('route="none"');
});

test('what is owed is what the database says, of all merchants, and how long the oldest has waited', async () => {
  const idle = await startTestProduct({ env: { METRICS_TOKEN: TOKEN } });
  const database = new pg.Client({ connectionString: idle.databaseUrl });
  await database.connect();
  onTestFinished(async () => {
    await database.end();
    await idle.close();
  });
  const other = await idle.addMerchant('other');
  for (const [id, key] of [
    ['o1', idle.apiKey],
    ['o2', idle.apiKey],
    ['o3', other],
  ] as const) {
    await idle.ask(PLACE_ORDER, { input: order(id) }, key);
    await idle.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: `i-${id}` } }, key);
  }
  await idle.ask('mutation { sendInvoiceEmail(input: { invoice_id: "i-o1" }) { invoice { id } } }');
  await tamper(idle.databaseUrl, `UPDATE invoices SET created_at = now() - interval '1 hour' WHERE id = 'i-o2'`);
  await database.query(`UPDATE invoices SET pdf_status = 'FAILED', pdf_due_at = NULL WHERE id = 'i-o3'`);
  // Nobody waits for the queue to know of a new invoice.
  const text = await eventually(async () => {
    const found = await scrape(idle);
    return valueOf(found, 'billhead_queue_jobs', { kind: 'renderInvoice', state: 'waiting' }) === 3 && found;
  });
  const owed = (kind: string) => valueOf(text, 'billhead_owed', { kind });
  expect({
    pdf: owed('pdf'),
    givenUp: owed('pdf_given_up'),
    email: owed('email'),
    webhooks: owed('webhook'),
    calls: owed('gateway_call'),
  }).toEqual({
    pdf: 2,
    givenUp: 1,
    email: 1,
    webhooks: 0,
    calls: 0,
  });
  expect(valueOf(text, 'billhead_owed_oldest_seconds', { kind: 'pdf' })).toBeCloseTo(3_600, -2);
  expect(valueOf(text, 'billhead_owed_oldest_seconds', { kind: 'email' })).toBeLessThan(60);
  expect(valueOf(text, 'billhead_queue_oldest_seconds', { kind: 'renderInvoice' })).toBeGreaterThan(0);
  expect(valueOf(text, 'billhead_scrape_source_up', { source: 'database' })).toBe(1);
});

test('a database that does not answer costs a few seconds, and old numbers are not shown as the truth', async () => {
  const stuck = await startTestProduct({ env: { METRICS_TOKEN: TOKEN } });
  const holder = new pg.Client({ connectionString: stuck.databaseUrl });
  await holder.connect();
  onTestFinished(async () => {
    await holder.end();
    await stuck.close();
  });
  expect(valueOf(await scrape(stuck), 'billhead_owed', { kind: 'pdf' })).toBe(0);
  await holder.query('BEGIN; LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE');
  const text = await eventually(async () => {
    const begun = performance.now();
    const told = await scrape(stuck);
    expect(performance.now() - begun).toBeLessThan(10_000);
    return valueOf(told, 'billhead_scrape_source_up', { source: 'database' }) === 0 ? told : null;
  });
  expect(valueOf(text, 'billhead_owed', { kind: 'pdf' })).toBeNull();
  expect(valueOf(text, 'billhead_http_request_duration_seconds_count')).toBeGreaterThan(0);
  await holder.query('ROLLBACK');
  await eventually(async () => valueOf(await scrape(stuck), 'billhead_scrape_source_up', { source: 'database' }) === 1);
});
