// Twelve orders of four Dutch customers, written for the demo, because Northwind never sold to the Netherlands.
//
// They show what Northwind cannot: VAT at home (9 % on food, 21 % on the rest), consumer prices including VAT, order
// discounts, fees, a price finer than a cent, weights, money held at a payment gateway, and several orders of one
// customer for one invoice.

import { demoVat } from './demo-vat.ts';
import type { AddressJson, CustomerJson, PlaceOrderItemJson, PlaceOrderJson } from './northwind.ts';

interface DutchCustomer {
  readonly customer: CustomerJson;
  readonly address: AddressJson;
}

type ItemWithoutId = Omit<PlaceOrderItemJson, 'id'>;
type MoreOfItem = Pick<PlaceOrderItemJson, 'discount' | 'price_base_quantity' | 'is_whole_number'>;

const DE_MOLEN: DutchCustomer = {
  customer: {
    id: 'de-molen',
    name: 'Anneke Jansen',
    email: 'de-molen@example.com',
    organisation: 'Koffiehuis De Molen',
    vat_number: 'NL000000101B01',
    registration_number: '00000101',
    locale: 'nl-NL',
  },
  address: {
    organisation: 'Koffiehuis De Molen',
    street: 'Molenpad 7',
    postal_code: '2000 AA',
    city: 'Haarlem',
    country: 'NL',
  },
};

const KAASHUIS: DutchCustomer = {
  customer: {
    id: 'kaashuis-het-wiel',
    name: 'Pieter van den Berg',
    email: 'kaashuis-het-wiel@example.com',
    organisation: 'Kaashuis Het Wiel',
    vat_number: 'NL000000102B01',
    registration_number: '00000102',
    locale: 'nl-NL',
  },
  address: {
    organisation: 'Kaashuis Het Wiel',
    street: 'Waagplein 12',
    postal_code: '2800 AA',
    city: 'Gouda',
    country: 'NL',
  },
};

const HOTEL: DutchCustomer = {
  customer: {
    id: 'hotel-de-karper',
    name: 'Fatima El Amrani',
    email: 'hotel-de-karper@example.com',
    organisation: 'Hotel De Gouden Karper',
    vat_number: 'NL000000103B01',
    registration_number: '00000103',
    locale: 'nl-NL',
  },
  address: {
    name: 'Fatima El Amrani',
    organisation: 'Hotel De Gouden Karper',
    street: 'Markt 3',
    postal_code: '6200 AA',
    city: 'Maastricht',
    country: 'NL',
  },
};

const SANNE: DutchCustomer = {
  customer: { id: 'sanne-de-boer', name: 'Sanne de Boer', email: 'sanne-de-boer@example.com', locale: 'nl-NL' },
  address: { street: 'Korenbloemstraat 28', postal_code: '3500 AA', city: 'Utrecht', country: 'NL' },
};

/** All of them, oldest number first. Ids and amounts are fixed: the guide and the demo build on them. */
export function dutchOrders(): PlaceOrderJson[] {
  return [...coffeeHouseOrders(), ...cheeseShopOrders(), ...hotelOrders(), ...consumerOrders()];
}

function coffeeHouseOrders(): PlaceOrderJson[] {
  return [
    order('demo-1001', '2026-10-05T09:12:00+02:00', DE_MOLEN, [
      food(43, 'Ipoh Coffee', 4, 4600),
      food(47, 'Zaanse koeken', 10, 950),
      shipping('Verzendkosten', 795),
    ]),
    order('demo-1002', '2026-10-12T14:40:00+02:00', DE_MOLEN, [
      food(1, 'Chai', 6, 1800, { discount: 540 }),
      food(48, 'Chocolade', 5, 1275),
      // € 1.23 for 100 pieces.
      nonFood('Papieren servetten', 500, 123, { price_base_quantity: 100 }),
      shipping('Verzendkosten', 795),
    ]),
    {
      ...order('demo-1003', '2026-11-02T10:05:00+01:00', DE_MOLEN, [
        food(43, 'Ipoh Coffee', 8, 4600),
        food(19, 'Teatime Chocolate Biscuits', 12, 920),
        alcohol(35, 'Steeleye Stout', 3, 1800),
        shipping('Verzendkosten', 795),
      ]),
      invoicing_policy: 'AFTER_SHIPMENT',
    },
  ];
}

function cheeseShopOrders(): PlaceOrderJson[] {
  return [
    order('demo-1004', '2026-10-08T08:30:00+02:00', KAASHUIS, [
      food(11, 'Queso Cabrales', 1.5, 2100, { is_whole_number: false }),
      food(31, 'Gorgonzola Telino', 24, 1250, { discount: 3000 }),
      shipping('Gekoeld transport', 1450),
    ]),
    order('demo-1005', '2026-10-22T11:20:00+02:00', KAASHUIS, [
      food(32, 'Mascarpone Fabioli', 10, 3200),
      food(72, 'Mozzarella di Giovanni', 6, 3480),
      orderDiscount('Najaarskorting', -2500),
      shipping('Gekoeld transport', 1450),
    ]),
    order('demo-1006', '2026-11-09T09:55:00+01:00', KAASHUIS, [
      food(60, 'Camembert Pierrot', 10, 3400),
      food(33, 'Geitost', 40, 250),
      fee('Toeslag spoedlevering', 1250),
    ]),
  ];
}

function hotelOrders(): PlaceOrderJson[] {
  return [
    order('demo-1007', '2026-10-15T16:02:00+02:00', HOTEL, [
      food(37, 'Gravad lax', 6, 2600),
      food(10, 'Ikura', 4, 3100),
      alcohol(38, 'Côte de Blaye', 2, 26350),
      shipping('Verzendkosten', 1195),
    ]),
    order('demo-1008', '2026-10-29T13:15:00+01:00', HOTEL, [
      food(63, 'Vegie-spread', 7, 1999),
      nonFood('Kaarsen, doos van 50', 3, 2499),
      shipping('Verzendkosten', 1195),
    ]),
    order('demo-1009', '2026-11-12T10:48:00+01:00', HOTEL, [
      food(59, 'Raclette Courdavault', 2.25, 5500, { is_whole_number: false }),
      alcohol(76, 'Lakkalikööri', 12, 1800),
      fee('Administratiekosten', 500),
      shipping('Verzendkosten', 1195),
    ]),
  ];
}

/** A consumer: the prices in the shop are what is paid, with VAT in them. Her bank holds the money at the test gateway. */
function consumerOrders(): PlaceOrderJson[] {
  const orders = [
    order('demo-1010', '2026-10-30T20:11:00+01:00', SANNE, [
      food(49, 'Maxilaku', 2, 2180),
      food(61, "Sirop d'érable", 1, 3107),
      shipping('Verzendkosten', 695),
    ]),
    order('demo-1011', '2026-11-05T21:37:00+01:00', SANNE, [
      food(48, 'Chocolade', 3, 1390),
      nonFood('Theepot, aardewerk', 1, 2499),
      orderDiscount('Welkomstkorting', -500),
      shipping('Verzendkosten', 695),
    ]),
    order('demo-1012', '2026-11-16T19:05:00+01:00', SANNE, [
      food(47, 'Zaanse koeken', 7, 1036),
      food(43, 'Ipoh Coffee', 1, 5014),
      shipping('Verzendkosten', 695),
    ]),
  ];
  return orders.map((placed) => ({
    ...placed,
    is_including_vat: true,
    payment: { method: 'ideal', authorization: `auth_${placed.id}` },
  }));
}

function order(
  id: string,
  placedAt: string,
  { customer, address }: DutchCustomer,
  items: readonly ItemWithoutId[],
): PlaceOrderJson {
  return {
    id,
    number: id.replace('demo-', ''),
    customer,
    currency: 'EUR',
    is_including_vat: false,
    invoicing_policy: 'ON_ORDER',
    billing_address: address,
    items: items.map((item, index) => ({ id: `${id}-${index + 1}`, ...item })),
    placed_at: placedAt,
  };
}

/** A Northwind product that is food; `productId` is Northwind's. Prices in cents. */
function food(
  productId: number,
  name: string,
  quantity: number,
  unitPrice: number,
  more: MoreOfItem = {},
): ItemWithoutId {
  return {
    kind: 'PRODUCT',
    sku: `NW-${productId}`,
    name,
    quantity,
    unit_price: unitPrice,
    ...more,
    ...demoVat('NL', 'FOOD'),
  };
}

/** A Northwind drink that Dutch VAT law does not count as food. */
function alcohol(productId: number, name: string, quantity: number, unitPrice: number): ItemWithoutId {
  return { kind: 'PRODUCT', sku: `NW-${productId}`, name, quantity, unit_price: unitPrice, ...demoVat('NL', 'OTHER') };
}

function nonFood(name: string, quantity: number, unitPrice: number, more: MoreOfItem = {}): ItemWithoutId {
  return { kind: 'PRODUCT', name, quantity, unit_price: unitPrice, ...more, ...demoVat('NL', 'OTHER') };
}

function shipping(name: string, price: number): ItemWithoutId {
  return { kind: 'SHIPPING', name, quantity: 1, unit_price: price, ...demoVat('NL', 'OTHER') };
}

function fee(name: string, price: number): ItemWithoutId {
  return { kind: 'FEE', name, quantity: 1, unit_price: price, ...demoVat('NL', 'OTHER') };
}

/** Off the food of the order, so it carries the rate of food. */
function orderDiscount(name: string, price: number): ItemWithoutId {
  return { kind: 'DISCOUNT', name, quantity: 1, unit_price: price, ...demoVat('NL', 'FOOD') };
}
