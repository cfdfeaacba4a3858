// What stands in the mail that brings an invoice: in which words, and what is made of texts from outside.

import { describe, expect, test } from 'vitest';
import { invoiceMail, type InvoiceMail } from '../../src/domain/invoice-mail.ts';
import { WORDED_LANGUAGES, wordingOf } from '../../src/domain/invoice-wording.ts';
import type { Invoice } from '../../src/domain/invoice.ts';
import { BUYER, CREDIT, documentOf, line, SELLER } from './invoice-documents.ts';

const LINK = 'https://pay.example/i/1?a=b&c=d';

const mailOf = (changes: Partial<Invoice> = {}, comment: string | null = null, paymentLink: string | null = null) =>
  invoiceMail({ invoice: documentOf([line(1)], changes).invoice, payments: [], comment, paymentLink });

const plain = (text: string) => text.replaceAll('\u00a0', ' ');
const rowsOf = ({ details }: InvoiceMail) => details.map(({ label, text }) => plain(`${label}: ${text}`));
const everyText = ({ subject, greeting, paragraphs, comment, closing, sellerName }: InvoiceMail) =>
  [subject, greeting, ...paragraphs, ...comment, closing, sellerName].join('\n');

test('names the invoice and its seller, what is to be paid, and by when', () => {
  const mail = mailOf({ locale: 'nl-NL' });
  const { number, dueDate, totalExVat, totalVat } = documentOf([line(1)]).invoice;
  expect(dueDate).toMatch(/^2026-/);
  expect(totalExVat + totalVat).toBeGreaterThan(0n);
  expect(mail.subject).toBe(`Factuur ${number} – Van Dijk & Zonen B.V.`);
  expect(mail.greeting).toBe('Beste Jet Bakker,');
  expect(mail.paragraphs).toEqual([`In de bijlage vindt u factuur ${number} van Van Dijk & Zonen B.V.`]);
  expect(rowsOf(mail).map((row) => row.split(':')[0])).toEqual(['Totaal incl. btw', 'Te betalen', 'Vervaldatum']);
  expect(mail).toMatchObject({ sellerAddress: SELLER.email, fileName: `${number}.pdf`, payment: null, comment: [] });
});

describe('in every language of the invoices', () => {
  test.each(WORDED_LANGUAGES)('%s: nothing is left to be filled in, and no word is missing or English', (language) => {
    const english = mailOf({ locale: 'en' });
    for (const changes of [{}, { type: 'CREDIT_INVOICE' as const }]) {
      const mail = mailOf({ locale: language, ...changes }, null, LINK);
      const { number } = documentOf([line(1)]).invoice;
      expect(everyText(mail)).not.toMatch(/[{}]|undefined|null/);
      expect(mail.paragraphs[0]).toContain(number);
      expect(mail.paragraphs[0]).toContain('Van Dijk & Zonen B.V.');
      const { invoice, creditInvoice } = wordingOf(language);
      expect(mail.subject.startsWith(`${changes.type ? creditInvoice : invoice} ${number}`)).toBe(true);
      expect(mail.closing === english.closing).toBe(language === 'en');
      expect(mail.greeting === english.greeting).toBe(language === 'en');
    }
  });

  test('a language that is not worded falls back to English', () => {
    expect(mailOf({ locale: 'ja-JP' }).greeting).toBe('Hello Jet Bakker,');
    expect(mailOf({ locale: 'ja-JP' }).language).toBe('en-GB');
  });
});

describe('what is due', () => {
  test('is told as it is now: what was paid meanwhile is taken off', () => {
    const { totalExVat, totalVat } = documentOf([line(1)]).invoice;
    const [total, due] = rowsOf(mailOf({ locale: 'en', amountPaid: totalExVat + totalVat - 150n }));
    expect(total).toMatch(/^Total incl\. VAT: /);
    expect(due).toBe('Amount due: €1.50');
  });

  test.each([
    ['a paid invoice', { state: 'PAID' as const, amountPaid: 10n ** 9n }, true],
    ['a cancelled invoice', { state: 'CANCELED' as const }, false],
    ['an invoice that was credited whole', { amountCredited: 10n ** 9n }, false],
  ])('is nothing on %s: no due date, no way to pay', (_, changes, isSettled) => {
    const mail = mailOf({ locale: 'en', ...changes }, null, LINK);
    expect(rowsOf(mail)).toHaveLength(1);
    expect(mail.payment).toBeNull();
    expect(mail.paragraphs.includes('This invoice has been paid.')).toBe(isSettled);
  });

  test('is nothing on a credit invoice, whose total is negative', () => {
    const mail = invoiceMail({
      invoice: { ...CREDIT.invoice, locale: 'en' },
      payments: [],
      comment: null,
      paymentLink: LINK,
    });
    expect(mail.subject).toMatch(/^Credit invoice /);
    expect(rowsOf(mail)).toEqual([expect.stringMatching(/^Total incl\. VAT: -/)]);
    expect(mail.payment).toBeNull();
  });

  test('is not asked for again while a payment is on its way', () => {
    const { invoice } = documentOf([line(1)], { locale: 'en' });
    const payment = {
      id: 'p',
      invoiceId: invoice.id,
      method: 'card',
      amount: invoice.totalExVat + invoice.totalVat,
      isRefund: false,
      status: 'PENDING' as const,
      reference: null,
      createdAt: new Date('2026-11-22T12:00:00Z'),
    };
    const mail = invoiceMail({ invoice, payments: [payment], comment: null, paymentLink: LINK });
    expect(rowsOf(mail)).toHaveLength(1);
    expect(mail.payment).toBeNull();
  });

  test('can be paid by a link, if it is one that browsers open', () => {
    expect(mailOf({ locale: 'en' }, null, LINK).payment).toEqual({ label: 'Pay online', link: LINK });
    for (const link of ['javascript:alert(1)', 'https://pay.example/\r\nx', 'pay.example', '']) {
      expect(mailOf({}, null, link).payment).toBeNull();
    }
  });
});

describe('texts from outside', () => {
  test('stay on their line and read forwards: control characters, overrides and halves of characters are cleaned', () => {
    const hostile = 'Eve\r\nBcc: all@example.net\u202egpj.exe\u0000\ud800';
    const seller = { ...SELLER, name: hostile };
    const mail = mailOf({ locale: 'en', buyer: { ...BUYER, name: hostile }, seller, number: '../1\r\n"x"' }, hostile);
    // oxlint-disable-next-line no-control-regex
    expect([mail.subject, mail.greeting, mail.sellerName, ...mail.paragraphs].join('')).not.toMatch(/[\u0000-\u001f]/);
    expect(everyText(mail)).not.toMatch(/[\u202a-\u202e\u2066-\u2069]|\p{Cs}/u);
    expect(mail.comment).toEqual(['Eve', 'Bcc: all@example.net\ufffdgpj.exe \ufffd']);
    expect(mail.fileName).toBe('.._1___x_.pdf');
  });

  test('a comment keeps its lines', () => {
    expect(mailOf({}, '\nfirst\r\n\r\nlast\n').comment).toEqual(['first', '', 'last']);
  });

  test.each([null, 'nobody', 'a@b.example, c@d.example'])('a seller with the address %j gets no answers', (email) => {
    expect(mailOf({ seller: { ...SELLER, email } }).sellerAddress).toBeNull();
  });
});
