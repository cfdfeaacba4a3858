// The print model: everything that stands on the page of an invoice, as text, before anything is drawn.
//
// 1. It carries what article 226 of Council Directive 2006/112/EC asks for. Article 230 (VAT in the national currency of
//    a foreign-currency invoice) is not covered.
// 2. Every amount is a stored one; only unit prices without VAT are derived, as exact fractions.
// 3. Every line of the document is on the page exactly once.

import { printedLines, type PrintedGroup } from './invoice-page-lines.ts';
import { fill, wordingOf, type InvoiceWording } from './invoice-wording.ts';
import type { InvoiceDocument } from './invoice.ts';
import { localeFormat, type LocaleFormat } from './locale-format.ts';
import { printable, printableLines } from './printable-text.ts';
import { buyerLines, ibanText, registerName, sellerLines, shippingLines } from './printed-party.ts';
import { vatBreakdown, type VatAmount } from './vat.ts';

export interface LabelledText {
  readonly label: string;
  readonly text: string;
}

/** A block of lines under a label. */
export interface LabelledLines {
  readonly label: string;
  readonly lines: readonly string[];
}

/** One line among the totals. The strong one is what the reader looks for. */
export interface PrintedTotal extends LabelledText {
  readonly isStrong: boolean;
}

/** VAT of one category and rate; `reason` says why none is charged. */
export interface PrintedVat {
  readonly rate: string;
  readonly taxableAmount: string;
  readonly amount: string;
  readonly reason: string | null;
}

/** A piece of the footer; `link` is an https address or null. */
export interface FooterText {
  readonly text: string;
  readonly link: string | null;
}

export interface InvoicePage {
  /** BCP 47. */
  readonly language: string;
  readonly title: string;
  readonly number: string;
  /** On a credit invoice: which invoice it corrects. */
  readonly subtitle: string | null;
  readonly seller: { readonly name: string; readonly lines: readonly string[] };
  readonly buyer: LabelledLines;
  readonly shipping: LabelledLines | null;
  readonly details: readonly LabelledText[];
  readonly descriptionLabel: string;
  /** Labels of the columns behind the description; each row has as many cells. */
  readonly columns: readonly string[];
  readonly groups: readonly PrintedGroup[];
  readonly vatLabels: Readonly<Record<'rate' | 'taxableAmount' | 'amount', string>>;
  readonly vat: readonly PrintedVat[];
  readonly totals: readonly PrintedTotal[];
  /** What is to be paid, when, where to and with which reference; null when nothing is due. */
  readonly payment: readonly LabelledText[] | null;
  /** Says that nothing is due any more. */
  readonly settled: string | null;
  readonly memo: readonly string[];
  readonly footer: readonly FooterText[];
  readonly pageOf: (page: number, pages: number) => string;
  /** When the invoice was issued: the only time that may stand in the file, so that it is the same on every rendering. */
  readonly createdAt: Date;
}

export function invoicePage(document: InvoiceDocument): InvoicePage {
  const { invoice, corrects } = document;
  const format = localeFormat(invoice.locale, invoice.currency);
  const wording = wordingOf(new Intl.Locale(format.language).language);
  const shipping = shippingLines(invoice.buyer, invoice.billingAddress, invoice.shippingAddress, format);
  return {
    language: format.language,
    title: invoice.type === 'INVOICE' ? wording.invoice : wording.creditInvoice,
    number: printable(invoice.number),
    subtitle: corrects
      ? fill(wording.corrects, { number: printable(corrects.number), date: format.date(corrects.issueDate) })
      : null,
    seller: { name: printable(invoice.seller.name), lines: sellerBlock(document, wording, format) },
    buyer: { label: wording.billTo, lines: buyerBlock(document, wording, format) },
    shipping: shipping && { label: wording.shipTo, lines: shipping },
    details: details(document, wording, format),
    ...printedLines(document, wording, format),
    vatLabels: { rate: `${wording.vat} %`, taxableAmount: wording.taxableAmount, amount: wording.vat },
    vat: vatBreakdown(document.lines).map((row) => printedVat(row, wording, format)),
    totals: totals(document, wording, format),
    payment: payment(document, wording, format),
    settled: isSettled(document) ? wording.settled : null,
    memo: printableLines(invoice.memo ?? ''),
    footer: footer(document, wording),
    pageOf: (page, pages) => fill(wording.pageOf, { page: String(page), pages: String(pages) }),
    createdAt: invoice.createdAt,
  };
}

function sellerBlock({ invoice }: InvoiceDocument, wording: InvoiceWording, format: LocaleFormat): readonly string[] {
  const { seller } = invoice;
  const vatNumber = seller.vatNumber === null ? [] : [`${wording.vatNumber} ${printable(seller.vatNumber)}`];
  return [...sellerLines(seller, format), ...vatNumber];
}

function buyerBlock({ invoice }: InvoiceDocument, wording: InvoiceWording, format: LocaleFormat): readonly string[] {
  const { buyer, billingAddress } = invoice;
  const lines = buyerLines(buyer, billingAddress, format);
  if (buyer.registrationNumber === null) return lines;
  const register = registerName(billingAddress.country, wording.registrationNumber);
  return [...lines, `${register} ${printable(buyer.registrationNumber)}`];
}

function details({ invoice }: InvoiceDocument, wording: InvoiceWording, format: LocaleFormat): readonly LabelledText[] {
  const rows: LabelledText[] = [
    { label: wording.invoiceNumber, text: printable(invoice.number) },
    { label: wording.issueDate, text: format.date(invoice.issueDate) },
    { label: wording.supplyDate, text: format.date(invoice.supplyDate) },
  ];
  if (invoice.type === 'INVOICE') rows.push({ label: wording.dueDate, text: format.date(invoice.dueDate) });
  if (invoice.buyer.vatNumber !== null) {
    rows.push({ label: wording.customerVatNumber, text: printable(invoice.buyer.vatNumber) });
  }
  return rows;
}

function printedVat(row: VatAmount, wording: InvoiceWording, format: LocaleFormat): PrintedVat {
  return {
    rate: row.vatCategory === 'O' ? '–' : format.rate(row.vatRate),
    taxableAmount: format.amount(row.totalExVat),
    amount: format.amount(row.amount),
    reason: vatReason(row, wording),
  };
}

function vatReason(row: VatAmount, wording: InvoiceWording): string | null {
  if (row.vatReason !== null && printable(row.vatReason) !== '') return printable(row.vatReason);
  return row.vatCategory === 'S' ? null : wording.noVat[row.vatCategory];
}

function totals({ invoice }: InvoiceDocument, wording: InvoiceWording, format: LocaleFormat): readonly PrintedTotal[] {
  const total = invoice.totalExVat + invoice.totalVat;
  const rows: PrintedTotal[] = [];
  const add = (label: string, text: string, isStrong = false): void => void rows.push({ label, text, isStrong });
  const surcharges = invoice.totalExVat - invoice.subtotal;
  // On a credit invoice the subtotal leaves the contra lines out, and with prices including VAT it is of another kind
  // than the totals below it: in both cases it would only puzzle.
  if (invoice.type === 'INVOICE' && !invoice.isIncludingVat && surcharges !== 0n) {
    add(wording.subtotal, format.amount(invoice.subtotal));
    add(wording.shippingAndFees, format.amount(surcharges));
  }
  add(wording.totalExVat, format.amount(invoice.totalExVat));
  add(wording.vat, format.amount(invoice.totalVat));
  add(wording.total, format.amount(total), true);
  if (invoice.type === 'INVOICE' && invoice.amountPaid !== 0n) {
    add(wording.paid, format.amount(-invoice.amountPaid));
    add(wording.amountDue, format.amount(total - invoice.amountPaid), true);
  }
  return rows;
}

function amountDue({ invoice }: InvoiceDocument): bigint {
  return invoice.totalExVat + invoice.totalVat - invoice.amountPaid;
}

function isSettled(document: InvoiceDocument): boolean {
  const { type, amountPaid } = document.invoice;
  return type === 'INVOICE' && amountPaid > 0n && amountDue(document) <= 0n;
}

function payment(
  document: InvoiceDocument,
  wording: InvoiceWording,
  format: LocaleFormat,
): readonly LabelledText[] | null {
  const { invoice } = document;
  if (invoice.type !== 'INVOICE' || amountDue(document) <= 0n) return null;
  const { iban, bic, name } = invoice.seller;
  const account =
    iban === null
      ? []
      : [
          { label: 'IBAN', text: ibanText(iban) },
          { label: wording.accountHolder, text: printable(name) },
          ...(bic === null ? [] : [{ label: 'BIC', text: printable(bic) }]),
        ];
  return [
    { label: wording.amountDue, text: format.amount(amountDue(document)) },
    { label: wording.dueDate, text: format.date(invoice.dueDate) },
    ...account,
    { label: wording.paymentReference, text: printable(invoice.number) },
  ];
}

function footer({ invoice }: InvoiceDocument, wording: InvoiceWording): readonly FooterText[] {
  const { seller } = invoice;
  const register = registerName(seller.address.country, wording.registrationNumber);
  const labelled = (label: string, text: string | null): string => (text === null ? '' : `${label} ${text}`);
  const texts = [
    seller.name,
    labelled(register, seller.registrationNumber),
    labelled(wording.vatNumber, seller.vatNumber),
    seller.email ?? '',
    seller.phone ?? '',
  ].map((text) => ({ text: printable(text), link: null }));
  return [...texts, ...websiteText(seller.website)].filter(({ text }) => text !== '');
}

/** The address as people read it, and the link behind it if it is a safe one. */
function websiteText(website: string | null): readonly FooterText[] {
  const address = printable(website ?? '');
  const text = address.replace(/^https?:\/\//i, '').replace(/\/$/, '');
  return [{ text, link: URL_OF_HTTPS.test(address) ? address : null }];
}

const URL_OF_HTTPS = /^https:\/\/[\x21-\x7e]+$/i;
