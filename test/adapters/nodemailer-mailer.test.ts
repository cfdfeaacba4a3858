// Mails on their way: what is sent, what is a refusal for good, and how long it may take.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import PostalMime from 'postal-mime';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nodemailerMailer } from '../../src/adapters/nodemailer-mailer.ts';
import { invoiceMail } from '../../src/domain/invoice-mail.ts';
import type { OutgoingMail } from '../../src/ports.ts';
import { BUYER, documentOf, line, SELLER } from '../domain/invoice-documents.ts';
import { startSmtp, type TestSmtpOptions } from '../setup/smtp.ts';

const DEADLINE_MS = 5_000;
const LINK = 'https://pay.example/i?a=1&b="2"';

const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

let outbox: string;
beforeAll(async () => {
  outbox = await mkdtemp(path.join(os.tmpdir(), 'billhead-outbox-'));
});
afterAll(() => rm(outbox, { recursive: true }));

const { invoice } = documentOf([line(1)], { locale: 'el-GR' });

function mail(changes: Partial<OutgoingMail> = {}, comment = 'Γεια σας & <b>'): OutgoingMail {
  return {
    id: '0190',
    date: new Date('2026-11-22T10:00:00Z'),
    to: 'jet@goudenaar.example',
    content: invoiceMail({ invoice, payments: [], comment, paymentLink: null }),
    pdf: new Uint8Array([37, 80, 68, 70, 0, 255, 13, 10, 46, 13, 10]),
    ...changes,
  };
}

async function serve(options: TestSmtpOptions = {}, from: string | null = null, url = (plain: string) => plain) {
  const smtp = await startSmtp(options);
  opened.push(() => smtp.close());
  return { smtp, mailer: nodemailerMailer({ smtpUrl: url(smtp.url), from, outbox }) };
}

describe('over SMTP', () => {
  test('a mail in Greek arrives as it was, its attachment to the byte', async () => {
    const { smtp, mailer } = await serve();
    expect(await mailer.deliver(mail(), DEADLINE_MS)).toBeNull();
    const [received] = smtp.received;
    expect(received?.mail.subject).toBe(`Τιμολόγιο ${invoice.number} – ${SELLER.name}`);
    expect(received?.mail.text).toContain('Επισυνάπτεται το τιμολόγιο');
    expect(received?.mail.html).toContain('<html lang="el-GR">');
    expect(received?.mail.html).toContain('Γεια σας &amp; &lt;b&gt;');
    expect(new Uint8Array(received?.mail.attachments[0]?.content as ArrayBuffer)).toEqual(mail().pdf);
    expect(received?.raw.toString('latin1')).not.toMatch(/[^\u0000-\u007f]/); // oxlint-disable-line no-control-regex
  });

  test('the sender is who is configured, otherwise the seller, otherwise a name of this machine', async () => {
    const { smtp, mailer } = await serve({}, 'invoices@platform.example');
    await mailer.deliver(mail(), DEADLINE_MS);
    const [first] = smtp.received;
    expect([first?.from, first?.mail.from?.address]).toEqual([
      'invoices@platform.example',
      'invoices@platform.example',
    ]);
    expect(first?.mail.from?.name).toBe(SELLER.name);
    expect(first?.mail.replyTo?.[0]?.address).toBe(SELLER.email);
    expect(first?.mail.messageId).toBe('<0190@vandijk.example>');

    const silent = { ...invoice, seller: { ...SELLER, email: null } };
    const { smtp: other, mailer: plain } = await serve();
    await plain.deliver(
      mail({ content: invoiceMail({ invoice: silent, payments: [], comment: null, paymentLink: null }) }),
      DEADLINE_MS,
    );
    const [second] = other.received;
    expect(second?.from).toBe('invoices@localhost');
    expect(second?.mail.replyTo).toBeUndefined();
    expect(second?.mail.messageId).toBe('<0190@localhost>');
  });

  test('a way to pay becomes a button whose link is escaped, and a line of the text', async () => {
    const { smtp, mailer } = await serve();
    await mailer.deliver(
      mail({ content: invoiceMail({ invoice, payments: [], comment: null, paymentLink: LINK }) }),
      DEADLINE_MS,
    );
    const [received] = smtp.received;
    expect(received?.mail.html).toContain('href="https://pay.example/i?a=1&amp;b=&quot;2&quot;"');
    expect(received?.mail.text).toContain(`Πληρωμή online: ${LINK}`);
  });

  test('a name full of quotes, brackets and colons stays a name', async () => {
    const { smtp, mailer } = await serve();
    const name = '"Eve" <eve@example.net>, Bob: (x) \\;';
    const seller = { ...SELLER, name };
    const content = invoiceMail({
      invoice: { ...invoice, seller, buyer: { ...BUYER, name } },
      payments: [],
      comment: null,
      paymentLink: null,
    });
    await mailer.deliver(mail({ content }), DEADLINE_MS);
    expect(smtp.received[0]?.mail.from).toMatchObject({ name, address: SELLER.email });
    expect(smtp.received[0]?.to).toEqual(['jet@goudenaar.example']);
  });

  test('a letter beyond ASCII in the address goes out, its domain as the network knows it', async () => {
    const { smtp, mailer } = await serve();
    await mailer.deliver(mail({ to: 'jet@bäckerei.example' }), DEADLINE_MS);
    expect(smtp.received[0]?.raw.toString('latin1')).toMatch(/^To: jet@xn--bckerei-5wa\.example\r$/m);
    expect(smtp.received[0]?.isUtf8).toBe(false);
  });

  test.each([550, 551, 552, 553, 554, 571])('%i to the recipient is a refusal for good', async (code) => {
    const { mailer } = await serve({ onRecipient: () => ({ code, reason: 'no' }) });
    expect(await mailer.deliver(mail(), DEADLINE_MS)).toBe(`${code} no`);
  });

  test.each([421, 450, 451, 452, 530, 535])('%i to the recipient may be tried again', async (code) => {
    const { mailer } = await serve({ onRecipient: () => ({ code, reason: 'later' }) });
    await expect(mailer.deliver(mail(), DEADLINE_MS)).rejects.toThrow(`${code} later`);
  });

  test.each([
    [552, 'refused'],
    [554, 'refused'],
    [451, 'again'],
    [421, 'again'],
  ])('%i to the message: %s', async (code, outcome) => {
    const { mailer } = await serve({ onMail: () => ({ code, reason: 'said' }) });
    const result = await mailer.deliver(mail(), DEADLINE_MS).catch(() => 'again');
    expect(result).toBe(outcome === 'again' ? 'again' : `${code} said`);
  });

  test('a wrong password may be tried again, and is not told', async () => {
    const { mailer } = await serve({ login: { user: 'u', password: 'p' } }, null, (url) =>
      url.replace('//', '//u:hunter2@'),
    );
    const error: unknown = await mailer.deliver(mail(), DEADLINE_MS).catch((reason: unknown) => reason);
    expect(String(error)).toContain('535');
    expect(String(error)).not.toContain('hunter2');
    const right = await serve({ login: { user: 'u', password: 'p@ss' } }, null, (url) =>
      url.replace('//', '//u:p%40ss@'),
    );
    expect(await right.mailer.deliver(mail(), DEADLINE_MS)).toBeNull();
  });

  test('a password is not sent in the clear to another machine', async () => {
    // A name that leads to this machine without saying so.
    const { mailer, smtp } = await serve({ login: { user: 'u', password: 'p' } }, null, (url) =>
      url.replace('//127.0.0.1', '//u:p@0.0.0.0'),
    );
    await expect(mailer.deliver(mail(), DEADLINE_MS)).rejects.toThrow(/TLS/);
    expect(smtp.received).toHaveLength(0);
  });
});

describe('a server that never answers', () => {
  async function silentServer(): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => void sockets.add(socket.resume().on('error', () => {})));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    opened.push(async () => {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    });
    return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('is given up at the deadline, not later', async () => {
    const mailer = nodemailerMailer({ smtpUrl: await silentServer(), from: null, outbox });
    const begunAt = performance.now();
    await expect(mailer.deliver(mail(), 1_000)).rejects.toThrow('not done after 1 s');
    expect(performance.now() - begunAt).toBeLessThan(3_000);
  });

  test('after the message is given up as well, and the mail counts as not taken', async () => {
    const { smtp, mailer } = await serve({ onMail: () => new Promise(() => {}) });
    await expect(mailer.deliver(mail(), 1_000)).rejects.toThrow('not done after 1 s');
    expect(smtp.received).toHaveLength(1);
  });
});

describe('as files', () => {
  test('an entry that is written again replaces the file, and nothing half-written is left', async () => {
    const mailer = nodemailerMailer({ smtpUrl: null, from: null, outbox });
    await mailer.deliver(mail(), DEADLINE_MS);
    await mailer.deliver(mail({}, 'the second time'), DEADLINE_MS);
    expect(await readdir(outbox)).toEqual(['0190.eml']);
    const { text } = await PostalMime.parse(await readFile(path.join(outbox, '0190.eml')));
    expect(text).toContain('the second time');
  });

  test('that cannot be written may be tried again', async () => {
    const blocked = path.join(outbox, 'blocked');
    await writeFile(blocked, '');
    opened.push(() => rm(blocked));
    const mailer = nodemailerMailer({ smtpUrl: null, from: null, outbox: blocked });
    await expect(mailer.deliver(mail(), DEADLINE_MS)).rejects.toThrow(/ENOTDIR|EEXIST/);
  });
});
