// Northwind as orders to import: 830 orders of 89 customers, in the JSON of the mutation `placeOrder`.
//
// 1. Money goes from decimal text to cents as integers; no amount passes through a float.
// 2. A row's net is round(quantity × unit price × (1 − discount)), half away from zero; the discount is what that leaves.

import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { divideRounded, ONE, parseDecimal } from '../domain/money.ts';
import { demoVat, madeUpVatNumber, type VatTermsJson } from './demo-vat.ts';

/** `PlaceOrderInput` as plain JSON: money in the currency's minor unit, rates as decimal strings. */
export interface PlaceOrderJson {
  readonly id: string;
  readonly number: string;
  readonly customer: CustomerJson;
  readonly currency: string;
  readonly is_including_vat: boolean;
  readonly is_vat_shifted?: boolean;
  readonly invoicing_policy: 'ON_ORDER' | 'AFTER_SHIPMENT';
  readonly billing_address: AddressJson;
  readonly shipping_address?: AddressJson;
  readonly items: readonly PlaceOrderItemJson[];
  readonly payment?: { readonly method: string; readonly authorization: string | null };
  readonly placed_at: string;
}

export interface CustomerJson {
  readonly id: string;
  readonly name: string;
  readonly email?: string;
  readonly organisation?: string;
  readonly vat_number?: string;
  readonly registration_number?: string;
  readonly locale: string;
}

export interface AddressJson {
  readonly name?: string;
  readonly organisation?: string;
  readonly street: string;
  readonly postal_code?: string;
  readonly city: string;
  readonly region?: string;
  readonly country: string;
}

export interface PlaceOrderItemJson extends VatTermsJson {
  readonly id: string;
  readonly kind: 'PRODUCT' | 'SHIPPING' | 'FEE' | 'DISCOUNT';
  readonly sku?: string;
  readonly name: string;
  readonly quantity: number;
  readonly is_whole_number?: boolean;
  readonly is_virtual?: boolean;
  readonly unit_price: number;
  readonly price_base_quantity?: number;
  readonly discount?: number;
}

interface CustomerRow {
  readonly CustomerID: string;
  readonly CompanyName: string;
  readonly ContactName: string;
  readonly Address: string;
  readonly City: string;
  readonly Region: string;
  readonly PostalCode: string;
  readonly Country: string;
}

interface OrderRow {
  readonly OrderID: string;
  readonly CustomerID: string;
  readonly OrderDate: string;
  readonly ShippedDate: string;
  readonly ShipVia: string;
  readonly Freight: string;
  readonly ShipName: string;
  readonly ShipAddress: string;
  readonly ShipCity: string;
  readonly ShipRegion: string;
  readonly ShipPostalCode: string;
  readonly ShipCountry: string;
}

interface OrderDetailRow {
  readonly OrderID: string;
  readonly ProductID: string;
  readonly UnitPrice: string;
  readonly Quantity: string;
  readonly Discount: string;
}

interface ProductRow {
  readonly ProductID: string;
  readonly ProductName: string;
}

interface ShipperRow {
  readonly ShipperID: string;
  readonly CompanyName: string;
}

interface Tables {
  readonly orders: readonly OrderRow[];
  readonly details: ReadonlyMap<string, readonly OrderDetailRow[]>;
  readonly customers: ReadonlyMap<string, { readonly row: CustomerRow; readonly serial: number }>;
  readonly products: ReadonlyMap<string, string>;
  readonly shippers: ReadonlyMap<string, string>;
}

const COUNTRIES: Readonly<Record<string, { code: string; locale: string }>> = {
  Argentina: { code: 'AR', locale: 'es-AR' },
  Austria: { code: 'AT', locale: 'de-AT' },
  Belgium: { code: 'BE', locale: 'fr-BE' },
  Brazil: { code: 'BR', locale: 'pt-BR' },
  Canada: { code: 'CA', locale: 'en-CA' },
  Denmark: { code: 'DK', locale: 'da-DK' },
  Finland: { code: 'FI', locale: 'fi-FI' },
  France: { code: 'FR', locale: 'fr-FR' },
  Germany: { code: 'DE', locale: 'de-DE' },
  Ireland: { code: 'IE', locale: 'en-IE' },
  Italy: { code: 'IT', locale: 'it-IT' },
  Mexico: { code: 'MX', locale: 'es-MX' },
  Norway: { code: 'NO', locale: 'nb-NO' },
  Poland: { code: 'PL', locale: 'pl-PL' },
  Portugal: { code: 'PT', locale: 'pt-PT' },
  Spain: { code: 'ES', locale: 'es-ES' },
  Sweden: { code: 'SE', locale: 'sv-SE' },
  Switzerland: { code: 'CH', locale: 'de-CH' },
  UK: { code: 'GB', locale: 'en-GB' },
  USA: { code: 'US', locale: 'en-US' },
  Venezuela: { code: 'VE', locale: 'es-VE' },
};

/** Every n-th order is invoiced only after shipment, so that a dashboard shows both policies. */
const AFTER_SHIPMENT_EVERY = 5;

/** All orders, oldest first. */
export async function northwindOrders(): Promise<PlaceOrderJson[]> {
  const [orders, details, customers, products, shippers] = await Promise.all([
    readTable<OrderRow>('orders'),
    readTable<OrderDetailRow>('order_details'),
    readTable<CustomerRow>('customers'),
    readTable<ProductRow>('products'),
    readTable<ShipperRow>('shippers'),
  ]);
  const tables: Tables = {
    orders,
    details: groupByOrder(details),
    customers: new Map(customers.map((row, index) => [row.CustomerID, { row, serial: index + 1 }])),
    products: new Map(products.map((row) => [row.ProductID, row.ProductName])),
    shippers: new Map(shippers.map((row) => [row.ShipperID, row.CompanyName])),
  };
  return orders.map((order, index) => orderJson(order, index, tables));
}

/** When the orders left the house; 21 of the 830 never did. */
export async function northwindShipments(): Promise<{ order_id: string; shipped_at: string }[]> {
  const orders = await readTable<OrderRow>('orders');
  return orders
    .filter((order) => order.ShippedDate !== '')
    .map((order) => ({ order_id: orderId(order), shipped_at: noonOf(order.ShippedDate) }));
}

function orderJson(order: OrderRow, index: number, tables: Tables): PlaceOrderJson {
  const { row: customer, serial } = known(tables.customers, order.CustomerID);
  return {
    id: orderId(order),
    number: order.OrderID,
    customer: customerJson(customer, serial),
    currency: 'EUR',
    is_including_vat: false,
    invoicing_policy: (index + 1) % AFTER_SHIPMENT_EVERY === 0 ? 'AFTER_SHIPMENT' : 'ON_ORDER',
    billing_address: billingAddress(customer),
    shipping_address: shippingAddress(order),
    items: [...productItems(order, tables), freightItem(order, tables)],
    placed_at: noonOf(order.OrderDate),
  };
}

function customerJson(customer: CustomerRow, serial: number): CustomerJson {
  const { code, locale } = country(customer.Country);
  const id = customer.CustomerID.toLowerCase();
  const vatNumber = madeUpVatNumber(code, serial);
  return {
    id,
    name: customer.ContactName,
    email: `${id}@example.com`,
    organisation: customer.CompanyName,
    ...(vatNumber === null ? {} : { vat_number: vatNumber }),
    locale,
  };
}

function billingAddress(customer: CustomerRow): AddressJson {
  return {
    name: customer.ContactName,
    organisation: customer.CompanyName,
    street: customer.Address,
    ...(customer.PostalCode === '' ? {} : { postal_code: customer.PostalCode }),
    city: customer.City,
    ...(customer.Region === '' ? {} : { region: customer.Region }),
    country: country(customer.Country).code,
  };
}

function shippingAddress(order: OrderRow): AddressJson {
  return {
    organisation: order.ShipName,
    street: order.ShipAddress,
    ...(order.ShipPostalCode === '' ? {} : { postal_code: order.ShipPostalCode }),
    city: order.ShipCity,
    ...(order.ShipRegion === '' ? {} : { region: order.ShipRegion }),
    country: country(order.ShipCountry).code,
  };
}

function productItems(order: OrderRow, tables: Tables): PlaceOrderItemJson[] {
  return known(tables.details, order.OrderID).map((detail, index) => {
    const unitPrice = cents(detail.UnitPrice);
    const discount = rowDiscount(BigInt(detail.Quantity) * unitPrice, detail.Discount);
    return {
      id: `${order.OrderID}-${index + 1}`,
      kind: 'PRODUCT',
      sku: `NW-${detail.ProductID}`,
      name: known(tables.products, detail.ProductID),
      quantity: Number(detail.Quantity),
      unit_price: Number(unitPrice),
      ...(discount === 0n ? {} : { discount: Number(discount) }),
      ...demoVat(country(order.ShipCountry).code, 'FOOD'),
    };
  });
}

function freightItem(order: OrderRow, tables: Tables): PlaceOrderItemJson {
  return {
    id: `${order.OrderID}-freight`,
    kind: 'SHIPPING',
    name: `Freight, ${known(tables.shippers, order.ShipVia)}`,
    quantity: 1,
    unit_price: Number(cents(order.Freight)),
    ...demoVat(country(order.ShipCountry).code, 'OTHER'),
  };
}

/** The rounding applies to what is left to pay, so the discount is the difference and never rounded by itself. */
function rowDiscount(gross: bigint, discountFraction: string): bigint {
  const discount = tenThousandths(discountFraction);
  return gross - divideRounded(gross * (ONE - discount), ONE);
}

function cents(amount: string): bigint {
  const value = tenThousandths(amount);
  if (value % 100n !== 0n) throw new Error(`Northwind: ${amount} is not in whole cents.`);
  return value / 100n;
}

function tenThousandths(text: string): bigint {
  const value = parseDecimal(text);
  if (value === null) throw new Error(`Northwind: "${text}" is not a decimal.`);
  return value;
}

function orderId(order: OrderRow): string {
  return `northwind-${order.OrderID}`;
}

/** The data has days only. Noon UTC is the same day in every time zone of Europe and the Americas. */
function noonOf(day: string): string {
  return `${day}T12:00:00Z`;
}

function country(name: string): { code: string; locale: string } {
  const found = COUNTRIES[name];
  if (!found) throw new Error(`Northwind: unknown country "${name}".`);
  return found;
}

function known<Value>(values: ReadonlyMap<string, Value>, key: string): Value {
  const value = values.get(key);
  if (value === undefined) throw new Error(`Northwind: nothing is known about "${key}".`);
  return value;
}

function groupByOrder(details: readonly OrderDetailRow[]): ReadonlyMap<string, readonly OrderDetailRow[]> {
  const groups = new Map<string, OrderDetailRow[]>();
  for (const detail of details) {
    const group = groups.get(detail.OrderID);
    if (group) group.push(detail);
    else groups.set(detail.OrderID, [detail]);
  }
  return groups;
}

// The compiled code lies in dist/sample-data and the tables stay in src, two folders up from either.
async function readTable<Row>(name: string): Promise<readonly Row[]> {
  const file = new URL(`../../src/sample-data/northwind/${name}.csv`, import.meta.url);
  return parse<Row>(await readFile(file), { columns: true });
}
