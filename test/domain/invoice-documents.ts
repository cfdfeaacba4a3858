// Issued invoices to draw and to compare with: one builder, and the documents that the tests share.

import type { Invoice, InvoiceDocument, InvoicedOrder, InvoiceLine } from '../../src/domain/invoice.ts';
import { ONE, sum } from '../../src/domain/money.ts';
import type { Address, Buyer, Seller } from '../../src/domain/party.ts';

export const SELLER_ADDRESS: Address = {
  name: null,
  organisation: null,
  street: 'Keizersgracht 421',
  postalCode: '1016 EK',
  city: 'Amsterdam',
  region: null,
  country: 'NL',
};

export const SELLER: Seller = {
  name: 'Van Dijk & Zonen B.V.',
  address: SELLER_ADDRESS,
  email: 'administratie@vandijk.example',
  phone: '+31 20 555 01 23',
  website: 'https://vandijk.example',
  vatNumber: 'NL001234567B01',
  registrationNumber: '12345678',
  iban: 'NL91ABNA0417164300',
  bic: 'ABNANL2A',
};

export const BUYER: Buyer = {
  name: 'Jet Bakker',
  organisation: 'Bakkerij De Gouden Aar',
  email: 'jet@goudenaar.example',
  vatNumber: 'NL009876543B21',
  registrationNumber: '87654321',
};

export const BILLING: Address = {
  name: null,
  organisation: null,
  street: 'Oudegracht 88 bis',
  postalCode: '3511 AV',
  city: 'Utrecht',
  region: null,
  country: 'NL',
};

const DAY_OF_ISSUE = new Date('2026-06-12T09:30:00Z');

export function line(position: number, changes: Partial<InvoiceLine> = {}): InvoiceLine {
  return {
    merchantId: 'm1',
    invoiceId: 'i1',
    position,
    orderId: null,
    orderItemId: null,
    kind: 'PRODUCT',
    sku: null,
    name: `Artikel ${position}`,
    quantity: ONE,
    unitPrice: 2499n,
    priceBaseQuantity: ONE,
    discount: 0n,
    vatCategory: 'S',
    vatRate: 21n * ONE,
    vatReason: null,
    totalExVat: 2499n,
    totalVat: 525n,
    ...changes,
  };
}

/** An invoice over these lines; its totals are theirs. */
export function documentOf(
  lines: readonly InvoiceLine[],
  changes: Partial<Invoice> = {},
  rest: Partial<Pick<InvoiceDocument, 'orders' | 'corrects'>> = {},
): InvoiceDocument {
  const isIncludingVat = changes.isIncludingVat ?? false;
  const goods = lines.filter(({ kind }) => kind === 'PRODUCT' || kind === 'DISCOUNT');
  return {
    invoice: {
      merchantId: 'm1',
      id: 'i1',
      number: '2026-000042',
      type: 'INVOICE',
      state: 'OPEN',
      customerId: 'c1',
      currency: 'EUR',
      isIncludingVat,
      isVatShifted: false,
      locale: 'nl-NL',
      issueDate: '2026-06-12',
      dueDate: '2026-06-26',
      supplyDate: '2026-06-10',
      seller: SELLER,
      buyer: BUYER,
      billingAddress: BILLING,
      shippingAddress: null,
      subtotal: sum(goods.map((row) => row.totalExVat + (isIncludingVat ? row.totalVat : 0n))),
      totalExVat: sum(lines.map((row) => row.totalExVat)),
      totalVat: sum(lines.map((row) => row.totalVat)),
      amountPaid: 0n,
      amountRefunded: 0n,
      amountCredited: 0n,
      correctsInvoiceId: null,
      memo: null,
      excludeFromAutopay: false,
      isArchived: false,
      pdf: { status: 'PENDING', attempts: 0, error: null, sha256: null },
      createdAt: DAY_OF_ISSUE,
      updatedAt: DAY_OF_ISSUE,
      ...changes,
    },
    numbering: { series: 'invoice', year: 2026, sequence: 42n },
    lines,
    orders: [],
    corrects: null,
    ...rest,
  };
}

export const ORDERS: readonly InvoicedOrder[] = [
  { orderId: 'o1', number: '10017', placedOn: '2026-06-02' },
  { orderId: 'o2', number: '10023', placedOn: '2026-06-08' },
];

const NINE_PERCENT = 9n * ONE;

/** Dutch, business to business: two orders, two rates, a discount, shipping, a price for a hundred pieces. */
export const DUTCH_BUSINESS = documentOf(
  [
    line(1, {
      orderId: 'o1',
      sku: 'TAR-25',
      name: 'Tarwebloem type 550, zak van 25 kg',
      quantity: 12n * ONE,
      unitPrice: 1895n,
      discount: 1137n,
      vatRate: NINE_PERCENT,
      totalExVat: 21603n,
      totalVat: 1944n,
    }),
    line(2, {
      orderId: 'o1',
      sku: 'GIST-1',
      name: 'Verse bakkersgist',
      quantity: 25_000n,
      unitPrice: 420n,
      vatRate: NINE_PERCENT,
      totalExVat: 1050n,
      totalVat: 95n,
    }),
    line(3, {
      orderId: 'o2',
      sku: 'ZAK-M',
      name: 'Papieren broodzak, bedrukt, middel',
      quantity: 2500n * ONE,
      unitPrice: 123n,
      priceBaseQuantity: 100n * ONE,
      totalExVat: 3075n,
      totalVat: 646n,
    }),
    line(4, {
      orderId: 'o2',
      sku: 'MIX-40',
      name: 'Deegkneder 40 liter met roestvrijstalen kuip en veiligheidsrooster',
      unitPrice: 248_900n,
      totalExVat: 248_900n,
      totalVat: 52_269n,
    }),
    line(5, {
      orderId: 'o2',
      kind: 'SHIPPING',
      name: 'Bezorging met laadklep',
      unitPrice: 4500n,
      totalExVat: 4500n,
      totalVat: 945n,
    }),
  ],
  {
    shippingAddress: { ...BILLING, name: 'Magazijn, t.a.v. Piet', street: 'Europalaan 400', postalCode: '3526 KS' },
    memo: 'Hartelijk dank voor uw bestelling.\nRetourneren kan binnen 14 dagen.',
  },
  { orders: ORDERS },
);

/** To a German business: an intra-Community supply. */
export const GERMAN_BUSINESS = documentOf(
  [
    line(1, {
      orderId: 'o1',
      sku: 'FR-2041',
      name: 'Stadtfahrrad „Gazelle“ mit Nabenschaltung',
      quantity: 3n * ONE,
      unitPrice: 74_900n,
      vatCategory: 'K',
      vatRate: 0n,
      totalExVat: 224_700n,
      totalVat: 0n,
    }),
    line(2, {
      orderId: 'o1',
      kind: 'SHIPPING',
      name: 'Spedition nach München',
      unitPrice: 14_500n,
      vatCategory: 'K',
      vatRate: 0n,
      totalExVat: 14_500n,
      totalVat: 0n,
    }),
  ],
  {
    locale: 'de-DE',
    buyer: {
      name: 'Jürgen Weiß',
      organisation: 'Radhaus Süd GmbH & Co. KG',
      email: null,
      vatNumber: 'DE123456789',
      registrationNumber: 'HRB 98765',
    },
    billingAddress: { ...BILLING, street: 'Lindwurmstraße 12', postalCode: '80337', city: 'München', country: 'DE' },
  },
  { orders: ORDERS.slice(0, 1) },
);

/** Takes part of an earlier invoice back. */
export const CREDIT = documentOf(
  [
    line(1, {
      orderId: 'o1',
      kind: 'CONTRA',
      sku: 'TAR-25',
      name: 'Tarwebloem type 550, zak van 25 kg',
      quantity: -2n * ONE,
      unitPrice: 1895n,
      discount: -190n,
      vatRate: NINE_PERCENT,
      totalExVat: -3600n,
      totalVat: -324n,
    }),
  ],
  { type: 'CREDIT_INVOICE', number: 'C2026-000003', correctsInvoiceId: 'i0' },
  { orders: ORDERS.slice(0, 1), corrects: { number: '2026-000017', issueDate: '2026-05-03' } },
);

/** To a consumer, with prices including VAT, paid already. */
export const CONSUMER = documentOf(
  [
    line(1, {
      orderId: 'o1',
      sku: 'THEE-01',
      name: 'Theepot van gietijzer, 0,8 liter',
      quantity: 2n * ONE,
      unitPrice: 2499n,
      discount: 500n,
      totalExVat: 3717n,
      totalVat: 781n,
    }),
    line(2, {
      orderId: 'o1',
      name: 'Groene thee, los, per 100 gram',
      quantity: 4n * ONE,
      unitPrice: 545n,
      vatRate: NINE_PERCENT,
      totalExVat: 2000n,
      totalVat: 180n,
    }),
    line(3, {
      orderId: 'o1',
      kind: 'SHIPPING',
      name: 'Verzending',
      unitPrice: 395n,
      totalExVat: 326n,
      totalVat: 69n,
    }),
  ],
  {
    isIncludingVat: true,
    state: 'PAID',
    amountPaid: 7073n,
    buyer: { name: 'Sanne de Groot', organisation: null, email: null, vatNumber: null, registrationNumber: null },
  },
  { orders: ORDERS.slice(0, 1) },
);

/** As many lines as wanted, under one order, without VAT ids. */
export function longDocument(lines: number): InvoiceDocument {
  const rows = Array.from({ length: lines }, (_, index) =>
    line(index + 1, { orderId: 'o1', sku: `ART-${String(index + 1).padStart(4, '0')}`, name: `Artikel ${index + 1}` }),
  );
  return documentOf(rows, {}, { orders: ORDERS.slice(0, 1) });
}
