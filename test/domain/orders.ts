// Orders and facts for tests of pure rules.

import type { InvoicingFacts } from '../../src/domain/decide-invoices.ts';
import { ONE } from '../../src/domain/money.ts';
import type { OrderWithItems } from '../../src/domain/order.ts';
import { placeOrder, type PlaceOrderInput, type PlaceOrderItemInput } from '../../src/domain/place-order.ts';
import { DEMO_MERCHANT } from '../../src/sample-data/demo-merchant.ts';

export const CUSTOMER = {
  merchantId: 'demo',
  id: 'customer',
  name: 'Customer',
  email: null,
  organisation: null,
  vatNumber: null,
  registrationNumber: null,
  locale: 'en',
};

export const NOON = new Date('2026-06-01T12:00:00Z');

export function row(changes: Partial<PlaceOrderItemInput> = {}): PlaceOrderItemInput {
  return { name: 'Row', quantity: ONE, unitPrice: 1000n, vatRate: 21n * ONE, isWholeNumber: false, ...changes };
}

/** An order of the customer as it was just placed; its items are `<id>-1`, `<id>-2`, … */
export function placed(
  id: string,
  items: readonly PlaceOrderItemInput[],
  changes: Partial<PlaceOrderInput> = {},
): OrderWithItems {
  const { order, items: rows } = placeOrder(
    {
      customer: { id: CUSTOMER.id, name: CUSTOMER.name },
      currency: 'EUR',
      billingAddress: { street: 'Street 1', city: 'City', country: 'NL' },
      items,
      ...changes,
    },
    {
      merchantId: 'demo',
      orderId: id,
      itemIds: items.map((_, index) => `${id}-${index + 1}`),
      contentHash: '',
      now: NOON,
    },
  );
  return { order, items: rows };
}

export function facts(orders: readonly OrderWithItems[], changes: Partial<InvoicingFacts> = {}): InvoicingFacts {
  return { merchant: DEMO_MERCHANT, orders, customers: [CUSTOMER], issued: new Map(), now: NOON, ...changes };
}
