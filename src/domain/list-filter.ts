// What lists are asked for: filters, sort and window, checked together so that a caller sees every fault at once.
//
// 1. A field that is null filters nothing. An empty list lets nothing through.
// 2. Of two instants the first is inside and the last outside; of two days both are inside.

import { badInput } from './errors.ts';
import type { CalendarDate, InvoiceState, InvoiceType } from './invoice.ts';
import type { InvoiceSortField, OrderSortField, Sort, SortField } from './list-sort.ts';
import type { OrderStatus } from './order.ts';
import { windowOf, type PageInput, type Window } from './page.ts';
import { Faults } from './text.ts';
import type { WebhookDeliveryStatus } from './webhook-delivery.ts';
import type { WebhookEvent } from './webhook-event.ts';

const MAX_ENTRIES = 100;
const MAX_LENGTH = 200;

export interface InvoiceFilter {
  readonly ids: readonly string[] | null;
  readonly numbers: readonly string[] | null;
  readonly orderIds: readonly string[] | null;
  readonly orderNumbers: readonly string[] | null;
  readonly customerId: string | null;
  readonly states: readonly InvoiceState[] | null;
  readonly types: readonly InvoiceType[] | null;
  readonly createdFrom: Date | null;
  readonly createdTo: Date | null;
  readonly dueFrom: CalendarDate | null;
  readonly dueTo: CalendarDate | null;
  readonly isArchived: boolean | null;
  readonly search: string | null;
}

export interface OrderFilter {
  readonly ids: readonly string[] | null;
  readonly numbers: readonly string[] | null;
  readonly customerId: string | null;
  readonly statuses: readonly OrderStatus[] | null;
  readonly placedFrom: Date | null;
  readonly placedTo: Date | null;
  readonly createdFrom: Date | null;
  readonly createdTo: Date | null;
  readonly search: string | null;
}

export interface WebhookDeliveryFilter {
  readonly endpointIds: readonly string[] | null;
  readonly invoiceIds: readonly string[] | null;
  readonly events: readonly WebhookEvent[] | null;
  readonly statuses: readonly WebhookDeliveryStatus[] | null;
}

/** A filter and a sort that were checked. */
export interface Query<Filter, Field extends SortField> {
  readonly filter: Filter;
  readonly sort: Sort<Field>;
}

export type InvoiceQuery = Query<InvoiceFilter, InvoiceSortField>;
export type OrderQuery = Query<OrderFilter, OrderSortField>;
export type WebhookDeliveryQuery = Query<WebhookDeliveryFilter, 'CREATED_AT'>;

type Given<T> = { readonly [Key in keyof T]?: T[Key] | null | undefined };

/** What a caller asks of a list. */
export interface ListInput<Filter, Field extends SortField> extends PageInput {
  readonly filter: Given<Filter> | null | undefined;
  readonly sort: Given<Sort<Field>> | null | undefined;
}

export type InvoiceListInput = ListInput<InvoiceFilter, InvoiceSortField>;
export type OrderListInput = ListInput<OrderFilter, OrderSortField>;
export type WebhookDeliveryListInput = Omit<ListInput<WebhookDeliveryFilter, 'CREATED_AT'>, 'sort'>;

/** Throws BAD_USER_INPUT with every fault. */
export function invoiceList(input: InvoiceListInput): { readonly query: InvoiceQuery; readonly window: Window } {
  const filter = input.filter ?? {};
  const faults = new Faults();
  const query: InvoiceQuery = {
    filter: {
      ids: texts(faults, 'ids', filter.ids),
      numbers: texts(faults, 'numbers', filter.numbers),
      orderIds: texts(faults, 'orderIds', filter.orderIds),
      orderNumbers: texts(faults, 'orderNumbers', filter.orderNumbers),
      customerId: text(faults, ['customerId'], filter.customerId),
      states: entries(faults, 'states', filter.states),
      types: entries(faults, 'types', filter.types),
      createdFrom: filter.createdFrom ?? null,
      createdTo: filter.createdTo ?? null,
      dueFrom: filter.dueFrom ?? null,
      dueTo: filter.dueTo ?? null,
      // Null is an answer of its own here: both kinds.
      isArchived: filter.isArchived === undefined ? false : filter.isArchived,
      search: searched(faults, filter.search),
    },
    sort: sorted(input.sort),
  };
  notReversed(faults, 'createdTo', filter.createdFrom, filter.createdTo);
  notReversed(faults, 'dueTo', filter.dueFrom, filter.dueTo);
  return checked(faults, query, input);
}

/** Throws BAD_USER_INPUT with every fault. */
export function orderList(input: OrderListInput): { readonly query: OrderQuery; readonly window: Window } {
  const filter = input.filter ?? {};
  const faults = new Faults();
  const query: OrderQuery = {
    filter: {
      ids: texts(faults, 'ids', filter.ids),
      numbers: texts(faults, 'numbers', filter.numbers),
      customerId: text(faults, ['customerId'], filter.customerId),
      statuses: entries(faults, 'statuses', filter.statuses),
      placedFrom: filter.placedFrom ?? null,
      placedTo: filter.placedTo ?? null,
      createdFrom: filter.createdFrom ?? null,
      createdTo: filter.createdTo ?? null,
      search: searched(faults, filter.search),
    },
    sort: sorted(input.sort),
  };
  notReversed(faults, 'placedTo', filter.placedFrom, filter.placedTo);
  notReversed(faults, 'createdTo', filter.createdFrom, filter.createdTo);
  return checked(faults, query, input);
}

/** Newest first. Throws BAD_USER_INPUT with every fault. */
export function webhookDeliveryList(input: WebhookDeliveryListInput): {
  readonly query: WebhookDeliveryQuery;
  readonly window: Window;
} {
  const filter = input.filter ?? {};
  const faults = new Faults();
  const query: WebhookDeliveryQuery = {
    filter: {
      endpointIds: texts(faults, 'endpointIds', filter.endpointIds),
      invoiceIds: texts(faults, 'invoiceIds', filter.invoiceIds),
      events: entries(faults, 'events', filter.events),
      statuses: entries(faults, 'statuses', filter.statuses),
    },
    sort: { field: 'CREATED_AT', direction: 'DESC' },
  };
  return checked(faults, query, input);
}

function checked<Q extends Query<unknown, SortField>>(faults: Faults, query: Q, input: PageInput) {
  const window = windowOf(input, query.sort.field, faults);
  if (faults.list.length > 0) throw badInput(faults.list);
  return { query, window };
}

function sorted<Field extends SortField>(sort: Given<Sort<Field>> | null | undefined): Sort<Field | 'CREATED_AT'> {
  return { field: sort?.field ?? 'CREATED_AT', direction: sort?.direction ?? 'DESC' };
}

function entries<T>(faults: Faults, name: string, list: readonly T[] | null | undefined): readonly T[] | null {
  if (list && list.length > MAX_ENTRIES) {
    faults.add(['filter', name], `has ${list.length} entries; there may be at most ${MAX_ENTRIES}`);
    return null;
  }
  return list ?? null;
}

function texts(faults: Faults, name: string, list: readonly string[] | null | undefined): readonly string[] | null {
  const checkedList = entries(faults, name, list);
  checkedList?.forEach((entry, index) => text(faults, [name, index], entry));
  return checkedList;
}

// Any text may be asked for; one that no record can have finds none.
function text(faults: Faults, path: readonly (string | number)[], value: string | null | undefined): string | null {
  if (value && value.length > MAX_LENGTH) {
    faults.add(['filter', ...path], `must have at most ${MAX_LENGTH} characters`);
  }
  return value ?? null;
}

function searched(faults: Faults, value: string | null | undefined): string | null {
  const trimmed = text(faults, ['search'], value)?.trim() ?? '';
  return trimmed === '' ? null : trimmed;
}

function notReversed<T extends Date | CalendarDate>(
  faults: Faults,
  toName: string,
  from: T | null | undefined,
  to: T | null | undefined,
): void {
  if (from && to && from > to) faults.add(['filter', toName], 'must not be before where the range begins');
}
