// A worker that ends while the mail server holds its answer: the mail is not lost, and is SENT once.

import pg from 'pg';
import { describe, expect, test, type TestContext } from 'vitest';
import { type RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';
import { startSmtp, type TestSmtp } from '../setup/smtp.ts';

interface Stage {
  readonly billhead: TestProduct;
  readonly database: pg.Client;
  readonly smtp: TestSmtp;
  /** Until then the mail server holds its answer to a message that it has whole. */
  letGo(): void;
}

/** Each test has a product and a mail server of its own, because they wait for long and so do it at the same time. */
async function openStage(finished: TestContext['onTestFinished']): Promise<Stage> {
  let isHolding = true;
  const smtp = await startSmtp({ onMail: () => (isHolding ? new Promise<null>(() => {}) : null) });
  finished(() => smtp.close());
  const billhead = await startTestProduct({ smtpUrl: smtp.url });
  finished(() => billhead.close());
  const database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  finished(() => database.end());
  return { billhead, database, smtp, letGo: () => (isHolding = false) };
}

async function startWorker({ billhead, smtp }: Stage): Promise<RunningProcess> {
  const env = { DATABASE_URL: billhead.databaseUrl, DATA_DIR: billhead.dataDir, SMTP_URL: smtp.url };
  const worker = startProcess('worker.ts', env);
  await worker.waitFor('worker.started');
  return worker;
}

/** A worker in the middle of a mail: the server has all of it, and the worker does not know. */
async function inTheMiddle(stage: Stage, id: string): Promise<RunningProcess> {
  const { billhead, smtp } = stage;
  await billhead.ask(PLACE_ORDER, { input: order(id) });
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
  const mutation = `mutation { sendInvoiceEmail(input: { invoice_id: "${id}", to: "${id}@example.com" }) { invoice { id } } }`;
  await billhead.ask(mutation);
  const worker = await startWorker(stage);
  await eventually(() => smtp.receivedBy(`${id}@example.com`).length === 1, { timeoutMs: 20_000 });
  return worker;
}

const emailsOf = async ({ billhead }: Stage, id: string) =>
  (await billhead.ask(`{ invoice(id: "${id}") { emails { status attempts error sent_at } } }`)).invoice.emails;

describe.concurrent('a worker in the middle of a mail', () => {
  test('is killed: once its lease has ended another one sends the mail, which receivers know as the same', async ({
    onTestFinished: finished,
  }) => {
    const stage = await openStage(finished);
    const { database, smtp } = stage;
    const worker = await inTheMiddle(stage, 'killed');
    expect(await worker.end('SIGKILL')).toBe('SIGKILL');
    expect(await emailsOf(stage, 'killed')).toEqual([{ status: 'QUEUED', attempts: 1, error: null, sent_at: null }]);
    stage.letGo();
    const next = await startWorker(stage);
    // Nobody takes it up before: it could still be on its way.
    const { rows } = await database.query(
      `SELECT due_at > now() + interval '30 seconds' AS is_leased FROM invoice_emails`,
    );
    expect(rows).toEqual([{ is_leased: true }]);
    await database.query(`UPDATE invoice_emails SET due_at = now()`);
    await eventually(async () => (await emailsOf(stage, 'killed'))[0].status === 'SENT', { timeoutMs: 20_000 });
    expect(await emailsOf(stage, 'killed')).toEqual([
      { status: 'SENT', attempts: 2, error: null, sent_at: expect.any(String) as string },
    ]);
    const copies = smtp.receivedBy('killed@example.com').map(({ mail }) => ({ id: mail.messageId, date: mail.date }));
    expect(copies).toHaveLength(2);
    expect(copies[0]).toEqual(copies[1]);
    expect(await next.end('SIGTERM')).toBe(0);
  }, 90_000);

  test('is asked to stop: it gives the mail back in time, and the next worker sends it', async ({
    onTestFinished: finished,
  }) => {
    const stage = await openStage(finished);
    const worker = await inTheMiddle(stage, 'stopped');
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(await emailsOf(stage, 'stopped')).toEqual([
      { status: 'QUEUED', attempts: 1, error: 'The process that was sending it stopped.', sent_at: null },
    ]);
    stage.letGo();
    const next = await startWorker(stage);
    await eventually(async () => (await emailsOf(stage, 'stopped'))[0].status === 'SENT', { timeoutMs: 20_000 });
    expect(await next.end('SIGTERM')).toBe(0);
  }, 90_000);
});
