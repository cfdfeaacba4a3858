// The order that every client in the tests places, typed as the generated documents want it.

import type { PlaceOrderInput } from '../generated/operations.ts';

/** 2 × 10.00 without VAT at 21 %; the item is `<id>-1`. */
export function orderInput(id: string): PlaceOrderInput {
  return {
    id,
    customer: { id: 'customer-1', name: 'Ada Lovelace', locale: 'nl-NL' },
    currency: 'EUR',
    billing_address: { street: 'Damrak 1', postal_code: '1012 LG', city: 'Amsterdam', country: 'NL' },
    items: [{ id: `${id}-1`, name: 'Widget', quantity: 2, unit_price: 1000, vat_rate: '21' }],
  };
}
