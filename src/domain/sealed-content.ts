// The canonical text of an issued document: all that stands on it and must never change, the same in every process for ever.
//
// 1. Its SHA-256 is in the chain (seal.ts), so a later version must write the same text for what was sealed before. What
//    changes the text is another version of it, beside this one.
// 2. Every field of the records is named here or among those that may change; the compiler asks for a decision on a new one.
// 3. No locale, no clock, no floats: numbers are decimal strings, instants are ISO 8601 in UTC, keys of copied records are in
//    the order of their code points. What is computed from the lines (VAT by rate) is not repeated: it would tie old seals
//    to today's computation. How it was printed is in the digest of the PDF.

import type { Invoice, InvoiceDocument, InvoicedOrder, InvoiceLine } from './invoice.ts';

/** What the life of an invoice changes: its state, its money, its PDF, and instructions that stand on no page. */
export type ChangingField =
  | 'state'
  | 'amountPaid'
  | 'amountRefunded'
  | 'amountCredited'
  | 'excludeFromAutopay'
  | 'isArchived'
  | 'pdf'
  | 'updatedAt';

type Sealed<T> = { readonly [Field in keyof T]: unknown };

export function sealedContent(document: InvoiceDocument): string {
  const { invoice, numbering, lines, orders, corrects } = document;
  return JSON.stringify([
    'billhead document 1',
    canonical({
      invoice: sealedHead(invoice),
      numbering,
      // On the page stands what was paid when it was issued.
      paidAtIssue: invoice.amountPaid,
      lines: lines.map(sealedLine),
      orders: orders.map(sealedOrder),
      corrects,
    }),
  ]);
}

function sealedHead(invoice: Invoice): Sealed<Omit<Invoice, ChangingField>> {
  return {
    merchantId: invoice.merchantId,
    id: invoice.id,
    number: invoice.number,
    type: invoice.type,
    customerId: invoice.customerId,
    currency: invoice.currency,
    isIncludingVat: invoice.isIncludingVat,
    isVatShifted: invoice.isVatShifted,
    locale: invoice.locale,
    issueDate: invoice.issueDate,
    dueDate: invoice.dueDate,
    supplyDate: invoice.supplyDate,
    seller: invoice.seller,
    buyer: invoice.buyer,
    billingAddress: invoice.billingAddress,
    shippingAddress: invoice.shippingAddress,
    subtotal: invoice.subtotal,
    totalExVat: invoice.totalExVat,
    totalVat: invoice.totalVat,
    correctsInvoiceId: invoice.correctsInvoiceId,
    memo: invoice.memo,
    createdAt: invoice.createdAt,
  };
}

function sealedLine(line: InvoiceLine): Sealed<InvoiceLine> {
  return {
    merchantId: line.merchantId,
    invoiceId: line.invoiceId,
    position: line.position,
    orderId: line.orderId,
    orderItemId: line.orderItemId,
    kind: line.kind,
    sku: line.sku,
    name: line.name,
    quantity: line.quantity,
    unitPrice: line.unitPrice,
    priceBaseQuantity: line.priceBaseQuantity,
    discount: line.discount,
    vatCategory: line.vatCategory,
    vatRate: line.vatRate,
    vatReason: line.vatReason,
    totalExVat: line.totalExVat,
    totalVat: line.totalVat,
  };
}

function sealedOrder({ orderId, number, placedOn }: InvoicedOrder): Sealed<InvoicedOrder> {
  return { orderId, number, placedOn };
}

/** The same value for JSON, with keys in one order. A field that is not there is told from one that is null. */
function canonical(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return value.toString();
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, canonical(inner)]);
}
