// Orders for tests, as a shop sends them.

import type { PlaceOrderItemJson, PlaceOrderJson } from '../../src/sample-data/northwind.ts';

export const PLACE_ORDER = `mutation PlaceOrder($input: PlaceOrderInput!) {
  placeOrder(input: $input) { order { id number total_ex_vat total_vat total items { id } } }
}`;

export const INVOICE_ITEMS = `mutation InvoiceItems($input: InvoiceItemsInput!) {
  invoiceItems(input: $input) {
    invoice {
      id number total_ex_vat total_vat total
      lines { order_item_id quantity discount total_ex_vat total_vat total }
      vat { category rate total_ex_vat amount }
    }
  }
}`;

type ItemJson = Omit<Partial<PlaceOrderItemJson>, 'quantity'> & { readonly quantity?: number };
type OrderJson = Omit<Partial<PlaceOrderJson>, 'items'> & { readonly items?: readonly ItemJson[] };

/** A row of 2 × 10.00 without VAT at 21 %, with what a test changes of it. */
export function item(changes: ItemJson = {}): ItemJson {
  return { name: 'Widget', quantity: 2, unit_price: 1000, vat_rate: '21', ...changes };
}

/** An order of one customer in EUR, without VAT in its prices, with what a test changes of it. */
export function order(id: string, changes: OrderJson = {}): OrderJson & { readonly id: string } {
  return {
    id,
    number: id.toUpperCase(),
    customer: { id: 'customer-1', name: 'Ada Lovelace', email: 'ada@example.com', locale: 'nl-NL' },
    currency: 'EUR',
    billing_address: { street: 'Damrak 1', postal_code: '1012 LG', city: 'Amsterdam', country: 'NL' },
    items: [item({ id: `${id}-1` })],
    ...changes,
  };
}
