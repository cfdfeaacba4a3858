// Invoices and their lines: issued, numbered documents whose content never changes again.

import type { Money, Quantity } from './money.ts';
import type { OrderItemKind } from './order.ts';
import type { Address, Buyer, Seller } from './party.ts';
import type { NetAndVat, VatTerms } from './vat.ts';

export type InvoiceType = 'INVOICE' | 'CREDIT_INVOICE';
export type InvoiceState = 'OPEN' | 'PAID' | 'CANCELED';
export type PdfStatus = 'PENDING' | 'READY' | 'FAILED';

/** A day without a time, YYYY-MM-DD. */
export type CalendarDate = string;

/** Where the PDF of an invoice stands. READY means that the file with that digest was written for good. */
export interface InvoicePdf {
  readonly status: PdfStatus;
  /** Renderings begun since the PDF was asked for. */
  readonly attempts: number;
  readonly error: string | null;
  readonly sha256: string | null;
}

/** The head of an invoice, with the copies that were frozen when it was issued. */
export interface Invoice extends NetAndVat {
  readonly merchantId: string;
  readonly id: string;
  readonly number: string;
  readonly type: InvoiceType;
  readonly state: InvoiceState;
  readonly customerId: string;
  readonly currency: string;
  readonly isIncludingVat: boolean;
  readonly isVatShifted: boolean;
  /** BCP 47: language and number format of the document. */
  readonly locale: string;
  readonly issueDate: CalendarDate;
  readonly dueDate: CalendarDate;
  readonly supplyDate: CalendarDate;
  readonly seller: Seller;
  readonly buyer: Buyer;
  readonly billingAddress: Address;
  readonly shippingAddress: Address | null;
  /** Product and discount lines as priced. */
  readonly subtotal: Money;
  readonly amountPaid: Money;
  readonly amountRefunded: Money;
  /** What credit invoices took off it: no longer due. Below 0 when they took back discounts alone. */
  readonly amountCredited: Money;
  readonly correctsInvoiceId: string | null;
  readonly memo: string | null;
  readonly excludeFromAutopay: boolean;
  readonly isArchived: boolean;
  readonly pdf: InvoicePdf;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** One row of an invoice. `discount` is off the whole row, as priced; it is in the totals already. */
export interface InvoiceLine extends VatTerms, NetAndVat {
  readonly merchantId: string;
  readonly invoiceId: string;
  /** From 1. */
  readonly position: number;
  readonly orderId: string | null;
  readonly orderItemId: string | null;
  readonly kind: OrderItemKind;
  readonly sku: string | null;
  readonly name: string;
  readonly quantity: Quantity;
  readonly unitPrice: Money;
  readonly priceBaseQuantity: Quantity;
  readonly discount: Money;
}

/** An order on an invoice, as it was called when the invoice was issued. */
export interface InvoicedOrder {
  readonly orderId: string;
  readonly number: string;
  /** In the merchant's time zone. */
  readonly placedOn: CalendarDate;
}

/** Where the number of an invoice comes from. */
export interface InvoiceNumbering {
  readonly series: string;
  readonly year: number;
  readonly sequence: bigint;
}

/** All that stands on the page of an issued invoice: enough to draw it, and the same for ever. */
export interface InvoiceDocument {
  readonly invoice: Invoice;
  readonly numbering: InvoiceNumbering;
  readonly lines: readonly InvoiceLine[];
  readonly orders: readonly InvoicedOrder[];
  /** On a credit invoice: number and date of the invoice that it corrects. */
  readonly corrects: { readonly number: string; readonly issueDate: CalendarDate } | null;
}

/** The id of a line, unique within the merchant. */
export function invoiceLineId(line: Pick<InvoiceLine, 'invoiceId' | 'position'>): string {
  return `${line.invoiceId}:${line.position}`;
}
