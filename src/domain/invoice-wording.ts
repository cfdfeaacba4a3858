// The words on an invoice, in the languages of the European Union.

import { GERMANIC } from './invoice-wording-germanic.ts';
import { ROMANCE } from './invoice-wording-romance.ts';
import { SLAVIC } from './invoice-wording-slavic.ts';
import { URALIC_BALTIC_GREEK } from './invoice-wording-uralic-baltic-greek.ts';
import type { VatCategory } from './vat.ts';

/** Every text that is printed besides the data. What stands in braces is filled in. */
export interface InvoiceWording {
  readonly invoice: string;
  readonly creditInvoice: string;
  /** {number} and {date} of the invoice that a credit invoice corrects. */
  readonly corrects: string;
  readonly invoiceNumber: string;
  readonly issueDate: string;
  readonly supplyDate: string;
  readonly dueDate: string;
  readonly billTo: string;
  readonly shipTo: string;
  readonly vatNumber: string;
  readonly customerVatNumber: string;
  readonly registrationNumber: string;
  /** {number} of an order. */
  readonly order: string;
  readonly description: string;
  readonly quantity: string;
  readonly unitPrice: string;
  readonly vat: string;
  readonly amount: string;
  readonly amountIncludingVat: string;
  /** {price}, VAT included. */
  readonly includingVat: string;
  readonly discount: string;
  readonly subtotal: string;
  readonly shippingAndFees: string;
  readonly totalExVat: string;
  readonly total: string;
  readonly paid: string;
  readonly amountDue: string;
  readonly taxableAmount: string;
  readonly paymentReference: string;
  readonly accountHolder: string;
  readonly settled: string;
  /** {page} of {pages}. */
  readonly pageOf: string;
  /**
   * What is printed when no VAT is charged and the line gives no reason of its own. For AE these are the very words that
   * article 226 (11a) of Directive 2006/112/EC asks for in each language.
   */
  readonly noVat: Readonly<Record<Exclude<VatCategory, 'S'>, string>>;
}

// Irish and Maltese are left out: in both countries English is an official language, and it is what they fall back to,
// like every language outside the European Union.
const WORDINGS: ReadonlyMap<string, InvoiceWording> = new Map(
  Object.entries({ ...GERMANIC, ...ROMANCE, ...SLAVIC, ...URALIC_BALTIC_GREEK }),
);

export const WORDED_LANGUAGES: readonly string[] = [...WORDINGS.keys()];

/** The wording of a language (its ISO 639 code); English for a language that is not worded. */
export function wordingOf(language: string): InvoiceWording {
  return WORDINGS.get(language) ?? GERMANIC.en;
}

/** What is usually printed when a row is charged no VAT, in the language of a locale (BCP 47); null for one that is charged. */
export function usualVatReason(category: VatCategory, locale: string): string | null {
  return category === 'S' ? null : wordingOf(new Intl.Locale(locale).language).noVat[category];
}

/** Puts values where the text has their names in braces: fill('Page {page}', { page: '2' }) is "Page 2". */
export function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder);
}
