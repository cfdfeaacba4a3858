// The 75 EN 16931 invoices of the test data as orders, with the totals and the VAT breakdown that they must come to.
//
// 1. Amounts stay text until they are integers: nothing passes through a float.
// 2. A case either becomes an order or says in a sentence why the product has no order like it.

import { readFileSync } from 'node:fs';
import { currencyExponent } from '../../src/domain/currency.ts';
import { decimalText } from '../../src/domain/money.ts';
import { VAT_CATEGORIES, type VatCategory } from '../../src/domain/vat.ts';
import type { VatTermsJson } from '../../src/sample-data/demo-vat.ts';
import type { PlaceOrderItemJson, PlaceOrderJson } from '../../src/sample-data/northwind.ts';
import { exactPrice, minorUnits, readDecimal } from './exact-decimal.ts';

interface CaseVat {
  readonly vatCategory: string;
  readonly vatRate?: string;
}

interface CaseLine extends CaseVat {
  readonly name: string;
  readonly quantity: string;
  readonly netUnitPrice: string;
  readonly priceBaseQuantity?: string;
  readonly allowancesCharges?: readonly { readonly kind: string; readonly amount: string; readonly reason?: string }[];
}

interface CaseAllowanceOrCharge extends CaseVat {
  readonly amount: string;
  readonly reason?: string;
  readonly logistics?: boolean;
}

/** One case as it stands in the file; what is not read here is left out. */
interface En16931Case {
  readonly id: string;
  readonly typeCode: string;
  readonly number: string;
  readonly issueDate: string;
  readonly currency: string;
  readonly amountDecimals: number;
  readonly buyerCountry: string;
  readonly lines: readonly CaseLine[];
  readonly allowances: readonly CaseAllowanceOrCharge[];
  readonly charges: readonly CaseAllowanceOrCharge[];
  readonly vatBreakdown: readonly (CaseVat & {
    readonly taxable: string;
    readonly tax: string;
    readonly exemptionReason?: string;
  })[];
  readonly totals: { readonly taxExclusive: string; readonly tax?: string; readonly taxInclusive: string };
}

/** In the currency's minor unit, the groups sorted by category and rate. */
interface ExpectedTotals {
  readonly totalExVat: bigint;
  readonly totalVat: bigint;
  readonly total: bigint;
  readonly vat: readonly ExpectedVat[];
}

interface ExpectedVat {
  readonly category: string;
  readonly rate: string;
  readonly taxable: bigint;
  readonly amount: bigint;
}

/** Exactly one of `order` and `whyNot` is set. */
interface En16931Order {
  readonly case: En16931Case;
  readonly order: PlaceOrderJson | null;
  readonly whyNot: string | null;
  readonly expected: ExpectedTotals;
}

const CREDIT_NOTE = '381';

// Said on cases that charge no VAT and give no reason of their own, since the product prints one.
const REASON_NOT_GIVEN = 'No VAT is charged';

const SHIPPING_WORDS = /frakt|versand|transport|freight|shipping/i;

export function en16931Orders(): En16931Order[] {
  const file = readFileSync(new URL('./en16931-cases-dev.json', import.meta.url), 'utf8');
  const { cases } = JSON.parse(file) as { cases: readonly En16931Case[] };
  return cases.map((invoice) => {
    const whyNot = whyNoOrder(invoice);
    const order = whyNot === null ? orderOf(invoice) : null;
    return { case: invoice, order, whyNot, expected: expectedOf(invoice, order) };
  });
}

function whyNoOrder(invoice: En16931Case): string | null {
  const parts = [...invoice.lines, ...invoice.allowances, ...invoice.charges];
  const strange = parts.find((part) => !VAT_CATEGORIES.includes(part.vatCategory as VatCategory));
  if (invoice.typeCode === CREDIT_NOTE) return 'A credit note: no order is placed for one.';
  if (strange) return `VAT category ${strange.vatCategory} is none of the categories that the product knows.`;
  if (invoice.lines.some((line) => isNegative(line.quantity))) return 'A line has a negative quantity.';
  if (invoice.lines.some((line) => isNegative(line.netUnitPrice))) return 'A line has a negative price.';
  if (invoice.lines.some((line) => readDecimal(line.quantity).digits === 0n)) return 'A line has the quantity 0.';
  if (invoice.lines.some((line) => readDecimal(line.quantity).decimals > 4)) {
    return 'A quantity has more than four decimals.';
  }
  if ([...invoice.allowances, ...invoice.charges].some((part) => isNegative(part.amount))) {
    return 'An allowance or a charge is negative.';
  }
  if (invoice.amountDecimals !== currencyExponent(invoice.currency)) {
    return `It is rounded to ${invoice.amountDecimals} decimals, where ISO 4217 gives ${invoice.currency} ${currencyExponent(invoice.currency)}.`;
  }
  return null;
}

function orderOf(invoice: En16931Case): PlaceOrderJson {
  const items = [
    ...invoice.lines.flatMap((line) => lineItems(line, invoice)),
    ...invoice.allowances.filter(isAmount).map((allowance) => allowanceItem(allowance, invoice)),
    ...invoice.charges.filter(isAmount).map((charge) => chargeItem(charge, invoice)),
  ];
  return {
    id: invoice.id,
    number: invoice.id,
    customer: { id: `${invoice.id}-buyer`, name: 'Buyer', locale: 'en' },
    currency: invoice.currency,
    is_including_vat: false,
    is_vat_shifted: items.every((item) => item.vat_category === 'AE'),
    invoicing_policy: 'ON_ORDER',
    billing_address: { street: 'Unknown', city: 'Unknown', country: invoice.buyerCountry },
    items: items.map((item, index) => ({ ...item, id: `${invoice.id}-${index + 1}` })),
    placed_at: `${invoice.issueDate}T12:00:00Z`,
  };
}

type ItemWithoutId = Omit<PlaceOrderItemJson, 'id'>;

/** The line, and a fee when its charges are above its allowances: a row can be discounted, not made dearer. */
function lineItems(line: CaseLine, invoice: En16931Case): ItemWithoutId[] {
  const exponent = currencyExponent(invoice.currency);
  const { unitPrice, priceBaseQuantity } = exactPrice(line.netUnitPrice, exponent);
  const base = priceBaseQuantity * tenThousandths(line.priceBaseQuantity ?? '1');
  const discount = netAllowance(line, exponent);
  const vat = vatTerms(line, invoice);
  const product: ItemWithoutId = {
    kind: 'PRODUCT',
    name: line.name,
    quantity: Number(decimalText(tenThousandths(line.quantity))),
    is_whole_number: readDecimal(line.quantity).decimals === 0,
    unit_price: Number(unitPrice),
    price_base_quantity: Number(decimalText(base)),
    ...(discount > 0n ? { discount: Number(discount) } : {}),
    ...vat,
  };
  if (discount >= 0n) return [product];
  const reasons = (line.allowancesCharges ?? []).filter((part) => part.kind === 'charge').map((part) => part.reason);
  const fee: ItemWithoutId = {
    kind: 'FEE',
    name: reasons.find((reason) => reason !== undefined) ?? 'Charge',
    quantity: 1,
    unit_price: Number(-discount),
    ...vat,
  };
  return [product, fee];
}

/** What the allowances of a line take off more than its charges add. */
function netAllowance(line: CaseLine, exponent: number): bigint {
  let net = 0n;
  for (const { kind, amount } of line.allowancesCharges ?? []) {
    net += kind === 'allowance' ? minorUnits(amount, exponent) : -minorUnits(amount, exponent);
  }
  return net;
}

function allowanceItem(allowance: CaseAllowanceOrCharge, invoice: En16931Case): ItemWithoutId {
  return {
    kind: 'DISCOUNT',
    name: allowance.reason ?? 'Allowance',
    quantity: 1,
    unit_price: Number(-minorUnits(allowance.amount, currencyExponent(invoice.currency))),
    ...vatTerms(allowance, invoice),
  };
}

function chargeItem(charge: CaseAllowanceOrCharge, invoice: En16931Case): ItemWithoutId {
  const name = charge.reason ?? 'Charge';
  return {
    kind: charge.logistics === true || SHIPPING_WORDS.test(name) ? 'SHIPPING' : 'FEE',
    name,
    quantity: 1,
    unit_price: Number(minorUnits(charge.amount, currencyExponent(invoice.currency))),
    ...vatTerms(charge, invoice),
  };
}

function vatTerms(part: CaseVat, invoice: En16931Case): VatTermsJson {
  const vat_category = part.vatCategory as VatCategory;
  const vat_rate = rateOf(part);
  if (vat_category === 'S' || vat_category === 'Z') return { vat_category, vat_rate };
  const group = invoice.vatBreakdown.find((row) => groupKey(row) === groupKey(part));
  return { vat_category, vat_rate, vat_reason: group?.exemptionReason ?? REASON_NOT_GIVEN };
}

/**
 * What the invoice itself says. Payable may be less (prepaid amounts) or rounded to whole units; the order is not.
 * A group that only a zero allowance or charge stood in is left out, as that allowance or charge is.
 */
function expectedOf(invoice: En16931Case, order: PlaceOrderJson | null): ExpectedTotals {
  const exponent = Math.max(currencyExponent(invoice.currency), invoice.amountDecimals);
  const carried = order && new Set(order.items.map((item) => `${item.vat_category} ${item.vat_rate}`));
  return {
    totalExVat: minorUnits(invoice.totals.taxExclusive, exponent),
    totalVat: minorUnits(invoice.totals.tax ?? '0', exponent),
    total: minorUnits(invoice.totals.taxInclusive, exponent),
    vat: invoice.vatBreakdown
      .map((row) => ({
        category: row.vatCategory,
        rate: rateOf(row),
        taxable: minorUnits(row.taxable, exponent),
        amount: minorUnits(row.tax, exponent),
      }))
      .filter((row) => row.taxable !== 0n || !carried || carried.has(`${row.category} ${row.rate}`))
      .sort(byCategoryAndRate),
  };
}

/** The order of `ExpectedTotals.vat`, for whoever compares with it. */
export function byCategoryAndRate(
  a: Pick<ExpectedVat, 'category' | 'rate'>,
  b: Pick<ExpectedVat, 'category' | 'rate'>,
) {
  return a.category.localeCompare(b.category) || Number(a.rate) - Number(b.rate);
}

function groupKey(part: CaseVat): string {
  return `${part.vatCategory} ${rateOf(part)}`;
}

/** "19.00" is "19". Out of scope (O) has no rate there and the rate 0 here. */
function rateOf(part: CaseVat): string {
  return decimalText(tenThousandths(part.vatRate ?? '0'));
}

function isAmount(part: CaseAllowanceOrCharge): boolean {
  return readDecimal(part.amount).digits !== 0n;
}

function isNegative(text: string): boolean {
  return readDecimal(text).digits < 0n;
}

function tenThousandths(text: string): bigint {
  return minorUnits(text, 4);
}
