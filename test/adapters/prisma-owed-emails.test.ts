// Who may have a mail, and for how long: the rows under workers that come at once, too late, or never back.

import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectPrisma, type PrismaDatabase } from '../../src/adapters/prisma-database.ts';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let database: PrismaDatabase;
let sql: pg.Client;

const NOON = new Date('2026-11-22T12:00:00Z');
const after = (seconds: number) => new Date(NOON.getTime() + seconds * 1000);
const OLDEST = after(-24 * 3600);
const mail = (emailId: string) => ({ merchantId: 'demo', emailId });

beforeAll(async () => {
  billhead = await startTestProduct();
  await billhead.ask(PLACE_ORDER, { input: order('o') });
  await billhead.ask(INVOICE_ITEMS, { input: { items: ['o-1'], invoice_id: 'i' } });
  await billhead.product.app.renderInvoice({ merchantId: 'demo', invoiceId: 'i' });
  database = connectPrisma(billhead.databaseUrl, null);
  sql = new pg.Client({ connectionString: billhead.databaseUrl });
  await sql.connect();
});
beforeEach(() => sql.query('DELETE FROM invoice_emails'));
afterAll(async () => {
  await sql.end();
  await database.close();
  await billhead.close();
});

async function queue(...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const email = { id, invoiceId: 'i', to: 'ada@example.com', comment: null, createdAt: NOON };
    await database.transact('demo', (transaction) => transaction.insertEmail(email));
  }
}

const begin = (id: string, now: Date, seconds = 60) =>
  database.emails.begin(mail(id), now, new Date(now.getTime() + seconds * 1000), OLDEST);

async function row(id: string) {
  const { rows } = await sql.query('SELECT status, attempts, error, due_at FROM invoice_emails WHERE id = $1', [id]);
  return rows[0] as unknown;
}

test('a mail is given out again only when its lease has ended', async () => {
  await queue('m');
  expect((await begin('m', after(0)))?.attempt).toBe(1);
  expect(await begin('m', after(59))).toBeNull();
  expect((await begin('m', after(60)))?.attempt).toBe(2);
});

test('an attempt that outlived its lease puts nothing back that another one has, but a mail that was taken is SENT', async () => {
  await queue('m');
  await begin('m', after(0));
  await begin('m', after(60));
  await database.emails.markFailed(mail('m'), 1, 'late news', after(61));
  expect(await row('m')).toMatchObject({ status: 'QUEUED', attempts: 2, error: null, due_at: after(120) });
  await database.emails.markSent(mail('m'), after(70));
  await database.emails.markFailed(mail('m'), 2, 'later news', null);
  expect(await row('m')).toMatchObject({ status: 'SENT', error: null, due_at: null });
  expect(await begin('m', after(10_000))).toBeNull();
});

test('sweeps at once claim each mail once, and again only when it was left alone long enough', async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `m${index}`);
  await queue(...ids);
  const claims = await Promise.all([1, 2, 3, 4].map(() => database.emails.claimDue(after(1), after(9), 8)));
  const claimed = claims.flat().map(({ emailId }) => emailId);
  expect(new Set(claimed).size).toBe(claimed.length);
  const rest = await database.emails.claimDue(after(2), after(10), 100);
  expect([...claimed, ...rest.map(({ emailId }) => emailId)].toSorted()).toEqual(ids.toSorted());
  expect(await database.emails.claimDue(after(3), after(11), 100)).toEqual([]);
  expect(await database.emails.claimDue(after(10), after(18), 100)).toHaveLength(20);
});

test('a sweep leaves alone what is being sent, is not due yet, or has no PDF', async () => {
  await queue('sending', 'later');
  await begin('sending', after(0));
  await begin('later', after(0));
  await database.emails.markFailed(mail('later'), 1, 'busy', after(30));
  expect(await database.emails.claimDue(after(20), after(28), 100)).toEqual([]);
  expect(await database.emails.claimDue(after(40), after(48), 100)).toEqual([mail('later')]);
  await sql.query(`UPDATE invoices SET pdf_status = 'PENDING', pdf_sha256 = NULL, pdf_due_at = now()`);
  expect(await database.emails.claimDue(after(90), after(98), 100)).toEqual([]);
  expect(await begin('later', after(90))).toBeNull();
  await billhead.product.app.renderInvoice({ merchantId: 'demo', invoiceId: 'i' });
  expect(await database.emails.claimDue(after(90), after(98), 100)).toHaveLength(2);
});

test('what has become too old is given up with its last reason, but not while it is being sent', async () => {
  await queue('sending', 'tried', 'untouched');
  await begin('sending', after(0));
  await begin('tried', after(0));
  await database.emails.markFailed(mail('tried'), 1, '451 later', after(2));
  expect(await database.emails.expire(after(-1), after(30), 'Too late.')).toBe(0);
  expect(await database.emails.expire(after(0), after(30), 'Too late.')).toBe(2);
  expect(await row('tried')).toMatchObject({ status: 'FAILED', error: 'Too late. 451 later' });
  expect(await row('untouched')).toMatchObject({ status: 'FAILED', error: 'Too late.' });
  expect(await row('sending')).toMatchObject({ status: 'QUEUED' });
});

test('a reason is cut to 500 characters and kept whatever it holds', async () => {
  await queue('m');
  await begin('m', after(0));
  await database.emails.markFailed(mail('m'), 1, `\u0000${'x'.repeat(498)}😀`, null);
  expect(await row('m')).toMatchObject({ status: 'FAILED', error: `\ufffd${'x'.repeat(498)}\ufffd` });
});

test.each([
  ['SENT without a time', `status = 'SENT', attempts = 1, due_at = NULL`],
  ['SENT without an attempt', `status = 'SENT', sent_at = now(), due_at = NULL`],
  ['FAILED without a reason', `status = 'FAILED', due_at = NULL`],
  ['QUEUED and never due', `due_at = NULL`],
  ['FAILED and due', `status = 'FAILED', error = 'x'`],
  ['of a state that is none', `status = 'LOST'`],
  ['to two lines', `recipient = E'a@example.com\\nb'`],
  ['to another merchant’s invoice', `merchant_id = 'nobody'`],
])('the database keeps no mail that is %s', async (_, changes) => {
  await queue('m');
  await expect(sql.query(`UPDATE invoice_emails SET ${changes}`)).rejects.toThrow(/constraint/);
});
