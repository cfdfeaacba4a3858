// How sellers, buyers and their addresses are set out on a page.

import type { LocaleFormat } from './locale-format.ts';
import { printable } from './printable-text.ts';
import type { Address, Buyer, Seller } from './party.ts';

/** Where the postal code stands behind the city, with the region between them. */
const CITY_FIRST = new Set(['AU', 'CA', 'GB', 'IE', 'IN', 'NZ', 'US', 'XI']);

/** What a company's registration is called at home, where one register has one well-known name. */
const REGISTERS: ReadonlyMap<string, string> = new Map([
  ['BE', 'KBO/BCE'],
  ['BG', 'ЕИК'],
  ['CZ', 'IČO'],
  ['DK', 'CVR'],
  ['FI', 'Y-tunnus'],
  ['NL', 'KvK'],
  ['SE', 'Org.nr'],
  ['SK', 'IČO'],
]);

/** Name and address of the buyer, as on an envelope; everyone who is named is named once. */
export function buyerLines(buyer: Buyer, billing: Address, format: LocaleFormat): readonly string[] {
  return distinct([buyer.organisation, buyer.name, billing.organisation, billing.name, ...placeLines(billing, format)]);
}

/** Who receives the goods, and where; null when that is where the invoice goes too. */
export function shippingLines(
  buyer: Buyer,
  billing: Address,
  shipping: Address | null,
  format: LocaleFormat,
): readonly string[] | null {
  if (!shipping) return null;
  const names = [shipping.organisation ?? buyer.organisation, shipping.name ?? buyer.name];
  const lines = distinct([...names, ...placeLines(shipping, format)]);
  const billed = buyerLines(buyer, billing, format);
  return lines.every((line) => billed.includes(line)) ? null : lines;
}

/** The seller's address, its name left out: that stands above it. */
export function sellerLines(seller: Seller, format: LocaleFormat): readonly string[] {
  const { organisation, name } = seller.address;
  const lines = distinct([organisation, name, ...placeLines(seller.address, format)]);
  return lines.filter((line) => line !== printable(seller.name));
}

/** The name of the register that a company of this country is in; otherwise the wording's general term. */
export function registerName(country: string, fallback: string): string {
  return REGISTERS.get(country) ?? fallback;
}

/** An IBAN in groups of four, as it is printed. */
export function ibanText(iban: string): string {
  return printable(iban)
    .replace(/\s/g, '')
    .replace(/(.{4})(?=.)/gu, '$1 ');
}

function placeLines(address: Address, format: LocaleFormat): readonly (string | null)[] {
  const { street, postalCode, city, region, country } = address;
  if (CITY_FIRST.has(country)) {
    const place = [region === null ? city : `${city},`, region, postalCode].filter((part) => part !== null);
    return [street, place.join(' '), format.country(country)];
  }
  return [street, postalCode === null ? city : `${postalCode} ${city}`, region, format.country(country)];
}

function distinct(lines: readonly (string | null)[]): readonly string[] {
  return [...new Set(lines.map((line) => printable(line ?? '')))].filter((line) => line !== '');
}
