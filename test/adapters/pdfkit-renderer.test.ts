// The PDF of an invoice: read back with another program than the one that wrote it.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { charactersOf } from '../../src/adapters/font-coverage.ts';
import { createPdfkitRenderer, type PdfkitRenderer } from '../../src/adapters/pdfkit-renderer.ts';
import { invoicePage } from '../../src/domain/invoice-page.ts';
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
  longDocument,
  ORDERS,
  SELLER,
} from '../domain/invoice-documents.ts';

interface PlacedText {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly baseline: number;
}

const A4 = { width: 595.28, height: 841.89 };
const MARGIN = 60;

let renderer: PdfkitRenderer;
beforeAll(() => {
  renderer = createPdfkitRenderer({ threads: 2 });
});
afterAll(() => renderer.close());

/** The texts of each page, with their places. No-break spaces are read as spaces. */
async function pagesOf(content: Uint8Array): Promise<readonly (readonly PlacedText[])[]> {
  const pdf = await getDocumentProxy(content.slice());
  const numbers = Array.from({ length: pdf.numPages }, (_, index) => index + 1);
  return await Promise.all(
    numbers.map(async (number) => {
      const { items } = await (await pdf.getPage(number)).getTextContent();
      return items.flatMap((item): readonly PlacedText[] => {
        if (!('str' in item) || item.str.trim() === '') return [];
        const [left, baseline] = [Number(item.transform[4]), Number(item.transform[5])];
        return [{ text: item.str.replace(/[\u00a0\u202f]/g, ' '), left, right: left + item.width, baseline }];
      });
    }),
  );
}

async function rendered(document: InvoiceDocument): Promise<readonly (readonly PlacedText[])[]> {
  return await pagesOf(await renderer.render(document));
}

const textsOf = (page: readonly PlacedText[] | undefined): readonly string[] => (page ?? []).map(({ text }) => text);
const digestOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

function expectWithinMargins(pages: readonly (readonly PlacedText[])[]): void {
  for (const { text, left, right, baseline } of pages.flat()) {
    expect(left, text).toBeGreaterThanOrEqual(MARGIN);
    expect(right, text).toBeLessThanOrEqual(A4.width - MARGIN);
    expect(baseline, text).toBeGreaterThan(10);
    expect(baseline, text).toBeLessThan(A4.height - 40);
  }
}

const SAMPLES: readonly (readonly [string, InvoiceDocument])[] = [
  ['a Dutch business invoice', DUTCH_BUSINESS],
  ['an intra-Community supply', GERMAN_BUSINESS],
  ['a credit invoice', CREDIT],
  ['a consumer invoice', CONSUMER],
];

describe('the same document', () => {
  test('gives the same bytes on every rendering and in every thread', async () => {
    const contents = await Promise.all(Array.from({ length: 6 }, () => renderer.render(DUTCH_BUSINESS)));
    const other = createPdfkitRenderer({ threads: 1 });
    try {
      contents.push(await other.render(DUTCH_BUSINESS));
    } finally {
      await other.close();
    }
    expect(new Set(contents.map(digestOf)).size).toBe(1);
  });

  test('gives the same bytes whatever its thread drew before, and its letters can be read', async () => {
    const lastOf = async (...names: readonly string[]): Promise<Uint8Array> => {
      const own = createPdfkitRenderer({ threads: 1 });
      let last = new Uint8Array();
      for (const name of names) last = new Uint8Array(await own.render(documentOf([line(1, { name })])));
      await own.close();
      return last;
    };
    // The first letter is put together from the two others.
    const afterwards = await lastOf('ǰ', 'ȷ ˇ');
    expect(digestOf(afterwards)).toBe(digestOf(await lastOf('ȷ ˇ')));
    expect((await pagesOf(afterwards)).flatMap(textsOf)).toContain('ȷ ˇ');
  });

  test('gives other bytes once anything on the page differs', async () => {
    const { invoice } = DUTCH_BUSINESS;
    const changed = { ...DUTCH_BUSINESS, invoice: { ...invoice, number: '2026-000043' } };
    expect(digestOf(await renderer.render(changed))).not.toBe(digestOf(await renderer.render(DUTCH_BUSINESS)));
  });
});

describe('the file', () => {
  test('is a PDF 1.7 that says it is PDF/A-3b, with title, language and the time of issue as its only time', async () => {
    const content = await renderer.render(DUTCH_BUSINESS);
    expect(Buffer.from(content.subarray(0, 8)).toString('latin1')).toBe('%PDF-1.7');
    const pdf = await getDocumentProxy(content.slice());
    const { info } = await pdf.getMetadata();
    expect(info).toMatchObject({
      Title: 'Factuur 2026-000042',
      Language: 'nl-NL',
      CreationDate: 'D:20260612093000Z',
      ModDate: 'D:20260612093000Z',
    });
    const metadata = xmpOf(content);
    expect(metadata).toContain('<pdfaid:part>3</pdfaid:part>');
    expect(metadata).toContain('<pdfaid:conformance>B</pdfaid:conformance>');
    expect(metadata.match(/\d{4}-\d{2}-\d{2}T[\d:]+Z/g)).toEqual(['2026-06-12T09:30:00Z']);
  });

  test('has well-formed metadata when the seller has an ampersand and the number has markup', async () => {
    const metadata = xmpOf(await renderer.render(documentOf([line(1)], { number: '<b>&1</b>' })));
    expect(metadata).toContain('Van Dijk &amp; Zonen B.V.');
    expect(metadata).toContain('&lt;b&gt;&amp;1&lt;/b&gt;');
    expect(metadata).not.toMatch(/&(?!amp;|lt;|gt;)|<b>/);
  });

  test('links to the seller’s website only over https', async () => {
    const urlsOf = async (website: string): Promise<readonly string[]> => {
      const content = await renderer.render(documentOf([line(1)], { seller: { ...SELLER, website } }));
      const page = await (await getDocumentProxy(content.slice())).getPage(1);
      return (await page.getAnnotations()).map(({ url }: { url: string }) => url);
    };
    expect(await urlsOf('https://vandijk.example')).toEqual(['https://vandijk.example/']);
    expect(await urlsOf('http://vandijk.example')).toEqual([]);
    expect(await urlsOf('javascript:alert(1)')).toEqual([]);
  });
});

/** The metadata packet, which PDF/A wants uncompressed. */
function xmpOf(content: Uint8Array): string {
  const text = Buffer.from(content).toString('utf8');
  return text.slice(text.indexOf('<?xpacket begin'), text.indexOf('<?xpacket end'));
}

describe('the page', () => {
  test.each(SAMPLES)('of %s stays within its margins', async (_, document) => {
    const pages = await rendered(document);
    expect(pages).toHaveLength(1);
    expectWithinMargins(pages);
  });

  test('has the texts of the print model', async () => {
    const texts = textsOf((await rendered(DUTCH_BUSINESS))[0]);
    for (const text of [
      'Factuur',
      '2026-000042',
      '12 juni 2026',
      'NL009876543B21',
      'Bestelling 10023',
      '€ 1,23 / 100',
      '€ 3.350,27',
      'NL91 ABNA 0417 1643 00',
      'Retourneren kan binnen 14 dagen.',
      'Pagina 1 van 1',
    ]) {
      expect(texts).toContain(text);
    }
  });

  test('aligns the figures of a column to the right', async () => {
    const [page = []] = await rendered(DUTCH_BUSINESS);
    const amounts = page.filter(({ text }) => ['€ 216,03', '€ 10,50', '€ 30,75', '€ 3.350,27'].includes(text));
    const ends = amounts.filter(({ left }) => left > 400).map(({ right }) => Math.round(right * 10));
    expect(ends.length).toBeGreaterThanOrEqual(4);
    expect(new Set(ends).size).toBe(1);
  });

  test('shows the address of the buyer in the window of an envelope, and the title below it', async () => {
    const [page = []] = await rendered(DUTCH_BUSINESS);
    const fromTopMm = (wanted: string): number =>
      ((A4.height - (page.find(({ text }) => text === wanted)?.baseline ?? NaN)) / 72) * 25.4;
    expect(fromTopMm('Bakkerij De Gouden Aar')).toBeGreaterThan(50);
    expect(fromTopMm('3511 AV Utrecht')).toBeLessThan(88);
    expect(fromTopMm('Factuur')).toBeGreaterThan(92);
  });

  test('shows Greek and Bulgarian, and U+FFFD for what the font lacks', async () => {
    const names = ['Ελαιόλαδο εξαιρετικό', 'Розово масло', 'Țuică și pălincă', '茶 ￥5'];
    const lines = names.map((name, index) => line(index + 1, { name }));
    const texts = textsOf((await rendered(documentOf(lines)))[0]);
    expect(texts).toEqual(expect.arrayContaining([...names.slice(0, 3), '\ufffd ¥5']));
  });
});

describe('the fonts', () => {
  const [regular, semibold] = ['Regular', 'SemiBold'].map((weight) =>
    charactersOf(readFileSync(new URL(`../../src/fonts/NotoSans-${weight}.ttf`, import.meta.url))),
  );

  test('have the same characters in both weights', () => {
    expect(regular?.size).toBeGreaterThan(1500);
    expect(semibold).toEqual(regular);
  });

  test.each(WORDED_LANGUAGES)('have every character that an invoice in %s is printed with', (locale) => {
    const isMissing = (character: string): boolean => !regular?.has(character.codePointAt(0) ?? 0);
    for (const currency of ['EUR', 'PLN', 'BGN', 'CHF', 'JPY', 'UAH', 'ILS', 'INR']) {
      for (let month = 1; month <= 12; month += 1) {
        const issueDate = `2026-${String(month).padStart(2, '0')}-21`;
        const page = invoicePage(documentOf([line(1, { totalExVat: -123_456_789n })], { locale, currency, issueDate }));
        expect([...JSON.stringify(page)].filter(isMissing)).toEqual([]);
      }
    }
    expect([...JSON.stringify(wordingOf(locale))].filter(isMissing)).toEqual([]);
  });
});

describe('many lines', () => {
  test.each([
    [1, 1],
    [40, 3],
    [1000, 47],
  ])('%i lines take %i pages, each line on one of them', async (count, pageCount) => {
    const pages = await rendered(longDocument(count));
    expect(pages).toHaveLength(pageCount);
    const names = pages.flatMap(textsOf).filter((text) => /^Artikel \d+$/.test(text));
    expect(names).toEqual(Array.from({ length: count }, (_, index) => `Artikel ${index + 1}`));
    expectWithinMargins(pages);
  });

  test('every page has its number and the column labels; the next ones say whose invoice they belong to', async () => {
    const pages = await rendered(longDocument(40));
    pages.forEach((page, index) => {
      expect(textsOf(page)).toContain(`Pagina ${index + 1} van 3`);
      expect(textsOf(page)).toContain('Bedrag excl. btw');
    });
    expect(textsOf(pages[1]).slice(0, 2)).toEqual(['Van Dijk & Zonen B.V.', 'Factuur 2026-000042']);
  });

  test('pages are numbered in the language of the invoice', async () => {
    const { invoice, ...rest } = longDocument(40);
    const pages = await rendered({ ...rest, invoice: { ...invoice, locale: 'en-IE' } });
    expect(textsOf(pages[1])).toContain('Page 2 of 3');
  });

  test('a row is never split, a heading never left alone, and totals and way to pay never without the last row', async () => {
    for (let count = 8; count <= 16; count += 1) {
      const rows = Array.from({ length: count }, (_, index) =>
        line(index + 1, {
          orderId: index < count - 2 ? 'o1' : 'o2',
          sku: `SKU ${index + 1}`,
          name: `Row ${index + 1}`,
        }),
      );
      const pages = (await rendered(documentOf(rows, {}, { orders: ORDERS }))).map(textsOf);
      const pageOf = (text: string): number => pages.findIndex((texts) => texts.includes(text));
      rows.forEach((_, index) => expect(pageOf(`SKU ${index + 1}`)).toBe(pageOf(`Row ${index + 1}`)));
      expect(pageOf('Bestelling 10023')).toBe(pageOf(`Row ${count - 1}`));
      expect(pageOf('Totaal incl. btw')).toBe(pageOf(`Row ${count}`));
      expect(pageOf('Maatstaf van heffing')).toBe(pageOf(`Row ${count}`));
      expect(pageOf('Te betalen')).toBe(pageOf(`Row ${count}`));
    }
  });

  test('very many VAT rates run over pages without losing one', async () => {
    const lines = Array.from({ length: 120 }, (_, index) => line(index + 1, { vatRate: BigInt(index + 1) * ONE }));
    const pages = await rendered(documentOf(lines));
    expectWithinMargins(pages);
    const rates = pages.flat().filter(({ text, left }) => left < 70 && /^\d+%$/.test(text));
    expect(rates).toHaveLength(120);
  });

  test('the event loop of the caller runs on while 1,000 lines are rendered', async () => {
    await renderer.render(longDocument(1));
    let isRendering = true;
    let ticks = 0;
    const tick = (): void => {
      ticks += 1;
      if (isRendering) setImmediate(tick);
    };
    const rendering = renderer.render(longDocument(1000));
    setImmediate(tick);
    await rendering;
    isRendering = false;
    // On the event loop itself it would be a handful.
    expect(ticks).toBeGreaterThan(100);
  });
});

describe('hostile text', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['control characters', 'a\u0000b\u0007c\r\nd\te\u001bf'],
    ['direction overrides', 'total \u202E00.1\u202C and \u2066x\u2069'],
    ['lone surrogates', 'a\ud800b\udfffc'],
    ['emoji', '👩‍👩‍👧‍👦 🇳🇱 ☕️ 100%'],
    ['an unbroken name of 500 characters', 'W'.repeat(500)],
    ['hundreds of words', 'lorem ipsum '.repeat(300)],
    ['markup', '<b>bold</b> &amp; (paren\\thesis) %PDF /Name << >> endobj'],
    ['right-to-left and Asian scripts', 'שלום مرحبا 日本語 ไทย'],
    ['marks without end', `e${'\u0301'.repeat(300)}`],
    ['nothing', ''],
  ];

  test.each(texts)('%s everywhere is drawn, and within the page', async (_, text) => {
    const address = {
      ...BILLING,
      name: text,
      organisation: text,
      street: text,
      postalCode: text,
      city: text,
      region: text,
    };
    const pages = await rendered(
      documentOf(
        [line(1, { orderId: 'o1', name: text, sku: text, vatReason: text }), line(2, { name: text })],
        {
          number: text,
          memo: text,
          seller: {
            ...SELLER,
            name: text,
            address,
            email: text,
            phone: text,
            website: text,
            vatNumber: text,
            iban: text,
            bic: text,
          },
          buyer: { ...BUYER, name: text, organisation: text, vatNumber: text, registrationNumber: text },
          billingAddress: address,
          shippingAddress: { ...address, city: `${text}2` },
        },
        {
          orders: [{ orderId: 'o1', number: text, placedOn: '1970-01-01' }],
          corrects: { number: text, issueDate: '2026-01-31' },
        },
      ),
    );
    expectWithinMargins(pages);
    expect(pages.flatMap(textsOf)).toContain('Totaal incl. btw');
  });

  test('the largest amounts of the widest currency stay in their columns', async () => {
    const largest = 9_007_199_254_740_991n;
    const huge = {
      unitPrice: largest,
      quantity: 999_999_999_9999n,
      totalExVat: largest,
      totalVat: largest,
      discount: -largest,
    };
    const pages = await rendered(
      documentOf([line(1, huge)], { locale: 'bg-BG', currency: 'BHD', isIncludingVat: true }),
    );
    expectWithinMargins(pages);
  });
});

test('a document that cannot be drawn is refused, and the renderer goes on', async () => {
  const { invoice, ...rest } = DUTCH_BUSINESS;
  const broken = { ...rest, invoice: { ...invoice, createdAt: new Date(NaN) } };
  await expect(renderer.render(broken)).rejects.toThrow();
  expect((await renderer.render(DUTCH_BUSINESS)).length).toBeGreaterThan(1000);
});
