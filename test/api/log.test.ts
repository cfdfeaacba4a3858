// What the running product logs when it is provoked: lines of JSON without a key, a link, an address or a name.

import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pinoLog } from '../../src/adapters/pino-log.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startSmtp, type TestSmtp } from '../setup/smtp.ts';

const SEND = 'mutation Send($id: String!) { sendInvoiceEmail(input: { invoice_id: $id }) { invoice { id } } }';
const READ =
  'query Read($id: String!) { invoice(id: $id) { pdf_url payment_link pdf { status } emails { status error } } }';
const CAPTURE = 'mutation Capture($id: String!) { captureInvoice(input: { invoice_id: $id }) { invoice { id } } }';

const lines: string[] = [];
/** What nothing may say, collected on the way. */
const secrets = new Set<string>();
let smtp: TestSmtp;
let billhead: TestProduct;
let database: pg.Client;

beforeAll(async () => {
  smtp = await startSmtp({
    login: { user: 'shop', password: 'smtp-passw0rd' },
    onRecipient: (address) => {
      if (address.startsWith('gone')) return { code: 550, reason: `5.1.1 <${address}>: Grace Hopper has left` };
      if (address.startsWith('later')) return { code: 451, reason: `4.7.1 <${address}>: Grace Hopper is busy` };
      return null;
    },
  });
  billhead = await startTestProduct({
    withWorker: true,
    log: pinoLog('trace', { write: (line) => void lines.push(line) }),
    smtpUrl: smtp.url.replace('//', '//shop:smtp-passw0rd@'),
  });
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
  await smtp.close();
});

const read = async (id: string) => (await billhead.ask(READ, { id })).invoice;
const soon = <T>(check: () => Promise<T>) => eventually(check, { timeoutMs: 20_000 });
const logged = (event: string) =>
  soon(async () => {
    expect(lines.join('')).toContain(`"event":"${event}"`);
    return true;
  });

async function issue(id: string, email: string, authorization: string | null = null): Promise<void> {
  const customer = { id: `c-${id}`, name: 'Grace Hopper', organisation: 'Cobol Works', email, locale: 'en' };
  const input = order(id, {
    customer,
    items: [item({ id: `${id}-1`, name: 'Secret Widget' })],
    payment: { method: 'card', authorization },
  });
  await billhead.ask(PLACE_ORDER, { input });
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
}

test('refused keys, mails, renderings, payments and a broken database are told without secrets and without people', async () => {
  for (const part of [
    billhead.apiKey.slice(16),
    'smtp-passw0rd',
    'Grace',
    'Hopper',
    'Cobol',
    'Secret Widget',
    'Damrak',
  ]) {
    secrets.add(part);
  }
  const password = new URL(billhead.databaseUrl).password;
  if (password !== '') secrets.add(password);

  // A key that is wrong, in every place where one is read.
  const wrong = `bh_0123456789ab_${'w'.repeat(43)}`;
  secrets.add('w'.repeat(43));
  await billhead.graphql('{ orders { total_count } }', {}, wrong);
  await fetch(`${billhead.address}/graphql?key=${wrong}`, { headers: { 'x-api-key': wrong } });
  await fetch(`${billhead.address}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'bh_0123456789ab', client_secret: wrong }),
  });

  // Mails that are refused, for good and for now.
  for (const name of ['gone', 'later']) {
    await issue(name, `${name}@example.com`);
    await billhead.ask(SEND, { id: name });
  }
  await logged('invoice.email_refused');
  await logged('invoice.email_failed');
  const refused = await soon(async () => {
    const { emails } = await read('gone');
    expect(emails[0].status).toBe('FAILED');
    return emails[0];
  });
  expect(refused.error).toContain('Grace Hopper has left');

  // Links that work, and then do not.
  const { pdf_url: pdfUrl, payment_link: paymentLink } = await read('gone');
  for (const url of [pdfUrl, paymentLink]) {
    const [content = '', signature = ''] = url.slice(url.lastIndexOf('/') + 1).split('.');
    secrets.add(content).add(signature);
    await fetch(url, { redirect: 'manual' });
    await fetch(`${url}x`, { redirect: 'manual' });
  }

  // A folder that cannot be written.
  const folder = path.join(billhead.dataDir, 'pdf');
  await rm(folder, { recursive: true });
  await writeFile(folder, '');
  await issue('unlucky', 'unlucky@example.com');
  await logged('invoice.render_failed');
  await fetch(pdfUrl);
  await rm(folder);

  // A gateway whose books are gone; then all of the database is.
  await issue('payment', 'payment@example.com', 'auth_log');
  await database.query('ALTER TABLE test_gateway_entries RENAME TO lost_entries');
  await billhead.graphql(CAPTURE, { id: 'payment' });
  await logged('gateway.no_answer');
  // The database says more than it should, as it does of rows and values.
  await database.query(`CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'Failing row contains (%, %).', NEW.name, NEW.email USING HINT = 'none';
  END $$`);
  await database.query('CREATE TRIGGER tell BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION tell()');
  const late = order('late', {
    customer: { id: 'late', name: 'Grace Hopper II', email: 'late@example.com', locale: 'en' },
  });
  const broken = await billhead.refusal(PLACE_ORDER, { input: late });
  expect(broken.extensions.code).toBe('INTERNAL_SERVER_ERROR');
  expect(broken.message).not.toMatch(/Failing|Grace|late@/);
  await database.query('ALTER TABLE invoices RENAME TO lost_invoices');
  await billhead.graphql('{ invoice(id: "gone") { id } }');
  await fetch(pdfUrl);
  await fetch(paymentLink, { redirect: 'manual' });
  await logged('graphql.internal_error');
  await logged('http.internal_error');

  expect(lines.length).toBeGreaterThan(8);
  for (const line of lines) {
    expect(line.trimEnd()).not.toMatch(/[\r\n]/);
    const entry = JSON.parse(line) as Record<string, unknown>;
    expect(entry).toMatchObject({
      level: expect.stringMatching(/^(trace|debug|info|warn|error|fatal)$/),
      time: expect.any(Number),
      event: expect.stringMatching(/^[a-z]+\.[a-z_]+$/),
    });
    for (const secret of secrets) expect(line).not.toContain(secret);
    expect(line).not.toMatch(/[^\s"\\]+@[^\s"\\]+\.(?:com|example)/);
  }
  // And what somebody needs to put it right is there.
  expect(lines.join('')).toContain('42P01');
  expect(lines.join('')).toContain('"reason":"550 5.1.1 …"');
});
