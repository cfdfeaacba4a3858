// The print model of an invoice: what stands on the page, in which words and figures.

import { describe, expect, test } from 'vitest';
import { invoicePage, type InvoicePage } from '../../src/domain/invoice-page.ts';
import { WORDED_LANGUAGES, wordingOf } from '../../src/domain/invoice-wording.ts';
import type { InvoiceDocument } from '../../src/domain/invoice.ts';
import { ONE } from '../../src/domain/money.ts';
import {
  BILLING,
  BUYER,
  CONSUMER,
  CREDIT,
  documentOf,
  DUTCH_BUSINESS,
  GERMAN_BUSINESS,
  line,
  ORDERS,
  SELLER,
} from './invoice-documents.ts';

const NO_VAT = { vatRate: 0n, totalVat: 0n } as const;

function firstRow(page: InvoicePage) {
  const [row] = page.groups.flatMap((group) => group.rows);
  if (!row) throw new Error('The page has no row.');
  return row;
}

const totalsOf = (page: InvoicePage): readonly string[] => page.totals.map(({ label, text }) => `${label}: ${text}`);
const detailsOf = (page: InvoicePage): readonly string[] => page.details.map(({ label, text }) => `${label}: ${text}`);

interface Case {
  readonly guarantee: string;
  readonly document: InvoiceDocument;
  readonly read: (page: InvoicePage) => unknown;
  readonly expected: unknown;
}

const FIGURES: readonly Case[] = [
  {
    guarantee: 'euros in nl-NL have the sign first, a no-break space and a comma',
    document: documentOf([line(1)]),
    read: (page) => firstRow(page).cells,
    expected: ['1', '€\u00a024,99', '21%', '€\u00a024,99'],
  },
  {
    guarantee: 'yen have no decimals',
    document: documentOf([line(1, { unitPrice: 1935n, totalExVat: 1935n, ...NO_VAT, vatCategory: 'G' })], {
      currency: 'JPY',
      locale: 'en',
    }),
    read: (page) => firstRow(page).cells,
    expected: ['1', '¥1,935', '0%', '¥1,935'],
  },
  {
    guarantee: 'Bahraini dinars have three decimals',
    document: documentOf([line(1, { unitPrice: 1500n, totalExVat: 1500n, totalVat: 150n, vatRate: 10n * ONE })], {
      currency: 'BHD',
      locale: 'en',
    }),
    read: (page) => page.totals.map(({ text }) => text),
    expected: ['BHD\u00a01.500', 'BHD\u00a00.150', 'BHD\u00a01.650'],
  },
  {
    guarantee: 'forints have the two decimals of ISO 4217, which Intl alone would not print',
    document: documentOf([line(1, { unitPrice: 12345n, totalExVat: 12345n, totalVat: 3333n, vatRate: 27n * ONE })], {
      currency: 'HUF',
      locale: 'hu-HU',
    }),
    read: (page) => firstRow(page).cells[3],
    expected: '123,45\u00a0Ft',
  },
  {
    guarantee: 'the largest amount is printed to the cent, not through a float',
    document: documentOf([
      line(1, { unitPrice: 9_007_199_254_740_991n, totalExVat: 9_007_199_254_740_991n, ...NO_VAT }),
    ]),
    read: (page) => firstRow(page).cells[3],
    expected: '€\u00a090.071.992.547.409,91',
  },
  {
    guarantee: 'a credit invoice has minus signs, and the discount that it takes back has none',
    document: CREDIT,
    read: (page) => [firstRow(page).cells, firstRow(page).details],
    expected: [
      ['-2', '€\u00a018,95', '9%', '€\u00a0-36,00'],
      ['TAR-25', 'Korting €\u00a01,90'],
    ],
  },
  {
    guarantee: 'a discount stands below its line, as much as it lowers the line',
    document: DUTCH_BUSINESS,
    read: (page) => firstRow(page).details,
    expected: ['TAR-25', 'Korting €\u00a0-11,37'],
  },
  {
    guarantee: 'a price for a hundred pieces names the hundred',
    document: DUTCH_BUSINESS,
    read: (page) => page.groups[1]?.rows[0]?.cells,
    expected: ['2.500', '€\u00a01,23 / 100', '21%', '€\u00a030,75'],
  },
  {
    guarantee: 'a quantity has its decimals, and a rate too',
    document: documentOf([line(1, { quantity: 15_055n, vatRate: 55_000n })], { locale: 'de-DE' }),
    read: (page) => firstRow(page).cells.slice(0, 3),
    expected: ['1,5055', '24,99\u00a0€', '5,5\u00a0%'],
  },
  {
    guarantee: 'prices including VAT: the unit price without it has as many decimals as it needs, up to four',
    document: CONSUMER,
    read: (page) => page.groups[0]?.rows.map(({ cells }) => cells),
    expected: [
      ['2', '€\u00a020,6529', '21%', '€\u00a037,17', '€\u00a044,98'],
      ['4', '€\u00a05,00', '9%', '€\u00a020,00', '€\u00a021,80'],
      ['1', '€\u00a03,2645', '21%', '€\u00a03,26', '€\u00a03,95'],
    ],
  },
  {
    guarantee: 'prices including VAT: what the consumer saw in the shop stands below the line',
    document: CONSUMER,
    read: (page) => firstRow(page).details,
    expected: ['THEE-01', '€\u00a024,99 incl. btw', 'Korting €\u00a0-4,1322 (€\u00a0-5,00 incl. btw)'],
  },
];

const ARTICLE_226: readonly Case[] = [
  {
    guarantee: 'number, dates and the buyer’s VAT id stand at the top',
    document: DUTCH_BUSINESS,
    read: detailsOf,
    expected: [
      'Factuurnummer: 2026-000042',
      'Factuurdatum: 12 juni 2026',
      'Leverdatum: 10 juni 2026',
      'Vervaldatum: 26 juni 2026',
      'Uw btw-nummer: NL009876543B21',
    ],
  },
  {
    guarantee: 'seller and buyer have their full names and addresses',
    document: DUTCH_BUSINESS,
    read: (page) => [page.seller, page.buyer.lines],
    expected: [
      {
        name: 'Van Dijk & Zonen B.V.',
        lines: ['Keizersgracht 421', '1016 EK Amsterdam', 'Nederland', 'Btw-nummer NL001234567B01'],
      },
      ['Bakkerij De Gouden Aar', 'Jet Bakker', 'Oudegracht 88 bis', '3511 AV Utrecht', 'Nederland', 'KvK 87654321'],
    ],
  },
  {
    guarantee: 'taxable amount and VAT stand there for each rate, the dearest first',
    document: DUTCH_BUSINESS,
    read: (page) => page.vat,
    expected: [
      { rate: '21%', taxableAmount: '€\u00a02.564,75', amount: '€\u00a0538,60', reason: null },
      { rate: '9%', taxableAmount: '€\u00a0226,53', amount: '€\u00a020,39', reason: null },
    ],
  },
  {
    guarantee: 'reverse charge is called "Btw verlegd" in Dutch',
    document: documentOf([line(1, { ...NO_VAT, vatCategory: 'AE' })]),
    read: (page) => page.vat[0]?.reason,
    expected: 'Btw verlegd',
  },
  {
    guarantee: 'reverse charge is called "VAT reverse charged" in English',
    document: documentOf([line(1, { ...NO_VAT, vatCategory: 'AE' })], { locale: 'en-IE' }),
    read: (page) => page.vat[0]?.reason,
    expected: 'VAT reverse charged',
  },
  {
    guarantee: 'a supply to another member state names the article that exempts it',
    document: GERMAN_BUSINESS,
    read: (page) => page.vat,
    expected: [
      {
        rate: '0\u00a0%',
        taxableAmount: '2.392,00\u00a0€',
        amount: '0,00\u00a0€',
        reason: 'Steuerfreie innergemeinschaftliche Lieferung gemäß Artikel 138 der Richtlinie 2006/112/EG',
      },
    ],
  },
  {
    guarantee: 'the reason that a line brings wins over the general one',
    document: documentOf([
      line(1, { ...NO_VAT, vatCategory: 'E', vatReason: 'Onderwijs, art. 11 lid 1 onder o Wet OB' }),
    ]),
    read: (page) => page.vat[0]?.reason,
    expected: 'Onderwijs, art. 11 lid 1 onder o Wet OB',
  },
  {
    guarantee: 'what is out of scope has no rate, not one of 0 %',
    document: documentOf([line(1, { ...NO_VAT, vatCategory: 'O' })]),
    read: (page) => [firstRow(page).cells[2], page.vat[0]?.rate, page.vat[0]?.reason],
    expected: ['–', '–', 'Buiten de werkingssfeer van de btw'],
  },
  {
    guarantee: 'a credit invoice names the invoice that it corrects, with its date, and nothing to pay',
    document: CREDIT,
    read: (page) => [page.title, page.subtitle, page.payment],
    expected: ['Creditfactuur', 'Correctie op factuur 2026-000017 van 3 mei 2026', null],
  },
];

const PAGE: readonly Case[] = [
  {
    guarantee: 'lines stand under their orders, with number and date',
    document: DUTCH_BUSINESS,
    read: (page) => page.groups.map(({ heading, rows }) => [heading?.title, heading?.date, rows.length]),
    expected: [
      ['Bestelling 10017', '2 juni 2026', 2],
      ['Bestelling 10023', '8 juni 2026', 3],
    ],
  },
  {
    guarantee: 'lines of no order stand first and under no heading',
    document: documentOf([line(1, { orderId: 'o1' }), line(2)], {}, { orders: ORDERS.slice(0, 1) }),
    read: (page) => page.groups.map(({ heading, rows }) => [heading?.title, rows.map(({ name }) => name)]),
    expected: [
      [undefined, ['Artikel 2']],
      ['Bestelling 10017', ['Artikel 1']],
    ],
  },
  {
    guarantee: 'shipping stands apart from the goods in the totals',
    document: DUTCH_BUSINESS,
    read: totalsOf,
    expected: [
      'Subtotaal: €\u00a02.746,28',
      'Verzending en toeslagen: €\u00a045,00',
      'Totaal excl. btw: €\u00a02.791,28',
      'Btw: €\u00a0558,99',
      'Totaal incl. btw: €\u00a03.350,27',
    ],
  },
  {
    guarantee: 'a paid invoice says so, and does not ask for the money again',
    document: CONSUMER,
    read: (page) => [totalsOf(page).slice(3), page.settled, page.payment],
    expected: [['Betaald: €\u00a0-70,73', 'Te betalen: €\u00a00,00'], 'Deze factuur is betaald.', null],
  },
  {
    guarantee: 'an open invoice says what to pay, when, where to and with which reference',
    document: DUTCH_BUSINESS,
    read: (page) => page.payment?.map(({ text }) => text),
    expected: [
      '€\u00a03.350,27',
      '26 juni 2026',
      'NL91 ABNA 0417 1643 00',
      'Van Dijk & Zonen B.V.',
      'ABNANL2A',
      '2026-000042',
    ],
  },
  {
    guarantee: 'a delivery address is printed only where it differs from the billing address',
    document: documentOf([line(1)], { shippingAddress: { ...BILLING, name: BUYER.name } }),
    read: (page) => [page.shipping, invoicePage(DUTCH_BUSINESS).shipping?.lines[1]],
    expected: [null, 'Magazijn, t.a.v. Piet'],
  },
  {
    guarantee: 'where the city comes before the postal code, it is printed so',
    document: documentOf([line(1)], {
      locale: 'en-GB',
      billingAddress: {
        ...BILLING,
        street: '1 Main St',
        postalCode: '62704',
        city: 'Springfield',
        region: 'IL',
        country: 'US',
      },
    }),
    read: (page) => page.buyer.lines.slice(2, 5),
    expected: ['1 Main St', 'Springfield, IL 62704', 'United States'],
  },
  {
    guarantee: 'Northern Ireland has a name',
    document: documentOf([line(1)], { locale: 'en-GB', billingAddress: { ...BILLING, country: 'XI' } }),
    read: (page) => page.buyer.lines[4],
    expected: 'United Kingdom (XI)',
  },
  {
    guarantee: 'the foot has what the seller must show, and only a safe link',
    document: documentOf([line(1)], { seller: { ...SELLER, website: 'http://vandijk.example/' } }),
    read: (page) => [page.footer.map(({ text }) => text), page.footer.map(({ link }) => link).filter(Boolean)],
    expected: [
      [
        'Van Dijk & Zonen B.V.',
        'KvK 12345678',
        'Btw-nummer NL001234567B01',
        'administratie@vandijk.example',
        '+31 20 555 01 23',
        'vandijk.example',
      ],
      [],
    ],
  },
  {
    guarantee: 'an https website is a link',
    document: DUTCH_BUSINESS,
    read: (page) => page.footer.at(-1),
    expected: { text: 'vandijk.example', link: 'https://vandijk.example' },
  },
  {
    guarantee: 'the memo keeps its lines',
    document: documentOf([line(1)], { memo: '\r\nDank u wel.\r\n\r\nTot\tziens!\n' }),
    read: (page) => page.memo,
    expected: ['Dank u wel.', '', 'Tot ziens!'],
  },
  {
    guarantee: 'Greek and Cyrillic names stay as they are, in NFC',
    document: documentOf([line(1, { name: 'Μέλι θυμαρι\u0301σιο' })], {
      locale: 'bg-BG',
      buyer: { ...BUYER, organisation: 'Книжарница „Ъгъл“ ЕООД' },
    }),
    read: (page) => [firstRow(page).name, page.buyer.lines[0], page.title, page.pageOf(2, 3)],
    expected: ['Μέλι θυμαρίσιο', 'Книжарница „Ъгъл“ ЕООД', 'Фактура', 'Страница 2 от 3'],
  },
  {
    guarantee: 'control characters become spaces, tricks with direction and lone surrogates become U+FFFD',
    document: documentOf([line(1, { name: 'a\u0000\tb\u202Ec\ud800d\u2028e\u200bf' })]),
    read: (page) => firstRow(page).name,
    expected: 'a b\ufffdc\ufffdd ef',
  },
  {
    guarantee: 'a long name is not cut',
    document: documentOf([line(1, { name: 'lang '.repeat(400) })]),
    read: (page) => firstRow(page).name.length,
    expected: 1999,
  },
  {
    guarantee: 'a locale whose script the page lacks falls back to English words and figures',
    document: documentOf([line(1, { unitPrice: 1935n, totalExVat: 1935n, ...NO_VAT, vatCategory: 'G' })], {
      locale: 'ja-JP',
      currency: 'JPY',
    }),
    read: (page) => [page.title, firstRow(page).cells[1], page.details[1]?.text, page.language],
    expected: ['Invoice', '¥1,935', '12 June 2026', 'en-GB'],
  },
  {
    guarantee: 'a locale that does not exist is printed in English',
    document: documentOf([line(1)], { locale: 'not_a_locale' }),
    read: (page) => [page.title, firstRow(page).cells[1]],
    expected: ['Invoice', '€24.99'],
  },
];

describe.each([
  ['figures', FIGURES],
  ['article 226', ARTICLE_226],
  ['page', PAGE],
])('%s', (_, cases) => {
  test.each(cases)('$guarantee', ({ document, read, expected }) => {
    expect(read(invoicePage(document))).toEqual(expected);
  });
});

test.each(WORDED_LANGUAGES)('in %s every text has its words and its placeholders', (language) => {
  const { order, includingVat, corrects, pageOf, ...texts } = wordingOf(language);
  expect(order).toContain('{number}');
  expect(includingVat).toContain('{price}');
  expect(corrects).toMatch(/\{number\}.*\{date\}/);
  expect(pageOf).toMatch(/\{page\}.*\{pages\}/);
  for (const text of [...Object.values(texts), ...Object.values(texts.noVat)]) {
    if (typeof text === 'string') expect(text).toMatch(/^[^{}]+$/);
  }
});
