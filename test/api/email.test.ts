// From a request to mail an invoice to a real mail server: once, with the PDF, and never lost whatever goes wrong.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBullmqWorker } from '../../src/adapters/bullmq-worker.ts';
import { emailRetryDelayMs } from '../../src/actions/deliver-email.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { tamper } from '../setup/tampering.ts';
import { quietLog } from '../setup/quiet-log.ts';
import { startSmtp, type ReceivedMail, type SmtpRefusal, type TestSmtp } from '../setup/smtp.ts';

const EMAILS = `query Emails($id: String!) { invoice(id: $id) {
  number pdf_url pdf { status } last_notification_at comments { comment }
  emails { id to status attempts error created_at sent_at } } }`;
const SEND = `mutation Send($input: SendInvoiceEmailInput!) {
  sendInvoiceEmail(input: $input) { invoice { id emails { id to status } } } }`;
const COMMENT = `mutation Comment($input: AddInvoiceCommentInput!) {
  addInvoiceComment(input: $input) { invoice { comments { comment } emails { to status } } } }`;
const INVOICE_ORDER = `mutation InvoiceOrder($input: InvoiceOrderInput!) {
  invoiceOrder(input: $input) { invoice { id number emails { to status attempts } } } }`;

/** Answers of the mail server to recipients, and to whole mails, by the address; none means that it takes them. */
const recipientAnswers = new Map<string, SmtpRefusal>();
const mailAnswers = new Map<string, (mail: ReceivedMail, cut: () => void) => Promise<SmtpRefusal | null> | null>();

let smtp: TestSmtp;
let billhead: TestProduct;
let database: pg.Client;
let count = 0;

beforeAll(async () => {
  smtp = await startSmtp({
    onRecipient: (address) => recipientAnswers.get(address) ?? null,
    onMail: (mail, cut) => mailAnswers.get(mail.to[0] ?? '')?.(mail, cut) ?? null,
  });
  billhead = await startTestProduct({ withWorker: true, smtpUrl: smtp.url });
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
  await smtp.close();
});

/** An order and an invoice over it, both with a new id; the buyer's address is the id at example.com. */
async function issue(customer: object = {}, product = billhead): Promise<{ id: string; address: string }> {
  const id = `mail-${(count += 1)}`;
  const address = `${id}@example.com`;
  const buyer = { id: `c-${id}`, name: 'Ada Lovelace', email: address, locale: 'nl-NL', ...customer };
  await product.ask(PLACE_ORDER, { input: order(id, { customer: buyer }) });
  await product.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
  return { id, address };
}

const send = (input: object, product = billhead) => product.ask(SEND, { input });
const read = async (id: string, product = billhead) => (await product.ask(EMAILS, { id })).invoice;
const soon = (check: () => Promise<unknown>) => eventually(check, { timeoutMs: 20_000 });

/** Waits until the newest mail of an invoice stands there, and returns it. */
const newest = (id: string, status: string, product = billhead) =>
  eventually(
    async () => {
      const { emails } = await read(id, product);
      expect(emails.at(-1)).toMatchObject({ status });
      return emails.at(-1);
    },
    { timeoutMs: 20_000 },
  );

/** Waits for the next attempts to be due no longer. */
const retryNow = (id: string) =>
  database.query(
    `UPDATE invoice_emails SET due_at = now(), ask_again_at = NULL WHERE invoice_id = $1 AND status = 'QUEUED'`,
    [id],
  );

describe('a mail', () => {
  test('comes once, from the seller to the buyer, in the invoice’s language, with the very PDF that is downloaded', async () => {
    const { id, address } = await issue();
    await send({ invoice_id: id, comment: 'Bedankt!\nTot ziens.' });
    const entry = await newest(id, 'SENT');
    const invoice = await read(id);
    expect(entry).toMatchObject({ to: address, attempts: 1, error: null });
    expect(invoice.last_notification_at).toBe(entry.sent_at);
    expect(smtp.receivedBy(address)).toHaveLength(1);
    const [{ from, mail }] = smtp.receivedBy(address) as [ReceivedMail];
    expect(from).toBe('facturen@polderhandel.example');
    expect(mail.from).toMatchObject({ name: 'Polderhandel Voorbeeld B.V.', address: 'facturen@polderhandel.example' });
    expect(mail.replyTo?.[0]?.address).toBe('facturen@polderhandel.example');
    expect(mail.to?.[0]?.address).toBe(address);
    expect(mail.subject).toBe(`Factuur ${invoice.number} – Polderhandel Voorbeeld B.V.`);
    expect(mail.messageId).toBe(`<${entry.id}@polderhandel.example>`);
    expect(new Date(mail.date ?? '').getTime()).toBe(Math.floor(Date.parse(entry.created_at) / 1000) * 1000);
    expect(mail.headers.find(({ key }) => key === 'auto-submitted')?.value).toBe('auto-generated');
    for (const body of [mail.text, mail.html]) {
      const text = body?.replaceAll('\u00a0', ' ');
      expect(text).toContain('Beste Ada Lovelace,');
      expect(text).toMatch(new RegExp(`factuur ${invoice.number} van Polderhandel Voorbeeld B\\.V\\.[\\n<]`));
      expect(text).toContain('€ 24,20');
      expect(text).toContain('Tot ziens.');
    }
    const [attachment] = mail.attachments;
    expect(attachment).toMatchObject({ filename: `${invoice.number}.pdf`, mimeType: 'application/pdf' });
    const download = new Uint8Array(await (await fetch(invoice.pdf_url)).arrayBuffer());
    expect(new Uint8Array(attachment?.content as ArrayBuffer)).toEqual(download);
  });

  test('goes to the address that is given instead, and again is an entry of its own', async () => {
    const { id, address } = await issue();
    await send({ invoice_id: id, to: 'books@example.org' });
    await newest(id, 'SENT');
    await send({ invoice_id: id });
    await newest(id, 'SENT');
    const { emails } = await read(id);
    expect(emails.map(({ to }: { to: string }) => to)).toEqual(['books@example.org', address]);
    expect(new Set(emails.map((email: { id: string }) => email.id)).size).toBe(2);
    expect([smtp.receivedBy('books@example.org'), smtp.receivedBy(address)].map(({ length }) => length)).toEqual([
      1, 1,
    ]);
  });

  test.each(['PAID', 'CANCELED'])('goes out for an invoice that is %s', async (state) => {
    const { id, address } = await issue();
    const operation = state === 'PAID' ? 'registerPayment' : 'cancelInvoice';
    const more = state === 'PAID' ? ', amount: 2420, method: "cash"' : '';
    await billhead.ask(`mutation { ${operation}(input: { invoice_id: "${id}"${more} }) { invoice { state } } }`);
    await send({ invoice_id: id });
    await newest(id, 'SENT');
    const text = smtp.receivedBy(address)[0]?.mail.text ?? '';
    expect(text.includes('Deze factuur is betaald.')).toBe(state === 'PAID');
    expect(text).not.toContain('Vervaldatum');
  });

  test('of hostile names and comments is harmless: no header is added, no markup comes alive', async () => {
    const name = 'Eve <script>alert(1)</script> "x" \'y\' & co';
    const { id, address } = await issue({ name });
    // What the doors refuse may still be in the database one day.
    await tamper(
      billhead.databaseUrl,
      `UPDATE invoices SET buyer = jsonb_set(buyer, '{name}', to_jsonb($2::text)),
         seller = jsonb_set(seller, '{name}', to_jsonb($3::text)) WHERE id = $1`,
      [id, `${name}\r\nBcc: everyone@example.net`, 'Seller\r\nBcc: all@example.net\u202egro.live'],
    );
    await send({ invoice_id: id, comment: '<img src=x onerror=alert(2)>\r\n.\r\nQUIT\n\nlast line' });
    await newest(id, 'SENT');
    const [{ mail, raw, to }] = smtp.receivedBy(address) as [ReceivedMail];
    expect(to).toEqual([address]);
    const headers = raw.toString('latin1').split('\r\n\r\n')[0] ?? '';
    expect(headers).not.toMatch(/^bcc:/im);
    expect(mail.bcc ?? []).toEqual([]);
    expect(`${mail.subject}${mail.from?.name}`).not.toMatch(/[\u202a-\u202e\r\n]/);
    expect(mail.html).not.toMatch(/<script|<img|onerror=alert\(2\)>/);
    expect(mail.html).toContain(
      '&lt;script&gt;alert(1)&lt;/script&gt; &quot;x&quot; &#39;y&#39; &amp; co Bcc: everyone',
    );
    expect(mail.text).toContain('\n.\nQUIT\n\nlast line');
    expect(mail.attachments).toHaveLength(1);
  });
});

describe('the mail server', () => {
  test('that refuses the recipient for good makes the mail FAILED at once, with its reason', async () => {
    const { id, address } = await issue();
    recipientAnswers.set(address, { code: 550, reason: '5.1.1 No such user here' });
    await send({ invoice_id: id });
    const entry = await newest(id, 'FAILED');
    expect(entry).toMatchObject({
      attempts: 1,
      sent_at: null,
      error: expect.stringContaining('550 5.1.1 No such user'),
    });
    expect((await read(id)).last_notification_at).toBeNull();
    recipientAnswers.delete(address);
    await send({ invoice_id: id });
    await newest(id, 'SENT');
    expect((await read(id)).emails.map(({ status }: { status: string }) => status)).toEqual(['FAILED', 'SENT']);
  });

  test('that refuses the message for good makes the mail FAILED, with a reason of at most 500 characters', async () => {
    const { id, address } = await issue();
    mailAnswers.set(address, async () => ({ code: 554, reason: `5.7.1 spam ${'x'.repeat(1000)}` }));
    await send({ invoice_id: id });
    const { attempts, error } = await newest(id, 'FAILED');
    expect({ attempts, length: error.length }).toEqual({ attempts: 1, length: 500 });
    expect(error).toMatch(/554 5\.7\.1 spam/);
  });

  test('that puts it off (greylisting) gets it again a little later: SENT at the second attempt', async () => {
    const { id, address } = await issue();
    recipientAnswers.set(address, { code: 451, reason: '4.7.1 Greylisted, come back' });
    await send({ invoice_id: id });
    await soon(async () => {
      expect((await read(id)).emails[0]).toMatchObject({ status: 'QUEUED', attempts: 1, sent_at: null });
      expect((await read(id)).emails[0].error).toContain('451 4.7.1 Greylisted');
      return true;
    });
    recipientAnswers.delete(address);
    expect(await newest(id, 'SENT')).toMatchObject({ attempts: 2, error: null });
    expect(smtp.receivedBy(address)).toHaveLength(1);
  });

  test('that cuts the connection after the message has not taken it: it comes again under the same Message-ID and Date', async () => {
    const { id, address } = await issue();
    mailAnswers.set(address, async (_, cut) => {
      mailAnswers.delete(address);
      cut();
      return null;
    });
    await send({ invoice_id: id });
    await soon(async () => {
      expect((await read(id)).emails[0]).toMatchObject({ status: 'QUEUED', attempts: 1, sent_at: null });
      expect((await read(id)).emails[0].error).not.toBeNull();
      return true;
    });
    await newest(id, 'SENT');
    const copies = smtp.receivedBy(address).map(({ mail }) => ({ id: mail.messageId, date: mail.date }));
    expect(copies).toHaveLength(2);
    expect(copies[0]).toEqual(copies[1]);
  });

  test('that wants a password that is wrong is our fault, not the mail’s: it waits, and goes once the password is right', async () => {
    const strict = await startSmtp({ login: { user: 'shop', password: 'right' } });
    const url = (password: string) => `smtp://shop:${password}@127.0.0.1:${strict.port}`;
    const product = await startTestProduct({ smtpUrl: url('wrong') });
    const { id, address } = await issue({}, product);
    const worker = await product.addWorker();
    await send({ invoice_id: id }, product);
    const error = await soon(async () => (await read(id, product)).emails[0].error);
    expect(error).toContain('535');
    expect(error).not.toContain('wrong');
    expect((await read(id, product)).emails[0].status).toBe('QUEUED');
    await worker.close();
    const next = await product.addWorker({ SMTP_URL: url('right') });
    await newest(id, 'SENT', product);
    expect(strict.receivedBy(address)).toHaveLength(1);
    await next.close();
    await product.close();
    await strict.close();
  });

  test('that is down loses nothing: once it is up again the mail comes', async () => {
    const gone = await startSmtp();
    await gone.close();
    const product = await startTestProduct({ withWorker: true, smtpUrl: gone.url });
    const { id, address } = await issue({}, product);
    await send({ invoice_id: id }, product);
    await soon(async () => {
      const [entry] = (await read(id, product)).emails;
      expect(entry).toMatchObject({ status: 'QUEUED', error: expect.stringContaining('ECONNREFUSED') });
      return true;
    });
    const back = await startSmtp({ port: gone.port });
    const { attempts } = await newest(id, 'SENT', product);
    expect(attempts).toBeGreaterThan(1);
    expect(back.receivedBy(address)).toHaveLength(1);
    await product.close();
    await back.close();
  });

  test('is asked again after 2 s, 4 s, 8 s, … and at most half an hour', () => {
    expect([1, 2, 3, 4, 11, 12, 60].map(emailRetryDelayMs)).toEqual([
      2_000, 4_000, 8_000, 16_000, 1_800_000, 1_800_000, 1_800_000,
    ]);
  });
});

describe('of fifty who would deliver the same mail at once', () => {
  test('one does', async () => {
    const product = await startTestProduct({ smtpUrl: smtp.url });
    const { id, address } = await issue({}, product);
    await product.product.app.renderInvoice({ merchantId: 'demo', invoiceId: id });
    const { sendInvoiceEmail } = await send({ invoice_id: id }, product);
    const reference = { merchantId: 'demo', emailId: sendInvoiceEmail.invoice.emails[0].id };
    await Promise.all(Array.from({ length: 50 }, () => product.product.app.deliverEmail(reference)));
    expect((await read(id, product)).emails[0]).toMatchObject({ status: 'SENT', attempts: 1 });
    await product.product.app.deliverEmail(reference);
    expect(smtp.receivedBy(address)).toHaveLength(1);
    await product.close();
  });
});

describe('before the PDF', () => {
  test('is ready no mail goes out, whoever asks; then it does at once', async () => {
    const product = await startTestProduct({ smtpUrl: smtp.url });
    const { id, address } = await issue({}, product);
    const { sendInvoiceEmail } = await send({ invoice_id: id }, product);
    const reference = { merchantId: 'demo', emailId: sendInvoiceEmail.invoice.emails[0].id };
    await product.product.app.deliverEmail(reference);
    expect((await read(id, product)).emails[0]).toMatchObject({ status: 'QUEUED', attempts: 0, error: null });
    expect(smtp.receivedBy(address)).toHaveLength(0);
    // No sweep here: whoever makes the PDF ready asks for the mails that wait, and a request after that asks by itself.
    const worker = await startBullmqWorker({
      databaseUrl: product.databaseUrl,
      log: quietLog,
      concurrency: { renderInvoice: 1, sendEmail: 1, sendWebhooks: 1 },
      handlers: {
        renderInvoice: product.product.app.renderInvoice,
        sendEmail: product.product.app.deliverEmail,
        sendWebhooks: product.product.app.deliverWebhooks,
      },
    });
    await newest(id, 'SENT', product);
    expect(smtp.receivedBy(address)).toHaveLength(1);
    await send({ invoice_id: id }, product);
    await newest(id, 'SENT', product);
    expect(smtp.receivedBy(address)).toHaveLength(2);
    await worker.close();
    await product.close();
  });

  test('can be made, the mail says so and waits; it goes once the PDF is retried', async () => {
    const folder = path.join(billhead.dataDir, 'pdf');
    await rm(folder, { recursive: true, force: true });
    await writeFile(folder, '');
    const { id, address } = await issue();
    await database.query(`UPDATE invoices SET pdf_attempts = 7, pdf_due_at = now() WHERE id = $1`, [id]);
    await soon(async () => (await read(id)).pdf.status === 'FAILED');
    await send({ invoice_id: id });
    const [waiting] = (await read(id)).emails;
    expect(waiting).toMatchObject({ status: 'QUEUED', attempts: 0 });
    expect(waiting.error).toMatch(/waits for the PDF, which could not be made: .*ENOTDIR/);
    await rm(folder);
    await billhead.ask(`mutation { retryInvoicePdf(input: { invoice_id: "${id}" }) { invoice { id } } }`);
    expect(await newest(id, 'SENT')).toMatchObject({ error: null });
    expect(smtp.receivedBy(address)).toHaveLength(1);
  });

  test('is found to be gone, it is made again and goes out with the mail', async () => {
    const { id, address } = await issue();
    await soon(async () => (await read(id)).pdf.status === 'READY');
    await rm(path.join(billhead.dataDir, 'pdf'), { recursive: true });
    await mkdir(path.join(billhead.dataDir, 'pdf'));
    await send({ invoice_id: id });
    expect((await newest(id, 'SENT')).attempts).toBe(2);
    expect(smtp.receivedBy(address)[0]?.mail.attachments).toHaveLength(1);
  });
});

describe('a mail that was not asked for, or too long ago,', () => {
  test('is not sent: invoices made before mail was turned on stay as they are', async () => {
    const product = await startTestProduct();
    const { id, address } = await issue({}, product);
    await product.ask(COMMENT, { input: { invoice_id: id, comment: 'x', is_customer_notified: true } }, undefined);
    const worker = await product.addWorker({ SMTP_URL: smtp.url });
    await eventually(async () => (await read(id, product)).pdf.status === 'READY', { timeoutMs: 20_000 });
    await product.product.app.sweepOwedWork();
    expect(await read(id, product)).toMatchObject({ emails: [], last_notification_at: null });
    expect(smtp.receivedBy(address)).toHaveLength(0);
    await worker.close();
    await product.close();
  });

  test('and waited for longer than 24 hours is FAILED, never sent late', async () => {
    const product = await startTestProduct({ smtpUrl: smtp.url });
    const { id, address } = await issue({}, product);
    await product.product.app.renderInvoice({ merchantId: 'demo', invoiceId: id });
    const { sendInvoiceEmail } = await send({ invoice_id: id }, product);
    const client = new pg.Client({ connectionString: product.databaseUrl });
    await client.connect();
    await client.query(`UPDATE invoice_emails SET created_at = now() - interval '24 hours 1 minute'`);
    await client.end();
    const [{ id: emailId }] = sendInvoiceEmail.invoice.emails;
    await product.product.app.deliverEmail({ merchantId: 'demo', emailId });
    const worker = await product.addWorker();
    expect((await newest(id, 'FAILED', product)).error).toBe('It could not be sent within 24 hours.');
    expect(smtp.receivedBy(address)).toHaveLength(0);
    await worker.close();
    await product.close();
  });

  test('and whose next attempt would come after 24 hours is FAILED with the last reason', async () => {
    const { id, address } = await issue();
    recipientAnswers.set(address, { code: 451, reason: '4.2.2 Mailbox full' });
    await send({ invoice_id: id });
    // Counted when it begins; what came of it must stand there as well.
    await soon(async () => (await read(id)).emails[0].error !== null);
    await database.query(
      `UPDATE invoice_emails SET created_at = now() - interval '23 hours 50 minutes', attempts = 30 WHERE invoice_id = $1`,
      [id],
    );
    await retryNow(id);
    expect(await newest(id, 'FAILED')).toMatchObject({ attempts: 31, error: expect.stringContaining('Mailbox full') });
  });
});

describe('with invoiceOrder and addInvoiceComment', () => {
  const place = async (customer: object = {}) => {
    const id = `mail-${(count += 1)}`;
    const address = `${id}@example.com`;
    const buyer = { id: `c-${id}`, name: 'Ada', email: address, locale: 'en', ...customer };
    await billhead.ask(PLACE_ORDER, { input: order(id, { customer: buyer, items: [item({ id: `${id}-1` })] }) });
    return { id, address };
  };

  test.each([
    [true, true],
    [false, false],
  ])(
    'the mail comes with the invoice, once however often it is repeated; customer notified %s: the comment in it %s',
    async (isNotified, isIn) => {
      const { id, address } = await place();
      const comment = 'See you at the counter';
      const input = { order_id: id, invoice_id: id, send_email: true, comment, is_customer_notified: isNotified };
      const { invoiceOrder } = await billhead.ask(INVOICE_ORDER, { input });
      expect(invoiceOrder.invoice.emails).toEqual([{ to: address, status: 'QUEUED', attempts: 0 }]);
      await billhead.ask(INVOICE_ORDER, { input });
      await newest(id, 'SENT');
      expect((await read(id)).emails).toHaveLength(1);
      expect(smtp.receivedBy(address)[0]?.mail.text?.includes(comment)).toBe(isIn);
    },
  );

  test('the flags of a comment alone send nothing; send_email does, and include_comment puts the comment in', async () => {
    const { id, address } = await issue();
    const comment = (more: object) =>
      billhead.ask(COMMENT, { input: { invoice_id: id, comment: 'Hi there', ...more } });
    await comment({ is_customer_notified: true, is_visible_on_front: true, include_comment: true });
    expect((await read(id)).emails).toEqual([]);
    await comment({ send_email: true });
    await newest(id, 'SENT');
    await comment({ send_email: true, include_comment: true });
    await soon(async () => smtp.receivedBy(address).length === 2);
    const texts = smtp.receivedBy(address).map(({ mail }) => mail.text?.includes('Hi there'));
    expect(texts).toEqual([false, true]);
    expect((await read(id)).comments).toHaveLength(3);
  });

  test.each([
    ['none', null],
    ['one that no mail can go to', 'ada@nowhere'],
  ])(
    'a buyer whose address is %s is refused, and nothing is made: no invoice, no number, no comment, no mail',
    async (_, email) => {
      const { id } = await place({ email });
      const before = await database.query(`SELECT last_number FROM number_series`);
      const refused = await billhead.refusal(INVOICE_ORDER, { input: { order_id: id, send_email: true } });
      expect(refused.extensions).toMatchObject({ code: 'BAD_USER_INPUT', faults: [{ path: ['send_email'] }] });
      expect((await database.query(`SELECT last_number FROM number_series`)).rows).toEqual(before.rows);
      expect((await billhead.ask(`{ order(id: "${id}") { invoices { id } } }`)).order.invoices).toEqual([]);

      await billhead.ask(INVOICE_ORDER, { input: { order_id: id, invoice_id: id } });
      const commented = await billhead.refusal(COMMENT, { input: { invoice_id: id, comment: 'x', send_email: true } });
      expect(commented.extensions.faults?.map(({ path: at }) => at)).toEqual([['send_email']]);
      const sent = await billhead.refusal(SEND, { input: { invoice_id: id } });
      expect(sent.extensions.faults?.map(({ path: at }) => at)).toEqual([['to']]);
      expect(sent.message).toMatch(/e-mail address/);
      expect(await read(id)).toMatchObject({ comments: [], emails: [] });
      await send({ invoice_id: id, to: `${id}@example.com` });
      await newest(id, 'SENT');
    },
  );

  test('of who may not, or an invoice that is not there or another merchant’s, nothing is sent', async () => {
    const { id } = await issue();
    const other = await billhead.addMerchant('mail-neighbour');
    const reader = await billhead.addMerchant('mail-reader', ['invoices:read']);
    const code = async (invoiceId: string, key?: string) =>
      (await billhead.refusal(SEND, { input: { invoice_id: invoiceId, to: 'x@example.com' } }, key)).extensions.code;
    expect([await code(id, other), await code('nowhere'), await code('\u0000'), await code(id, reader)]).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
      'NOT_FOUND',
      'FORBIDDEN',
    ]);
    expect((await read(id)).emails).toEqual([]);
  });

  test.each(['a@example.com, b@example.com', 'Ada <a@example.com>', 'a@example.com\r\nBcc: b@example.com', '', 'ada'])(
    'the address %j is refused',
    async (to) => {
      const { id } = await issue();
      const { extensions } = await billhead.refusal(SEND, { input: { invoice_id: id, to, comment: ' ' } });
      expect(extensions.code).toBe('BAD_USER_INPUT');
      expect((await read(id)).emails).toEqual([]);
    },
  );
});

test('without a mail server mails are files in the outbox, one an entry', async () => {
  const product = await startTestProduct({ withWorker: true });
  const { id, address } = await issue({ locale: 'de-DE' }, product);
  await send({ invoice_id: id }, product);
  const entry = await newest(id, 'SENT', product);
  const outbox = path.join(product.dataDir, 'outbox');
  expect(await readdir(outbox)).toEqual([`${entry.id}.eml`]);
  const mail = await PostalMime.parse(await readFile(path.join(outbox, `${entry.id}.eml`)));
  expect(mail.to?.[0]?.address).toBe(address);
  expect(mail.subject).toMatch(/^Rechnung \d{4}-\d{6} – /);
  expect(mail.attachments[0]?.mimeType).toBe('application/pdf');
  await product.close();
});
