// The mail that brings an invoice: everything that stands in it, as text, before it becomes HTML or plain text.
//
// 1. Every value from outside is made printable, so that no name breaks a header or reads backwards.
// 2. What is due is told as it is when the mail goes out; the document beside it stays as it was issued.

import { fill, wordingOf } from './invoice-wording.ts';
import type { Invoice } from './invoice.ts';
import { localeFormat, type LocaleFormat } from './locale-format.ts';
import { mailAddressFault } from './mail-address.ts';
import { mailWordingOf } from './mail-wording.ts';
import type { Money } from './money.ts';
import type { Payment } from './payment.ts';
import { printable, printableLines } from './printable-text.ts';
import { stillPayable } from './reimbursement.ts';

/** One row of what the invoice comes to. The strong one is what the reader looks for. */
export interface MailDetail {
  readonly label: string;
  readonly text: string;
  readonly isStrong: boolean;
}

export interface InvoiceMail {
  /** BCP 47. */
  readonly language: string;
  readonly subject: string;
  readonly greeting: string;
  /** What is attached, and that it is paid, if it is. */
  readonly paragraphs: readonly string[];
  readonly details: readonly MailDetail[];
  /** What somebody wrote for the reader, line by line. */
  readonly comment: readonly string[];
  /** Where it can be paid; null when nothing is due, or there is no such place. */
  readonly payment: { readonly label: string; readonly link: string } | null;
  readonly closing: string;
  readonly sellerName: string;
  /** Where answers go; null when the seller has no address that mail can be sent to. */
  readonly sellerAddress: string | null;
  readonly fileName: string;
}

export interface InvoiceMailInput {
  readonly invoice: Invoice;
  readonly payments: readonly Payment[];
  readonly comment: string | null;
  readonly paymentLink: string | null;
}

export function invoiceMail({ invoice, payments, comment, paymentLink }: InvoiceMailInput): InvoiceMail {
  const format = localeFormat(invoice.locale, invoice.currency);
  const { language } = new Intl.Locale(format.language);
  const words = mailWordingOf(language);
  const number = printable(invoice.number);
  const seller = printable(invoice.seller.name);
  const isInvoice = invoice.type === 'INVOICE';
  const { invoice: invoiceWord, creditInvoice, settled } = wordingOf(language);
  const sentence = fill(isInvoice ? words.invoiceAttached : words.creditAttached, { number, seller });
  // "Acme B.V." ends the sentence with a stop of its own.
  const attached = sentence.replace(/\.\.$/, '.');
  // Nobody is asked to pay again what the gateway is still deciding about.
  const payable = stillPayable(invoice, payments);
  const isSettled = isInvoice && invoice.state === 'PAID' && invoice.amountPaid > invoice.amountRefunded;
  return {
    language: format.language,
    subject: `${isInvoice ? invoiceWord : creditInvoice} ${number} – ${seller}`,
    greeting: fill(words.greeting, { name: printable(invoice.buyer.name) }),
    paragraphs: isSettled ? [attached, settled] : [attached],
    details: details(invoice, payable, format),
    comment: printableLines(comment ?? ''),
    payment: payable > 0n && isWebAddress(paymentLink) ? { label: words.pay, link: paymentLink } : null,
    closing: words.closing,
    sellerName: seller,
    sellerAddress: sellerAddress(invoice),
    // What a file may be called everywhere.
    fileName: `${invoice.number.replace(/[^\w.-]/g, '_')}.pdf`,
  };
}

function details(invoice: Invoice, payable: Money, format: LocaleFormat): readonly MailDetail[] {
  const wording = wordingOf(new Intl.Locale(format.language).language);
  const total = invoice.totalExVat + invoice.totalVat;
  const isDue = invoice.type === 'INVOICE' && payable > 0n;
  const rows: MailDetail[] = [{ label: wording.total, text: format.amount(total), isStrong: !isDue }];
  if (!isDue) return rows;
  rows.push({ label: wording.amountDue, text: format.amount(payable), isStrong: true });
  rows.push({ label: wording.dueDate, text: format.date(invoice.dueDate), isStrong: false });
  return rows;
}

function sellerAddress({ seller }: Invoice): string | null {
  return seller.email !== null && mailAddressFault(seller.email) === null ? seller.email : null;
}

function isWebAddress(link: string | null): link is string {
  return link !== null && /^https?:\/\/[\x21-\x7e]+$/i.test(link);
}
