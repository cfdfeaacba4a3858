// Between rows of the database and the product's own records, both ways. Rows go in under their column names, as JSON.

import type { NumberedLater } from '../domain/decide-invoices.ts';
import type { CalendarDate, Invoice, InvoicedOrder, InvoiceLine } from '../domain/invoice.ts';
import type { InvoiceEmail } from '../domain/invoice-notes.ts';
import type { Order, OrderItem } from '../domain/order.ts';
import type { Address, Buyer, Customer, Merchant, Seller } from '../domain/party.ts';
import type { Payment } from '../domain/payment.ts';
import type { CreditableLine } from '../domain/take-back.ts';
import type * as Row from '../generated/prisma/client.ts';

/** A row to be written: column name → value. Bigints travel as text, so that JSON keeps them exact. */
export type Columns = Readonly<Record<string, unknown>>;

/**
 * The identifier as PostgreSQL can be asked for it. No text there has a NUL, so nothing is found under one that has:
 * the empty text stands for it, which no record has as its id either.
 */
export function storable(identifier: string): string {
  return identifier.includes('\u0000') ? '' : identifier;
}

export function storableList(identifiers: readonly string[]): string[] {
  return identifiers.map(storable);
}

export function toMerchant(row: Row.Merchant): Merchant {
  return {
    id: row.merchantId,
    seller: row.seller as unknown as Seller,
    timeZone: row.timeZone,
    numberPattern: row.numberPattern,
    paymentTermDays: row.paymentTermDays,
  };
}

export function toCustomer({ createdAt: _, updatedAt: __, ...customer }: Row.Customer): Customer {
  return customer;
}

export function customerColumns(customer: Customer, now: Date): Columns {
  return {
    merchant_id: customer.merchantId,
    id: customer.id,
    name: customer.name,
    email: customer.email,
    organisation: customer.organisation,
    vat_number: customer.vatNumber,
    registration_number: customer.registrationNumber,
    locale: customer.locale,
    created_at: now,
    updated_at: now,
  };
}

export function toOrder(row: Row.Order): Order {
  return {
    ...row,
    invoicingPolicy: row.invoicingPolicy as Order['invoicingPolicy'],
    status: row.status as Order['status'],
    billingAddress: row.billingAddress as unknown as Address,
    shippingAddress: row.shippingAddress as unknown as Address | null,
  };
}

export function orderColumns(order: Order): Columns {
  return {
    ...orderProgressColumns(order),
    number: order.number,
    customer_id: order.customerId,
    currency: order.currency,
    is_including_vat: order.isIncludingVat,
    is_vat_shifted: order.isVatShifted,
    invoicing_policy: order.invoicingPolicy,
    billing_address: order.billingAddress,
    shipping_address: order.shippingAddress,
    subtotal: order.subtotal,
    total_ex_vat: order.totalExVat,
    total_vat: order.totalVat,
    content_hash: order.contentHash,
    placed_at: order.placedAt,
    created_at: order.createdAt,
  };
}

/** What changes of an order after it was placed. */
export function orderProgressColumns(order: Order): Columns {
  return {
    merchant_id: order.merchantId,
    id: order.id,
    is_on_hold: order.isOnHold,
    is_in_payment_review: order.isInPaymentReview,
    status: order.status,
    payment_method: order.paymentMethod,
    payment_authorization: order.paymentAuthorization,
    updated_at: order.updatedAt,
  };
}

export function toOrderItem(row: Row.OrderItem): OrderItem {
  return {
    merchantId: row.merchantId,
    id: row.id,
    orderId: row.orderId,
    position: row.position,
    kind: row.kind as OrderItem['kind'],
    sku: row.sku,
    name: row.name,
    isWholeNumber: row.isWholeNumber,
    isVirtual: row.isVirtual,
    unitPrice: row.unitPrice,
    priceBaseQuantity: row.priceBaseE4,
    discount: row.discount,
    vatCategory: row.vatCategory as OrderItem['vatCategory'],
    vatRate: row.vatRateE4,
    vatReason: row.vatReason,
    quantity: row.quantityE4,
    quantityShipped: row.quantityShippedE4,
    quantityInvoiced: row.quantityInvoicedE4,
    quantityCanceled: row.quantityCanceledE4,
    totalExVat: row.totalExVat,
    totalVat: row.totalVat,
    invoiced: { totalExVat: row.invoicedExVat, totalVat: row.invoicedVat, discount: row.invoicedDiscount },
    canceled: { totalExVat: row.canceledExVat, totalVat: row.canceledVat, discount: row.canceledDiscount },
    shippedAt: row.shippedAt,
    contraOfItemId: row.contraOfItemId,
    quantityReturned: row.quantityReturnedE4,
    quantityCredited: row.quantityCreditedE4,
    contraOfInvoiceId: row.contraOfInvoiceId,
    contraOfLine: row.contraOfLine,
    refundedAt: row.refundedAt,
  };
}

export function orderItemColumns(item: OrderItem): Columns {
  return {
    ...orderItemProgressColumns(item),
    order_id: item.orderId,
    position: item.position,
    kind: item.kind,
    sku: item.sku,
    name: item.name,
    is_whole_number: item.isWholeNumber,
    is_virtual: item.isVirtual,
    unit_price: item.unitPrice,
    price_base_e4: item.priceBaseQuantity,
    discount: item.discount,
    vat_category: item.vatCategory,
    vat_rate_e4: item.vatRate,
    vat_reason: item.vatReason,
    quantity_e4: item.quantity,
    total_ex_vat: item.totalExVat,
    total_vat: item.totalVat,
    contra_of_item_id: item.contraOfItemId,
    contra_of_invoice_id: item.contraOfInvoiceId,
    contra_of_line: item.contraOfLine,
  };
}

/** The columns of an item that change after it was placed, and its key. */
export function orderItemProgressColumns(item: OrderItem): Columns {
  return {
    merchant_id: item.merchantId,
    id: item.id,
    quantity_shipped_e4: item.quantityShipped,
    quantity_invoiced_e4: item.quantityInvoiced,
    quantity_canceled_e4: item.quantityCanceled,
    quantity_returned_e4: item.quantityReturned,
    quantity_credited_e4: item.quantityCredited,
    invoiced_ex_vat: item.invoiced.totalExVat,
    invoiced_vat: item.invoiced.totalVat,
    invoiced_discount: item.invoiced.discount,
    canceled_ex_vat: item.canceled.totalExVat,
    canceled_vat: item.canceled.totalVat,
    canceled_discount: item.canceled.discount,
    shipped_at: item.shippedAt,
    refunded_at: item.refundedAt,
  };
}

export function toInvoice(row: Row.Invoice): Invoice {
  return {
    merchantId: row.merchantId,
    id: row.id,
    number: row.number,
    type: row.type as Invoice['type'],
    state: row.state as Invoice['state'],
    customerId: row.customerId,
    currency: row.currency,
    isIncludingVat: row.isIncludingVat,
    isVatShifted: row.isVatShifted,
    locale: row.locale,
    issueDate: toDay(row.issueDate),
    dueDate: toDay(row.dueDate),
    supplyDate: toDay(row.supplyDate),
    seller: row.seller as unknown as Seller,
    buyer: row.buyer as unknown as Buyer,
    billingAddress: row.billingAddress as unknown as Address,
    shippingAddress: row.shippingAddress as unknown as Address | null,
    subtotal: row.subtotal,
    totalExVat: row.totalExVat,
    totalVat: row.totalVat,
    amountPaid: row.amountPaid,
    amountRefunded: row.amountRefunded,
    amountCredited: row.amountCredited,
    correctsInvoiceId: row.correctsInvoiceId,
    memo: row.memo,
    excludeFromAutopay: row.excludeFromAutopay,
    isArchived: row.isArchived,
    pdf: {
      status: row.pdfStatus as Invoice['pdf']['status'],
      attempts: row.pdfAttempts,
      error: row.pdfError,
      sha256: row.pdfSha256,
    },
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

// A DATE comes as midnight UTC.
export function toDay(date: Date): CalendarDate {
  return date.toISOString().slice(0, 10);
}

export function invoiceColumns({ invoice, requestHash, series, year }: NumberedLater, sequence: number): Columns {
  return {
    merchant_id: invoice.merchantId,
    id: invoice.id,
    series,
    year,
    sequence,
    type: invoice.type,
    state: invoice.state,
    customer_id: invoice.customerId,
    currency: invoice.currency,
    is_including_vat: invoice.isIncludingVat,
    is_vat_shifted: invoice.isVatShifted,
    locale: invoice.locale,
    issue_date: invoice.issueDate,
    due_date: invoice.dueDate,
    supply_date: invoice.supplyDate,
    seller: invoice.seller,
    buyer: invoice.buyer,
    billing_address: invoice.billingAddress,
    shipping_address: invoice.shippingAddress,
    subtotal: invoice.subtotal,
    total_ex_vat: invoice.totalExVat,
    total_vat: invoice.totalVat,
    amount_paid: invoice.amountPaid,
    paid_at_issue: invoice.amountPaid,
    corrects_invoice_id: invoice.correctsInvoiceId,
    memo: invoice.memo,
    exclude_from_autopay: invoice.excludeFromAutopay,
    request_hash: requestHash,
    pdf_due_at: new Date(invoice.createdAt.getTime() + PDF_GRACE_MS),
    created_at: invoice.createdAt,
    updated_at: invoice.updatedAt,
  };
}

/** How long a new invoice is left to the job that is asked for after its commit, before the sweep asks. */
const PDF_GRACE_MS = 3_000;

export function toInvoiceLine(row: Row.InvoiceLine): InvoiceLine {
  return {
    merchantId: row.merchantId,
    invoiceId: row.invoiceId,
    position: row.position,
    orderId: row.orderId,
    orderItemId: row.orderItemId,
    kind: row.kind as InvoiceLine['kind'],
    sku: row.sku,
    name: row.name,
    quantity: row.quantityE4,
    unitPrice: row.unitPrice,
    priceBaseQuantity: row.priceBaseE4,
    discount: row.discount,
    vatCategory: row.vatCategory as InvoiceLine['vatCategory'],
    vatRate: row.vatRateE4,
    vatReason: row.vatReason,
    totalExVat: row.totalExVat,
    totalVat: row.totalVat,
  };
}

export function invoiceLineColumns(line: InvoiceLine): Columns {
  return {
    merchant_id: line.merchantId,
    invoice_id: line.invoiceId,
    position: line.position,
    order_id: line.orderId,
    order_item_id: line.orderItemId,
    kind: line.kind,
    sku: line.sku,
    name: line.name,
    quantity_e4: line.quantity,
    unit_price: line.unitPrice,
    price_base_e4: line.priceBaseQuantity,
    discount: line.discount,
    vat_category: line.vatCategory,
    vat_rate_e4: line.vatRate,
    vat_reason: line.vatReason,
    total_ex_vat: line.totalExVat,
    total_vat: line.totalVat,
  };
}

export function invoicedOrderColumns(
  merchantId: string,
  invoiceId: string,
  order: InvoicedOrder,
  position: number,
): Columns {
  return {
    merchant_id: merchantId,
    invoice_id: invoiceId,
    order_id: order.orderId,
    position,
    order_number: order.number,
    placed_on: order.placedOn,
  };
}

export function toPayment(row: Row.Payment): Payment {
  return { ...row, status: row.status as Payment['status'] };
}

export function paymentColumns(merchantId: string, payment: Payment): Columns {
  return {
    merchant_id: merchantId,
    id: payment.id,
    invoice_id: payment.invoiceId,
    method: payment.method,
    amount: payment.amount,
    is_refund: payment.isRefund,
    status: payment.status,
    reference: payment.reference,
    created_at: payment.createdAt,
  };
}

export function toCreditableLine(row: Row.InvoiceLine): CreditableLine {
  return {
    line: toInvoiceLine(row),
    credited: {
      quantity: row.creditedE4,
      totalExVat: row.creditedExVat,
      totalVat: row.creditedVat,
      discount: row.creditedDiscount,
    },
  };
}

export function creditedColumns({ line, credited }: CreditableLine): Columns {
  return {
    merchant_id: line.merchantId,
    invoice_id: line.invoiceId,
    position: line.position,
    credited_e4: credited.quantity,
    credited_ex_vat: credited.totalExVat,
    credited_vat: credited.totalVat,
    credited_discount: credited.discount,
  };
}

type EmailRow = Row.InvoiceEmail & {
  readonly invoice: { readonly pdfStatus: string; readonly pdfError: string | null };
};

export function toInvoiceEmail({ invoice, recipient, ...row }: EmailRow): InvoiceEmail {
  // A mail whose PDF cannot be made waits without an attempt of its own that could tell why.
  const isHeldUp = row.status === 'QUEUED' && invoice.pdfStatus === 'FAILED';
  return {
    id: row.id,
    invoiceId: row.invoiceId,
    to: recipient,
    comment: row.comment,
    status: row.status as InvoiceEmail['status'],
    attempts: row.attempts,
    error: isHeldUp
      ? `It waits for the PDF, which could not be made: ${invoice.pdfError ?? 'no reason known'}`
      : row.error,
    createdAt: row.createdAt,
    sentAt: row.sentAt,
  };
}
