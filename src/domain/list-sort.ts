// In which order lists come, and where in it a record stands. Ties of the sort are broken by id, in the same direction.

import type { Invoice } from './invoice.ts';
import type { Order } from './order.ts';
import type { WebhookDelivery } from './webhook-delivery.ts';

export type InvoiceSortField = 'CREATED_AT' | 'UPDATED_AT' | 'NUMBER' | 'TOTAL' | 'DUE_DATE';
export type OrderSortField = 'CREATED_AT' | 'UPDATED_AT' | 'NUMBER' | 'TOTAL' | 'PLACED_AT';
export type SortField = InvoiceSortField | OrderSortField;

export interface Sort<Field extends SortField> {
  readonly field: Field;
  readonly direction: 'ASC' | 'DESC';
}

/** Position of a record in a list: what it is sorted by, as text (instants in RFC 3339), then its id. */
export interface SortKey {
  readonly field: SortField;
  readonly value: string;
  readonly id: string;
}

const INVOICE_VALUES: Readonly<Record<InvoiceSortField, (invoice: Invoice) => string>> = {
  CREATED_AT: ({ createdAt }) => createdAt.toISOString(),
  UPDATED_AT: ({ updatedAt }) => updatedAt.toISOString(),
  NUMBER: ({ number }) => number,
  TOTAL: ({ totalExVat, totalVat }) => String(totalExVat + totalVat),
  DUE_DATE: ({ dueDate }) => dueDate,
};

const ORDER_VALUES: Readonly<Record<OrderSortField, (order: Order) => string>> = {
  CREATED_AT: ({ createdAt }) => createdAt.toISOString(),
  UPDATED_AT: ({ updatedAt }) => updatedAt.toISOString(),
  NUMBER: ({ number }) => number,
  TOTAL: ({ totalExVat, totalVat }) => String(totalExVat + totalVat),
  PLACED_AT: ({ placedAt }) => placedAt.toISOString(),
};

export function invoiceSortKey(invoice: Invoice, field: InvoiceSortField): SortKey {
  return { field, value: INVOICE_VALUES[field](invoice), id: invoice.id };
}

export function orderSortKey(order: Order, field: OrderSortField): SortKey {
  return { field, value: ORDER_VALUES[field](order), id: order.id };
}

export function webhookDeliverySortKey({ createdAt, id }: WebhookDelivery): SortKey {
  return { field: 'CREATED_AT', value: createdAt.toISOString(), id };
}

const isInstant = (value: string) => /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/.test(value) && isTime(value);
// A number may be any text; no number is longer than this.
const isNumber = (value: string) => value.length <= 200;

const IS_VALUE: Readonly<Record<SortField, (value: string) => boolean>> = {
  CREATED_AT: isInstant,
  UPDATED_AT: isInstant,
  PLACED_AT: isInstant,
  NUMBER: isNumber,
  // Twice the largest amount still has 17 digits.
  TOTAL: (value) => /^-?\d{1,17}$/.test(value),
  DUE_DATE: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && isTime(`${value}T00:00:00.000Z`),
};

/** Whether a record could stand at this value; a cursor comes from outside and may say anything. */
export function isSortValue(field: SortField, value: string): boolean {
  return IS_VALUE[field](value);
}

export function isSortField(field: unknown): field is SortField {
  return typeof field === 'string' && Object.hasOwn(IS_VALUE, field);
}

// Date reads 30 February as 2 March; no calendar has it. Nor has any calendar of the database a year 0.
function isTime(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text && text >= '0001';
}
