// What holds for the print model of every invoice: figures, lines and characters.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { currencyExponent } from '../../src/domain/currency.ts';
import { invoicePage, type InvoicePage } from '../../src/domain/invoice-page.ts';
import { vatBreakdown } from '../../src/domain/vat.ts';
import { BILLING, BUYER, documentOf, line, ORDERS, SELLER } from './invoice-documents.ts';

const locales = fc.constantFrom(
  'nl-NL',
  'en-US',
  'de-DE',
  'fr-FR',
  'sv-SE',
  'pl-PL',
  'bg-BG',
  'el-GR',
  'hu-HU',
  'de-CH',
  'ar',
);
const currencies = fc.constantFrom('EUR', 'JPY', 'BHD', 'HUF', 'SEK', 'CLF');
const amounts = fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n });
const rows = fc.array(
  fc.record({ totalExVat: amounts, totalVat: amounts, vatRate: fc.constantFrom(0n, 90_000n, 210_000n) }),
  { minLength: 1, maxLength: 12 },
);

/** Reads a printed amount back: all its digits, and whether it has a minus sign. */
function parsed(text: string, currency: string): bigint {
  const digits = BigInt(text.replace(/\D/g, ''));
  const exponent = currencyExponent(currency);
  if (exponent > 0) expect(text.match(/\d+/g)?.at(-1)).toHaveLength(exponent);
  return /[-\u2212]/.test(text) ? -digits : digits;
}

test('printed amounts read back as the stored ones, in every locale and currency', () => {
  fc.assert(
    fc.property(locales, currencies, rows, (locale, currency, terms) => {
      const lines = terms.map((amountsOfLine, index) => line(index + 1, amountsOfLine));
      const document = documentOf(lines, { locale, currency, type: 'CREDIT_INVOICE' });
      const page = invoicePage(document);
      const { totalExVat, totalVat } = document.invoice;
      expect(page.totals.map(({ text }) => parsed(text, currency))).toEqual([
        totalExVat,
        totalVat,
        totalExVat + totalVat,
      ]);
      expect(
        page.vat.map(({ taxableAmount, amount }) => [parsed(taxableAmount, currency), parsed(amount, currency)]),
      ).toEqual(vatBreakdown(lines).map((row) => [row.totalExVat, row.amount]));
      expect(page.groups[0]?.rows[0]?.cells[3]).toSatisfy(
        (text: string) => parsed(text, currency) === lines[0]?.totalExVat,
      );
    }),
    { numRuns: 60 },
  );
});

test('every line is printed exactly once, in its order’s group, by position', () => {
  const orderIds = fc.constantFrom(null, 'o1', 'o2', 'unknown');
  fc.assert(
    fc.property(fc.array(orderIds, { maxLength: 20 }), fc.boolean(), (ids, isReversed) => {
      const lines = ids.map((orderId, index) => line(index + 1, { orderId, name: `Line ${index + 1}` }));
      const page = invoicePage(documentOf(isReversed ? [...lines].reverse() : lines, {}, { orders: ORDERS }));
      const names = page.groups.flatMap((group) => group.rows.map(({ name }) => name));
      expect([...names].sort()).toEqual(lines.map(({ name }) => name).sort());
      for (const { heading, rows: printed } of page.groups) {
        const orderId = ORDERS.find(({ number }) => heading?.title.endsWith(number))?.orderId ?? null;
        const isMember = (id: string | null): boolean =>
          orderId === null ? id !== 'o1' && id !== 'o2' : id === orderId;
        expect(printed.map(({ name }) => name)).toEqual(
          lines.filter((row) => isMember(row.orderId)).map(({ name }) => name),
        );
      }
    }),
  );
});

test('no text of the page has characters that a page cannot have, whatever was sent in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const address = { ...BILLING, street: text, city: text, region: text };
      const page = invoicePage(
        documentOf([line(1, { name: text, sku: text, vatReason: text })], {
          number: text,
          memo: text,
          seller: { ...SELLER, name: text, address, website: text, iban: text },
          buyer: { ...BUYER, name: text, vatNumber: text },
          billingAddress: address,
        }),
      );
      for (const printed of allTexts(page))
        expect(printed).not.toMatch(/\p{Cc}|\p{Cs}|\p{Cn}|[\u202a-\u202e\u2066-\u2069]/u);
    }),
  );
});

/** Each text on the page, wherever it stands. */
function allTexts(page: InvoicePage): readonly string[] {
  const found: string[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === 'string') found.push(value);
    else if (Array.isArray(value)) value.forEach(collect);
    else if (value !== null && typeof value === 'object' && !(value instanceof Date)) {
      Object.values(value).forEach(collect);
    }
  };
  collect(page);
  return found;
}
