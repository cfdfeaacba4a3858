// Placing an order: what a shop may send, and the order that it becomes.
//
// 1. Every fault of the input is reported at once; an order with a fault is not placed at all.
// 2. Row total = round(quantity × unit price / price base) − discount, as priced. VAT comes from domain/vat.ts.

import { badInput } from './errors.ts';
import { usualVatReason } from './invoice-wording.ts';
import {
  absolute,
  decimalText,
  divideRounded,
  MAX_MONEY,
  ONE,
  sum,
  type Money,
  type Quantity,
  type VatRate,
} from './money.ts';
import {
  orderStatus,
  subtotalOf,
  type InvoicingPolicy,
  type Order,
  type OrderItem,
  type OrderItemKind,
} from './order.ts';
import type { Address, Customer } from './party.ts';
import { orderFaults } from './place-order-faults.ts';
import { chargeVat, type VatCategory, type VatTerms } from './vat.ts';

type Optional<T> = T | null | undefined;

/** The most rows that an order or an invoice may have: a page model of them still renders in well under a second. */
export const MAX_ITEMS = 2_500;

export interface PlaceOrderInput {
  readonly id?: Optional<string>;
  readonly number?: Optional<string>;
  readonly customer: CustomerInput;
  readonly currency: string;
  readonly isIncludingVat?: Optional<boolean>;
  readonly isVatShifted?: Optional<boolean>;
  readonly invoicingPolicy?: Optional<InvoicingPolicy>;
  readonly billingAddress: AddressInput;
  readonly shippingAddress?: Optional<AddressInput>;
  readonly items: readonly PlaceOrderItemInput[];
  readonly payment?: Optional<{ readonly method: string; readonly authorization?: Optional<string> }>;
  readonly placedAt?: Optional<Date>;
}

export interface CustomerInput {
  readonly id: string;
  readonly name: string;
  readonly email?: Optional<string>;
  readonly organisation?: Optional<string>;
  readonly vatNumber?: Optional<string>;
  readonly registrationNumber?: Optional<string>;
  readonly locale?: Optional<string>;
}

export interface AddressInput {
  readonly name?: Optional<string>;
  readonly organisation?: Optional<string>;
  readonly street: string;
  readonly postalCode?: Optional<string>;
  readonly city: string;
  readonly region?: Optional<string>;
  readonly country: string;
}

export interface PlaceOrderItemInput {
  readonly id?: Optional<string>;
  readonly kind?: Optional<OrderItemKind>;
  readonly sku?: Optional<string>;
  readonly name: string;
  readonly quantity: Quantity;
  readonly isWholeNumber?: Optional<boolean>;
  readonly isVirtual?: Optional<boolean>;
  readonly unitPrice: Money;
  readonly priceBaseQuantity?: Optional<Quantity>;
  readonly discount?: Optional<Money>;
  readonly vatCategory?: Optional<VatCategory>;
  readonly vatRate: VatRate;
  readonly vatReason?: Optional<string>;
}

/** What the order needs besides the input: whose it is, when, and ids for what the shop did not name. */
export interface PlaceOrderContext {
  readonly merchantId: string;
  readonly orderId: string;
  readonly itemIds: readonly string[];
  readonly contentHash: string;
  readonly now: Date;
}

/** The order as it is saved. Throws BAD_USER_INPUT with every fault. */
export function placeOrder(
  input: PlaceOrderInput,
  context: PlaceOrderContext,
): { readonly order: Order; readonly items: readonly OrderItem[]; readonly customer: Customer } {
  const faults = orderFaults(input);
  if (faults.length > 0) throw badInput(faults);
  const items = priceItems(input, context);
  const isIncludingVat = input.isIncludingVat ?? false;
  const totalExVat = sum(items.map((item) => item.totalExVat));
  const totalVat = sum(items.map((item) => item.totalVat));
  const total = totalExVat + totalVat;
  if (total < 0n)
    throw badInput([{ path: ['items'], message: 'add up to less than 0: the discounts exceed the rest' }]);
  // Without regard to signs: then no selection of the rows can exceed it on an invoice either.
  if (sum(items.map((item) => absolute(item.totalExVat) + absolute(item.totalVat))) > MAX_MONEY) {
    throw badInput([{ path: ['items'], message: `add up to more than the largest amount, ${MAX_MONEY}` }]);
  }
  const order: Order = {
    merchantId: context.merchantId,
    id: context.orderId,
    number: input.number ?? context.orderId,
    customerId: input.customer.id,
    currency: input.currency,
    isIncludingVat,
    isVatShifted: input.isVatShifted ?? false,
    invoicingPolicy: input.invoicingPolicy ?? 'ON_ORDER',
    isOnHold: false,
    isInPaymentReview: false,
    status: orderStatus({ isOnHold: false, isInPaymentReview: false }, items),
    billingAddress: addressOf(input.billingAddress),
    shippingAddress: input.shippingAddress ? addressOf(input.shippingAddress) : null,
    subtotal: subtotalOf(items, isIncludingVat),
    totalExVat,
    totalVat,
    paymentMethod: input.payment?.method ?? null,
    paymentAuthorization: input.payment?.authorization ?? null,
    contentHash: context.contentHash,
    placedAt: input.placedAt ?? context.now,
    createdAt: context.now,
    updatedAt: context.now,
  };
  return { order, items, customer: customerOf(input.customer, context.merchantId) };
}

/** Quantity × unit price, rounded once, less the discount: the row as priced. */
export function rowTotal(row: {
  readonly quantity: Quantity;
  readonly unitPrice: Money;
  readonly priceBaseQuantity: Quantity;
  readonly discount: Money;
}): Money {
  return divideRounded(row.quantity * row.unitPrice, row.priceBaseQuantity) - row.discount;
}

function priceItems(input: PlaceOrderInput, context: PlaceOrderContext): readonly OrderItem[] {
  const rows = input.items.map((item) => {
    const priced = {
      quantity: item.quantity,
      unitPrice: item.unitPrice,
      priceBaseQuantity: item.priceBaseQuantity ?? ONE,
      discount: item.discount ?? 0n,
    };
    return { ...priced, ...vatTermsOf(item, input), rowTotal: rowTotal(priced) };
  });
  const charged = chargeVat(rows, input.isIncludingVat ?? false);
  return rows.map(({ rowTotal: _, ...row }, index): OrderItem => {
    const item = input.items[index];
    const amounts = charged[index];
    const id = context.itemIds[index];
    if (!item || !amounts || id === undefined) throw new RangeError('Every row needs its input, amounts and id.');
    return {
      ...row,
      ...amounts,
      merchantId: context.merchantId,
      id,
      orderId: context.orderId,
      position: index + 1,
      kind: item.kind ?? 'PRODUCT',
      sku: item.sku ?? null,
      name: item.name,
      isWholeNumber: item.isWholeNumber ?? true,
      isVirtual: item.isVirtual ?? false,
      quantityShipped: 0n,
      quantityInvoiced: 0n,
      quantityCanceled: 0n,
      invoiced: { totalExVat: 0n, totalVat: 0n, discount: 0n },
      canceled: { totalExVat: 0n, totalVat: 0n, discount: 0n },
      shippedAt: null,
      contraOfItemId: null,
      quantityReturned: 0n,
      quantityCredited: 0n,
      contraOfInvoiceId: null,
      contraOfLine: null,
      refundedAt: null,
    };
  });
}

// Under reverse charge the buyer accounts for the VAT: what would be standard rated is AE at 0 %.
// The reason is fixed here, in the customer's language: a wording that changes later changes no document.
function vatTermsOf(item: PlaceOrderItemInput, { isVatShifted, customer }: PlaceOrderInput): VatTerms {
  const isShifted = (isVatShifted ?? false) && (item.vatCategory ?? 'S') === 'S';
  const vatCategory = isShifted ? 'AE' : (item.vatCategory ?? 'S');
  const vatReason = item.vatReason ?? usualVatReason(vatCategory, customer.locale ?? 'en');
  return { vatCategory, vatRate: isShifted ? 0n : item.vatRate, vatReason };
}

function addressOf(input: AddressInput): Address {
  return {
    name: input.name ?? null,
    organisation: input.organisation ?? null,
    street: input.street,
    postalCode: input.postalCode ?? null,
    city: input.city,
    region: input.region ?? null,
    country: input.country,
  };
}

function customerOf(input: CustomerInput, merchantId: string): Customer {
  return {
    merchantId,
    id: input.id,
    name: input.name,
    email: input.email ?? null,
    organisation: input.organisation ?? null,
    vatNumber: input.vatNumber ?? null,
    registrationNumber: input.registrationNumber ?? null,
    locale: input.locale ?? 'en',
  };
}

/**
 * What makes an order this order, as text to be hashed: the same id with the same content is the same order placed
 * again. Only the customer's own data is left out: it may have changed since.
 */
export function orderContent(input: PlaceOrderInput): string {
  const address = (given: Optional<AddressInput>) => (given ? Object.values(addressOf(given)) : null);
  const rows = input.items.map((item) => [
    item.id ?? null,
    item.kind ?? 'PRODUCT',
    item.sku ?? null,
    item.name,
    decimalText(item.quantity),
    item.unitPrice.toString(),
    decimalText(item.priceBaseQuantity ?? ONE),
    (item.discount ?? 0n).toString(),
    item.vatCategory ?? 'S',
    decimalText(item.vatRate),
    item.vatReason ?? null,
    item.isWholeNumber ?? true,
    item.isVirtual ?? false,
  ]);
  return JSON.stringify([
    input.number ?? input.id ?? null,
    input.customer.id,
    input.currency,
    input.isIncludingVat ?? false,
    input.isVatShifted ?? false,
    input.invoicingPolicy ?? 'ON_ORDER',
    address(input.billingAddress),
    address(input.shippingAddress),
    input.payment?.method ?? null,
    input.payment?.authorization ?? null,
    input.placedAt?.toISOString() ?? null,
    rows,
  ]);
}
