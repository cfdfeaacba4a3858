// Invoices over free lines, with no order behind them: for what was never ordered through a shop.
//
// 1. Prices are without VAT; VAT is computed as for an order, once a rate, and spread over the lines.
// 2. The customer is billed at the address of their newest order.

import { dayOf } from './calendar.ts';
import { isCurrency } from './currency.ts';
import type { NumberedLater } from './decide-invoices.ts';
import { badInput } from './errors.ts';
import { INVOICE_SERIES, numberYear } from './invoice-number.ts';
import { usualVatReason } from './invoice-wording.ts';
import type { CalendarDate, InvoiceLine } from './invoice.ts';
import { totalsOf } from './issue-invoice.ts';
import { decimalText, MAX_QUANTITY, ONE, type Money, type Quantity, type VatRate } from './money.ts';
import { subtotalOf } from './order.ts';
import { buyerOf, type Address, type Customer, type Merchant } from './party.ts';
import { checkVat, MAX_NAME } from './place-order-faults.ts';
import { MAX_ITEMS, rowTotal } from './place-order.ts';
import { Faults, shown } from './text.ts';
import { chargeVat, type VatCategory } from './vat.ts';

type Optional<T> = T | null | undefined;

export interface CreateInvoiceInput {
  readonly customerId: string;
  readonly currency: string;
  readonly lines: readonly CreateInvoiceLineInput[];
  /** Left out: the day of issue. */
  readonly dueDate?: Optional<CalendarDate>;
  readonly memo?: Optional<string>;
  readonly excludeFromAutopay?: Optional<boolean>;
  readonly invoiceId?: Optional<string>;
}

export interface CreateInvoiceLineInput {
  readonly name: string;
  readonly quantity: Quantity;
  /** Without VAT. */
  readonly unitPrice: Money;
  readonly vatCategory?: Optional<VatCategory>;
  readonly vatRate: VatRate;
  readonly vatReason?: Optional<string>;
}

const MAX_MEMO = 2_000;

/** Throws BAD_USER_INPUT with every fault that can be told without looking anything up. */
export function checkCreateInvoiceInput(input: CreateInvoiceInput): void {
  const faults = new Faults();
  faults.identifier(['customerId'], input.customerId);
  faults.identifier(['invoiceId'], input.invoiceId);
  if (!isCurrency(input.currency)) faults.add(['currency'], `"${shown(input.currency)}" is no ISO 4217 currency code`);
  if (typeof input.memo === 'string') faults.lines(['memo'], input.memo, MAX_MEMO);
  if (input.lines.length === 0) faults.add(['lines'], 'must not be empty');
  if (input.lines.length > MAX_ITEMS) {
    faults.add(['lines'], `has ${input.lines.length} rows; an invoice has at most ${MAX_ITEMS}`);
  } else input.lines.forEach((line, index) => checkLine(faults, ['lines', index], line));
  if (faults.list.length > 0) throw badInput(faults.list);
}

function checkLine(faults: Faults, path: readonly (string | number)[], line: CreateInvoiceLineInput): void {
  faults.text([...path, 'name'], line.name, MAX_NAME);
  faults.text([...path, 'vatReason'], line.vatReason, MAX_NAME);
  if (line.quantity <= 0n || line.quantity > MAX_QUANTITY) {
    faults.add([...path, 'quantity'], `must be above 0 and at most ${decimalText(MAX_QUANTITY)}`);
  }
  if (line.unitPrice < 0n) faults.add([...path, 'unitPrice'], 'must not be negative');
  checkVat(faults, path, line);
}

export interface CreateInvoiceContext {
  readonly merchant: Merchant;
  readonly customer: Customer;
  readonly billingAddress: Address;
  readonly invoiceId: string;
  readonly requestHash: string;
  readonly now: Date;
}

/** The invoice as it is saved. Throws BAD_USER_INPUT when it would be due before it is issued, or its total is no amount. */
export function createInvoice(input: CreateInvoiceInput, context: CreateInvoiceContext): NumberedLater {
  const { merchant, customer, now } = context;
  const issueDate = dayOf(now, merchant.timeZone);
  const dueDate = input.dueDate ?? issueDate;
  if (dueDate < issueDate) throw badInput([{ path: ['dueDate'], message: `must not be before today, ${issueDate}` }]);
  const lines = drawUpFreeLines(input, context);
  return {
    invoice: {
      merchantId: merchant.id,
      id: context.invoiceId,
      type: 'INVOICE',
      state: 'OPEN',
      customerId: customer.id,
      currency: input.currency,
      isIncludingVat: false,
      isVatShifted: false,
      locale: customer.locale,
      issueDate,
      dueDate,
      supplyDate: issueDate,
      seller: merchant.seller,
      buyer: buyerOf(customer),
      billingAddress: context.billingAddress,
      shippingAddress: null,
      subtotal: subtotalOf(lines, false),
      ...totalsOf(lines),
      amountPaid: 0n,
      amountRefunded: 0n,
      amountCredited: 0n,
      correctsInvoiceId: null,
      memo: input.memo ?? null,
      excludeFromAutopay: input.excludeFromAutopay ?? false,
      isArchived: false,
      pdf: { status: 'PENDING', attempts: 0, error: null, sha256: null },
      createdAt: now,
      updatedAt: now,
    },
    lines,
    orders: [],
    requestHash: context.requestHash,
    series: INVOICE_SERIES,
    year: numberYear(issueDate),
  };
}

function drawUpFreeLines(input: CreateInvoiceInput, context: CreateInvoiceContext): readonly InvoiceLine[] {
  const rows = input.lines.map((line) => {
    const vatCategory = line.vatCategory ?? 'S';
    const priced = { quantity: line.quantity, unitPrice: line.unitPrice, priceBaseQuantity: ONE, discount: 0n };
    const vatReason = line.vatReason ?? usualVatReason(vatCategory, context.customer.locale);
    return { ...priced, name: line.name, vatCategory, vatRate: line.vatRate, vatReason, rowTotal: rowTotal(priced) };
  });
  const charged = chargeVat(rows, false);
  return rows.map(({ rowTotal: net, ...row }, index): InvoiceLine => ({
    ...row,
    merchantId: context.merchant.id,
    invoiceId: context.invoiceId,
    position: index + 1,
    orderId: null,
    orderItemId: null,
    kind: 'PRODUCT',
    sku: null,
    totalExVat: net,
    totalVat: charged[index]?.totalVat ?? 0n,
  }));
}

/** What makes a request this request, as text to be hashed. */
export function freeInvoiceContent(input: CreateInvoiceInput): string {
  const lines = input.lines.map((line) => [
    line.name,
    line.quantity.toString(),
    line.unitPrice.toString(),
    line.vatCategory ?? 'S',
    line.vatRate.toString(),
    line.vatReason ?? null,
  ]);
  const { customerId, currency, dueDate, memo, excludeFromAutopay } = input;
  return JSON.stringify([
    'createInvoice',
    customerId,
    currency,
    dueDate ?? null,
    memo ?? null,
    excludeFromAutopay ?? false,
    lines,
  ]);
}
