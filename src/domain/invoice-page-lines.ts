// The table of an invoice: its lines as printed, grouped under their orders.

import { fill, type InvoiceWording } from './invoice-wording.ts';
import type { InvoiceDocument, InvoiceLine } from './invoice.ts';
import type { LocaleFormat } from './locale-format.ts';
import { ONE, type Money, type VatRate } from './money.ts';
import { printable } from './printable-text.ts';

/** The lines of one order; without a heading, lines of no order. */
export interface PrintedGroup {
  readonly heading: { readonly title: string; readonly date: string } | null;
  readonly rows: readonly PrintedRow[];
}

export interface PrintedRow {
  readonly name: string;
  /** What stands small under the name: article number, price including VAT, discount. */
  readonly details: readonly string[];
  readonly cells: readonly string[];
}

export interface PrintedLines {
  readonly descriptionLabel: string;
  readonly columns: readonly string[];
  readonly groups: readonly PrintedGroup[];
}

const HUNDRED_PERCENT: VatRate = 100n * ONE;

export function printedLines(document: InvoiceDocument, wording: InvoiceWording, format: LocaleFormat): PrintedLines {
  const { isIncludingVat } = document.invoice;
  const { quantity, unitPrice, vat, amount, amountIncludingVat } = wording;
  return {
    descriptionLabel: wording.description,
    columns: [quantity, unitPrice, vat, amount, ...(isIncludingVat ? [amountIncludingVat] : [])],
    groups: groupsOf(document, wording, format),
  };
}

/** Lines of no order come first: below another order's heading they would seem to belong to it. */
function groupsOf(document: InvoiceDocument, wording: InvoiceWording, format: LocaleFormat): readonly PrintedGroup[] {
  const { invoice, lines, orders } = document;
  const rowsByOrder = new Map<string | null, PrintedRow[]>([[null, []]]);
  for (const order of orders) rowsByOrder.set(order.orderId, []);
  for (const line of [...lines].sort((a, b) => a.position - b.position)) {
    const rows = rowsByOrder.get(line.orderId) ?? rowsByOrder.get(null);
    rows?.push(printedRow(line, invoice.isIncludingVat, wording, format));
  }
  const headings = new Map(
    orders.map((order) => [
      order.orderId,
      { title: fill(wording.order, { number: printable(order.number) }), date: format.date(order.placedOn) },
    ]),
  );
  return [...rowsByOrder]
    .map(([orderId, rows]) => ({ heading: headings.get(orderId ?? '') ?? null, rows }))
    .filter(({ rows }) => rows.length > 0);
}

function printedRow(
  line: InvoiceLine,
  isIncludingVat: boolean,
  wording: InvoiceWording,
  format: LocaleFormat,
): PrintedRow {
  const incl = (price: string): string => fill(wording.includingVat, { price });
  const details: string[] = [];
  const sku = printable(line.sku ?? '');
  if (sku !== '') details.push(sku);
  if (isIncludingVat) details.push(incl(`${format.amount(line.unitPrice)}${perBase(line, format)}`));
  // A discount lowers the row, so it is printed with the sign that it has there.
  if (line.discount !== 0n) {
    const asPriced = format.amount(-line.discount);
    const text = isIncludingVat ? `${priceExVat(-line.discount, line, true, format)} (${incl(asPriced)})` : asPriced;
    details.push(`${wording.discount} ${text}`);
  }
  const total = line.totalExVat + line.totalVat;
  return {
    name: printable(line.name),
    details,
    cells: [
      format.quantity(line.quantity),
      `${priceExVat(line.unitPrice, line, isIncludingVat, format)}${perBase(line, format)}`,
      line.vatCategory === 'O' ? '–' : format.rate(line.vatRate),
      format.amount(line.totalExVat),
      ...(isIncludingVat ? [format.amount(total)] : []),
    ],
  };
}

/** A price without the VAT that it was given with, rounded only where the fraction goes beyond four decimals. */
function priceExVat(price: Money, line: InvoiceLine, isIncludingVat: boolean, format: LocaleFormat): string {
  if (!isIncludingVat) return format.amount(price);
  return format.price(price * HUNDRED_PERCENT, HUNDRED_PERCENT + line.vatRate);
}

function perBase(line: InvoiceLine, format: LocaleFormat): string {
  return line.priceBaseQuantity === ONE ? '' : ` / ${format.quantity(line.priceBaseQuantity)}`;
}
