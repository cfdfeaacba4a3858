// The statements that issue invoices. Each takes its rows as one JSON document; `rows` names the parameter that has it.

import { formatInvoiceNumber } from '../domain/invoice-number.ts';
import type { NumberedLater } from '../domain/decide-invoices.ts';
import type { OrderWithItems } from '../domain/order.ts';
import * as records from './prisma-records.ts';
import { toJson } from './prisma-rows.ts';

/** The rows to change: their JSON document, and beside it their merchant and their ids, as the names of parameters. */
interface Changed {
  readonly rows: string;
  readonly merchantId: string;
  readonly ids: string;
}

/** Alone in a statement. */
export const CHANGED: Changed = { rows: '$1', merchantId: '$2', ids: '$3' };

/** The parameters of `CHANGED`. All rows are one merchant's. */
export function changedValues(rows: readonly records.Columns[]): [string, unknown, unknown[]] {
  return [toJson(rows), rows[0]?.['merchant_id'], rows.map(({ id }) => id)];
}

// PostgreSQL takes a JSON document for a hundred rows and would read whole tables to find them; a list of ids it looks up one
// by one. They are parameters of their own, because what stands in the document it would take out anew for every row it reads.
const isAmong = ({ merchantId, ids }: Changed) =>
  `stored.merchant_id = ${merchantId} AND stored.id = ANY (${ids}::text[])`;

export const updateOrders = (changed: Changed) => `
  UPDATE orders AS stored
  SET status = new.status, is_on_hold = new.is_on_hold, is_in_payment_review = new.is_in_payment_review,
      payment_method = new.payment_method, payment_authorization = new.payment_authorization,
      updated_at = new.updated_at
  FROM json_populate_recordset(NULL::orders, ${changed.rows}::json) AS new
  WHERE ${isAmong(changed)} AND stored.id = new.id`;

const PROGRESS =
  `quantity_shipped_e4 quantity_invoiced_e4 quantity_canceled_e4 quantity_returned_e4 quantity_credited_e4
  invoiced_ex_vat invoiced_vat invoiced_discount canceled_ex_vat canceled_vat canceled_discount shipped_at refunded_at`.split(
    /\s+/,
  );

// Rows that did not change are left alone: an order of a thousand items may be invoiced one by one.
export const updateItems = (changed: Changed) => `
  UPDATE order_items AS stored SET ${PROGRESS.map((column) => `${column} = new.${column}`).join(', ')}
  FROM json_populate_recordset(NULL::order_items, ${changed.rows}::json) AS new
  WHERE ${isAmong(changed)} AND stored.id = new.id
    AND (${PROGRESS.map((column) => `stored.${column}`).join(', ')})
      IS DISTINCT FROM (${PROGRESS.map((column) => `new.${column}`).join(', ')})`;

/** Locks the corrected invoices in one order, so that two lists never wait for each other in a ring. */
export const creditCorrected = (changed: Changed) => `
  UPDATE invoices AS stored
  SET amount_credited = stored.amount_credited + new.amount, updated_at = new.updated_at
  FROM json_to_recordset(${changed.rows}::json) AS new (id text, amount bigint, updated_at timestamptz),
    (SELECT count(*) FROM (SELECT FROM invoices AS stored WHERE ${isAmong(changed)} ORDER BY id FOR UPDATE) AS locked) AS first
  WHERE ${isAmong(changed)} AND stored.id = new.id`;

/** Takes the next numbers of each series, the series in one order. */
export const takeNumbers = (rows: string) => `
  INSERT INTO number_series AS stored (merchant_id, series, year, last_number)
  SELECT merchant_id, series, year, last_number FROM json_populate_recordset(NULL::number_series, ${rows}::json)
  ORDER BY series, year
  ON CONFLICT (merchant_id, series, year) DO UPDATE SET last_number = stored.last_number + excluded.last_number
  RETURNING series, year, last_number`;

/** The rows of `creditCorrected`: one an invoice, however many credits it gets. */
export function creditRows(merchantId: string, credits: readonly NumberedLater[]): readonly records.Columns[] {
  const rows = new Map<string, { amount: bigint; updated_at: Date }>();
  for (const { invoice } of credits) {
    const id = invoice.correctsInvoiceId ?? '';
    const amount = (rows.get(id)?.amount ?? 0n) - (invoice.totalExVat + invoice.totalVat);
    rows.set(id, { amount, updated_at: invoice.createdAt });
  }
  return [...rows].map(([id, row]) => ({ merchant_id: merchantId, id, ...row }));
}

/** The rows of `updateOrders` and `updateItems`. */
export function orderRows(orders: readonly OrderWithItems[]): {
  readonly heads: readonly records.Columns[];
  readonly items: readonly records.Columns[];
} {
  return {
    heads: orders.map(({ order }) => records.orderProgressColumns(order)),
    items: orders.flatMap(({ items }) => items.map(records.orderItemProgressColumns)),
  };
}

/** The rows of `takeNumbers`: how many numbers of each series. */
export function seriesRows(merchantId: string, invoices: readonly NumberedLater[]): readonly records.Columns[] {
  const counts = new Map<string, { series: string; year: number; last_number: number }>();
  for (const invoice of invoices) {
    const { series, year } = invoice;
    const count = (counts.get(seriesKey(invoice))?.last_number ?? 0) + 1;
    counts.set(seriesKey(invoice), { series, year, last_number: count });
  }
  return [...counts.values()].map((row) => ({ merchant_id: merchantId, ...row }));
}

export interface LastNumber {
  readonly series: string;
  readonly year: number;
  readonly last_number: bigint;
}

/** The rows of the three tables of issued documents, numbered in the order of the list. */
export function documentRows(
  merchantId: string,
  numberPattern: string,
  invoices: readonly NumberedLater[],
  lastNumbers: readonly LastNumber[],
): Readonly<Record<'invoices' | 'lines' | 'orders', readonly records.Columns[]>> & {
  /** Invoice id → its number. */
  readonly numbers: ReadonlyMap<string, string>;
} {
  const counts = new Map<string, number>();
  for (const invoice of invoices) counts.set(seriesKey(invoice), (counts.get(seriesKey(invoice)) ?? 0) + 1);
  const next = new Map(
    lastNumbers.map((last) => [seriesKey(last), last.last_number - BigInt(counts.get(seriesKey(last)) ?? 0) + 1n]),
  );
  const numbers = new Map<string, string>();
  return {
    numbers,
    invoices: invoices.map((invoice) => {
      const sequence = next.get(seriesKey(invoice));
      if (sequence === undefined) throw new RangeError('Every series has taken its numbers.');
      next.set(seriesKey(invoice), sequence + 1n);
      const number = formatInvoiceNumber(numberPattern, invoice.year, Number(sequence));
      numbers.set(invoice.invoice.id, number);
      return records.invoiceColumns(invoice, { number, sequence });
    }),
    lines: invoices.flatMap(({ lines }) => lines.map(records.invoiceLineColumns)),
    orders: invoices.flatMap(({ invoice, orders }) =>
      orders.map((order, index) => records.invoicedOrderColumns(merchantId, invoice.id, order, index + 1)),
    ),
  };
}

function seriesKey({ series, year }: Pick<NumberedLater, 'series' | 'year'>): string {
  return `${series} ${year}`;
}
