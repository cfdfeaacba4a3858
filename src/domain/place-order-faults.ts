// What can be wrong with an order that a shop sends: all of it, each with the path to the value.

import { isCountry } from './country.ts';
import { isCurrency } from './currency.ts';
import type { Fault } from './errors.ts';
import { decimalText, divideRounded, MAX_QUANTITY, ONE } from './money.ts';
import { MAX_ITEMS, type AddressInput, type PlaceOrderInput, type PlaceOrderItemInput } from './place-order.ts';
import { Faults, shown, textFault } from './text.ts';

type VatInput = Pick<PlaceOrderItemInput, 'vatCategory' | 'vatRate'>;

export const MAX_NAME = 500;
const MAX_ADDRESS_LINE = 200;
const MAX_CODE = 64;
const MAX_EMAIL = 254;
const HUNDRED_PERCENT = 100n * ONE;
// Deliberately loose: only what can never be an address is refused, the mail server knows the rest.
const EMAIL = /^[^\s@<>(),;:"[\]\\]+@[^\s@<>(),;:"[\]\\]+$/u;

/** Every fault of the input; none means that the order can be placed. */
export function orderFaults(input: PlaceOrderInput): readonly Fault[] {
  const faults = new Faults();
  faults.identifier(['id'], input.id);
  faults.identifier(['number'], input.number);
  checkCustomer(faults, input.customer);
  if (!isCurrency(input.currency)) faults.add(['currency'], `"${shown(input.currency)}" is no ISO 4217 currency code`);
  checkAddress(faults, ['billingAddress'], input.billingAddress);
  if (input.shippingAddress) checkAddress(faults, ['shippingAddress'], input.shippingAddress);
  if (input.payment) {
    faults.text(['payment', 'method'], input.payment.method, MAX_CODE);
    faults.text(['payment', 'authorization'], input.payment.authorization, MAX_NAME);
  }
  checkItems(faults, input);
  return faults.list;
}

function checkCustomer(faults: Faults, customer: PlaceOrderInput['customer']): void {
  faults.identifier(['customer', 'id'], customer.id);
  faults.text(['customer', 'name'], customer.name, MAX_NAME);
  faults.text(['customer', 'organisation'], customer.organisation, MAX_NAME);
  faults.text(['customer', 'vatNumber'], customer.vatNumber, MAX_CODE);
  faults.text(['customer', 'registrationNumber'], customer.registrationNumber, MAX_CODE);
  const { email, locale } = customer;
  if (typeof email === 'string' && (!EMAIL.test(email) || textFault(email, MAX_EMAIL) !== null)) {
    faults.add(['customer', 'email'], 'must be an e-mail address');
  }
  if (typeof locale === 'string' && !isLocale(locale)) {
    faults.add(['customer', 'locale'], 'must be a BCP 47 language tag such as "nl-NL"');
  }
}

function isLocale(tag: string): boolean {
  try {
    return tag.length <= 35 && Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function checkAddress(faults: Faults, path: readonly string[], address: AddressInput): void {
  for (const line of ['name', 'organisation', 'street', 'postalCode', 'city', 'region'] as const) {
    faults.text([...path, line], address[line], MAX_ADDRESS_LINE);
  }
  if (!isCountry(address.country)) {
    faults.add([...path, 'country'], `"${shown(address.country)}" is no ISO 3166-1 alpha-2 country code`);
  }
}

function checkItems(faults: Faults, input: PlaceOrderInput): void {
  const { items } = input;
  if (items.length === 0) faults.add(['items'], 'must not be empty');
  if (items.length > MAX_ITEMS) {
    // Not one fault a row: ten thousand of them would help nobody.
    faults.add(['items'], `has ${items.length} rows; an order has at most ${MAX_ITEMS}`);
    return;
  }
  const seen = new Set<string>();
  items.forEach((item, index) => {
    checkItem(faults, ['items', index], item);
    if (typeof item.id === 'string') {
      if (seen.has(item.id)) faults.add(['items', index, 'id'], `"${shown(item.id)}" is used twice in this order`);
      seen.add(item.id);
    }
    if (input.isVatShifted && input.isIncludingVat && (item.vatCategory ?? 'S') === 'S') {
      faults.add(
        ['items', index, 'vatCategory'],
        'S with prices including VAT cannot be under reverse charge: say what the price without VAT is',
      );
    }
  });
}

function checkItem(faults: Faults, path: readonly (string | number)[], item: PlaceOrderItemInput): void {
  faults.identifier([...path, 'id'], item.id);
  faults.text([...path, 'sku'], item.sku, MAX_CODE);
  faults.text([...path, 'name'], item.name, MAX_NAME);
  faults.text([...path, 'vatReason'], item.vatReason, MAX_NAME);
  if (item.kind === 'CONTRA')
    faults.add([...path, 'kind'], 'CONTRA comes from a cancellation or return, not from a shop');
  checkPrice(faults, path, item);
  checkVat(faults, path, item);
}

function checkPrice(faults: Faults, path: readonly (string | number)[], item: PlaceOrderItemInput): void {
  const base = item.priceBaseQuantity ?? ONE;
  const discount = item.discount ?? 0n;
  const isDiscount = item.kind === 'DISCOUNT';
  if (item.quantity <= 0n || item.quantity > MAX_QUANTITY) {
    faults.add([...path, 'quantity'], `must be above 0 and at most ${decimalText(MAX_QUANTITY)}`);
  } else if ((item.isWholeNumber ?? true) && item.quantity % ONE !== 0n) {
    faults.add(
      [...path, 'quantity'],
      `${decimalText(item.quantity)} is no whole number, and fractions are not allowed for this item`,
    );
  }
  if (!isDiscount && item.unitPrice < 0n)
    faults.add([...path, 'unitPrice'], 'must not be negative, except for a DISCOUNT');
  if (isDiscount && item.unitPrice > 0n) faults.add([...path, 'unitPrice'], 'of a DISCOUNT must not be above 0');
  if (base <= 0n || base > MAX_QUANTITY) {
    faults.add([...path, 'priceBaseQuantity'], `must be above 0 and at most ${decimalText(MAX_QUANTITY)}`);
    return;
  }
  const row = divideRounded(item.quantity * item.unitPrice, base);
  if (discount < 0n) faults.add([...path, 'discount'], 'must not be negative');
  else if (discount > 0n && discount > row)
    faults.add([...path, 'discount'], `${discount} is more than its row, ${row}`);
}

/** Category and rate must fit each other, on orders and on free lines alike. */
export function checkVat(faults: Faults, path: readonly (string | number)[], item: VatInput): void {
  const category = item.vatCategory ?? 'S';
  if (item.vatRate < 0n || item.vatRate > HUNDRED_PERCENT) {
    faults.add([...path, 'vatRate'], 'must be between 0 and 100 percent');
  } else if (category === 'S' && item.vatRate === 0n) {
    faults.add([...path, 'vatRate'], 'of category S must be above 0; a row without VAT is Z, E, AE, K, G or O');
  } else if (category !== 'S' && item.vatRate > 0n) {
    faults.add([...path, 'vatRate'], `of category ${category} must be 0`);
  }
}
