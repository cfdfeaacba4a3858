// 300 whole invoices of a real wholesaler (Online Retail) as orders, with the net sum that each must come to.
//
// 1. Nothing is cleaned: quantities below zero, negative prices and unknown countries stay, and must be refused.
// 2. Rows that are equal are different rows: none is merged or dropped.

import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { isCountry } from '../../src/domain/country.ts';
import { divideRounded, ONE, sum } from '../../src/domain/money.ts';
import type { VatTermsJson } from '../../src/sample-data/demo-vat.ts';
import type { PlaceOrderItemJson, PlaceOrderJson } from '../../src/sample-data/northwind.ts';
import { exactPrice, minorUnits } from './exact-decimal.ts';

interface Row {
  readonly InvoiceNo: string;
  readonly StockCode: string;
  readonly Description: string;
  readonly Quantity: string;
  readonly InvoiceDate: string;
  readonly UnitPrice: string;
  readonly CustomerID: string;
  readonly Country: string;
}

interface OnlineRetailOrder {
  readonly invoiceNo: string;
  readonly order: PlaceOrderJson;
  readonly isExpectedToFail: boolean;
  /** Why it must be refused; null when it must not be. */
  readonly why: string | null;
  /** In pence: each row rounded half away from zero, then summed. Null when the order must be refused. */
  readonly expectedTotalExVat: bigint | null;
}

const PENCE = 2;

// The last two are in the data, but no country. EU is reserved for the union, and ZZ is what stands for "unknown".
const COUNTRIES: Readonly<Record<string, string>> = {
  Australia: 'AU',
  Austria: 'AT',
  Bahrain: 'BH',
  Belgium: 'BE',
  Brazil: 'BR',
  Canada: 'CA',
  'Channel Islands': 'JE',
  Cyprus: 'CY',
  'Czech Republic': 'CZ',
  Denmark: 'DK',
  EIRE: 'IE',
  Finland: 'FI',
  France: 'FR',
  Germany: 'DE',
  Greece: 'GR',
  'Hong Kong': 'HK',
  Iceland: 'IS',
  Israel: 'IL',
  Italy: 'IT',
  Japan: 'JP',
  Lebanon: 'LB',
  Lithuania: 'LT',
  Malta: 'MT',
  Netherlands: 'NL',
  Norway: 'NO',
  Poland: 'PL',
  Portugal: 'PT',
  RSA: 'ZA',
  'Saudi Arabia': 'SA',
  Singapore: 'SG',
  Spain: 'ES',
  Sweden: 'SE',
  Switzerland: 'CH',
  USA: 'US',
  'United Arab Emirates': 'AE',
  'United Kingdom': 'GB',
  'European Community': 'EU',
  Unspecified: 'ZZ',
};

// Of the countries above, the members of the EU in 2010 and 2011, the United Kingdom left out. Jersey was never one.
const OTHER_EU_MEMBERS = new Set('AT BE CY CZ DE DK ES FI FR GR IE IT LT MT NL PL PT SE'.split(' '));

const UK_RATE_BEFORE_2011_01_04 = '17.5';
const UK_RATE = '20';

// Every code of the data that is no goods. S are samples, B bad debt, CRUK a commission to a charity.
const KINDS: Readonly<Record<string, PlaceOrderItemJson['kind']>> = {
  POST: 'SHIPPING',
  DOT: 'SHIPPING',
  C2: 'SHIPPING',
  D: 'DISCOUNT',
  M: 'FEE',
  S: 'FEE',
  B: 'FEE',
  CRUK: 'FEE',
  AMAZONFEE: 'FEE',
  'BANK CHARGES': 'FEE',
};

/** In the order of the file. */
export function onlineRetailOrders(): OnlineRetailOrder[] {
  const file = readFileSync(new URL('./online-retail-300-orders.csv', import.meta.url));
  const invoices = new Map<string, Row[]>();
  for (const row of parse<Row>(file, { columns: true })) {
    const rows = invoices.get(row.InvoiceNo);
    if (rows) rows.push(row);
    else invoices.set(row.InvoiceNo, [row]);
  }
  return [...invoices.values()].map((rows) => {
    const [first] = rows;
    if (!first) throw new Error('An invoice without rows.');
    const why = reasonsToRefuse(first, rows);
    return {
      invoiceNo: first.InvoiceNo,
      order: orderOf(first, rows),
      isExpectedToFail: why.length > 0,
      why: why.length > 0 ? why.join(' ') : null,
      expectedTotalExVat: why.length > 0 ? null : netSum(rows),
    };
  });
}

function reasonsToRefuse(first: Row, rows: readonly Row[]): string[] {
  const isCancellation = first.InvoiceNo.startsWith('C');
  return [
    ...(rows.some((row) => Number(row.Quantity) <= 0)
      ? [isCancellation ? 'A cancellation: its quantities are below zero.' : 'A quantity is not above zero.']
      : []),
    ...(rows.some((row) => row.UnitPrice.startsWith('-') && kindOf(row) !== 'DISCOUNT')
      ? ['A price is negative on a row that is no discount.']
      : []),
    ...(isCountry(countryOf(first)) ? [] : [`"${first.Country}" is no country.`]),
  ];
}

// Three invoices carry two times, a minute apart: the first row's counts.
function orderOf(first: Row, rows: readonly Row[]): PlaceOrderJson {
  const customerNumber = first.CustomerID.replace(/\.0$/, '');
  const vat = vatTerms(first);
  return {
    id: `retail-${first.InvoiceNo}`,
    number: first.InvoiceNo,
    customer: {
      id: customerNumber === '' ? `guest-${first.InvoiceNo}` : customerNumber,
      name: customerNumber === '' ? 'Guest' : `Customer ${customerNumber}`,
      locale: 'en-GB',
    },
    currency: 'GBP',
    is_including_vat: false,
    invoicing_policy: 'ON_ORDER',
    billing_address: { street: 'Unknown', city: 'Unknown', country: countryOf(first) },
    items: rows.map((row, index) => itemOf(row, index, vat)),
    placed_at: londonTime(first.InvoiceDate),
  };
}

function itemOf(row: Row, index: number, vat: VatTermsJson): PlaceOrderItemJson {
  const { unitPrice, priceBaseQuantity } = exactPrice(row.UnitPrice, PENCE);
  const description = row.Description.trim();
  return {
    id: `${row.InvoiceNo}-${index + 1}`,
    kind: kindOf(row),
    sku: row.StockCode,
    name: description === '' ? row.StockCode : description,
    quantity: Number(row.Quantity),
    ...(row.StockCode.startsWith('gift_') ? { is_virtual: true } : {}),
    unit_price: Number(unitPrice),
    ...(priceBaseQuantity === 1n ? {} : { price_base_quantity: Number(priceBaseQuantity) }),
    ...vat,
  };
}

/** Read anew from the text of the prices, not from the converted items, so that it can prove them wrong. */
function netSum(rows: readonly Row[]): bigint {
  const penceInTenThousandths = (row: Row): bigint => minorUnits(row.UnitPrice, PENCE + 4) * quantityOf(row);
  return sum(rows.map((row) => divideRounded(penceInTenThousandths(row), ONE)));
}

function quantityOf(row: Row): bigint {
  return minorUnits(row.Quantity, 0);
}

/** The seller is in the United Kingdom, then a member of the EU. That the foreign buyers were businesses is assumed. */
function vatTerms(row: Row): VatTermsJson {
  const country = countryOf(row);
  if (country === 'GB') {
    const isBeforeChange = row.InvoiceDate < '2011-01-04';
    return { vat_category: 'S', vat_rate: isBeforeChange ? UK_RATE_BEFORE_2011_01_04 : UK_RATE };
  }
  if (OTHER_EU_MEMBERS.has(country)) {
    return { vat_category: 'K', vat_rate: '0', vat_reason: 'Intra-Community supply' };
  }
  return { vat_category: 'G', vat_rate: '0', vat_reason: 'Export outside the EU' };
}

function kindOf(row: Row): PlaceOrderItemJson['kind'] {
  return KINDS[row.StockCode] ?? 'PRODUCT';
}

function countryOf(row: Row): string {
  const code = COUNTRIES[row.Country];
  if (code === undefined) throw new Error(`Online Retail: unknown country "${row.Country}".`);
  return code;
}

/** "2011-05-03 09:15:00" was written on a clock in London: an hour ahead of UTC while summer time lasted. */
function londonTime(text: string): string {
  const isSummerTime = text >= '2011-03-27 02' && text < '2011-10-30 02';
  return `${text.replace(' ', 'T')}${isSummerTime ? '+01:00' : 'Z'}`;
}
