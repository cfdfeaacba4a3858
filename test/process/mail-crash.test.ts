// A worker that ends while the mail server holds its answer: the mail is not lost, and is SENT once.

import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';
import { startSmtp, type TestSmtp } from '../setup/smtp.ts';

let billhead: TestProduct;
let database: pg.Client;
let smtp: TestSmtp;
let isHolding = true;

beforeAll(async () => {
  // Holds its answer to a message that it has whole.
  smtp = await startSmtp({ onMail: () => (isHolding ? new Promise<null>(() => {}) : null) });
  billhead = await startTestProduct({ smtpUrl: smtp.url });
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
beforeEach(() => {
  isHolding = true;
});
afterAll(async () => {
  await database.end();
  await billhead.close();
  await smtp.close();
});

async function startWorker(): Promise<RunningProcess> {
  const env = { DATABASE_URL: billhead.databaseUrl, DATA_DIR: billhead.dataDir, SMTP_URL: smtp.url };
  const worker = startProcess('worker.ts', env);
  await worker.waitFor('worker.started');
  return worker;
}

/** A worker in the middle of a mail: the server has all of it, and the worker does not know. */
async function inTheMiddle(id: string): Promise<RunningProcess> {
  await billhead.ask(PLACE_ORDER, { input: order(id) });
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
  const mutation = `mutation { sendInvoiceEmail(input: { invoice_id: "${id}", to: "${id}@example.com" }) { invoice { id } } }`;
  await billhead.ask(mutation);
  const worker = await startWorker();
  await eventually(() => smtp.receivedBy(`${id}@example.com`).length === 1, { timeoutMs: 20_000 });
  return worker;
}

const emailsOf = async (id: string) =>
  (await billhead.ask(`{ invoice(id: "${id}") { emails { status attempts error sent_at } } }`)).invoice.emails;

describe('a worker in the middle of a mail', () => {
  test('is killed: once its lease has ended another one sends the mail, which receivers know as the same', async () => {
    const worker = await inTheMiddle('killed');
    expect(await worker.end('SIGKILL')).toBe('SIGKILL');
    expect(await emailsOf('killed')).toEqual([{ status: 'QUEUED', attempts: 1, error: null, sent_at: null }]);
    isHolding = false;
    const next = await startWorker();
    // Nobody takes it up before: it could still be on its way.
    const { rows } = await database.query(
      `SELECT due_at > now() + interval '30 seconds' AS is_leased FROM invoice_emails`,
    );
    expect(rows).toEqual([{ is_leased: true }]);
    await database.query(`UPDATE invoice_emails SET due_at = now()`);
    await eventually(async () => (await emailsOf('killed'))[0].status === 'SENT', { timeoutMs: 20_000 });
    expect(await emailsOf('killed')).toEqual([
      { status: 'SENT', attempts: 2, error: null, sent_at: expect.any(String) as string },
    ]);
    const copies = smtp.receivedBy('killed@example.com').map(({ mail }) => ({ id: mail.messageId, date: mail.date }));
    expect(copies).toHaveLength(2);
    expect(copies[0]).toEqual(copies[1]);
    expect(await next.end('SIGTERM')).toBe(0);
  }, 90_000);

  test('is asked to stop: it gives the mail back in time, and the next worker sends it', async () => {
    const worker = await inTheMiddle('stopped');
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(await emailsOf('stopped')).toEqual([
      { status: 'QUEUED', attempts: 1, error: 'The process that was sending it stopped.', sent_at: null },
    ]);
    isHolding = false;
    const next = await startWorker();
    await eventually(async () => (await emailsOf('stopped'))[0].status === 'SENT', { timeoutMs: 20_000 });
    expect(await next.end('SIGTERM')).toBe(0);
  }, 90_000);
});
