// The statements that issue invoices, as both ways to the database run them: Prisma, and the driver itself (pg-issuing.ts).

import { numberShape } from '../domain/invoice-number.ts';
import type { NumberedLater } from '../domain/decide-invoices.ts';
import type { OrderWithItems } from '../domain/order.ts';
import * as records from './prisma-records.ts';
import { toJson } from './prisma-rows.ts';
import type { ColumnTypes } from './row-sources.ts';

/** Whose rows change, and which: the names of the parameters that say it. */
interface Stored {
  readonly merchantId: string;
  readonly ids: string;
}

/** And what they become: a JSON document. */
interface Changed extends Stored {
  readonly rows: string;
}

/** Alone in a statement. */
export const CHANGED: Changed = { rows: '$1', merchantId: '$2', ids: '$3' };

/** The parameters of `CHANGED`. All rows are one merchant's. */
export function changedValues(rows: readonly records.Columns[]): [string, unknown, unknown[]] {
  return [toJson(rows), rows[0]?.['merchant_id'], rows.map(({ id }) => id)];
}

// PostgreSQL takes a JSON document for a hundred rows and would read whole tables to find them; a list of ids it looks up one
// by one. They are parameters of their own, because what stands in the document it would take out anew for every row it reads.
const isAmong = ({ merchantId, ids }: Stored) =>
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

/** What invoicing changes of an item. */
export const TAKEN: ColumnTypes = {
  id: 'text',
  quantity_invoiced_e4: 'bigint',
  invoiced_ex_vat: 'bigint',
  invoiced_vat: 'bigint',
  invoiced_discount: 'bigint',
};

/** Of orders that invoicing has changed; `rows` has theirs as `new`. */
export const updateOrderStatus = (rows: string, stored: Stored) => `
  UPDATE orders AS stored SET status = new.status, updated_at = new.updated_at
  FROM ${rows} WHERE ${isAmong(stored)} AND stored.id = new.id`;

/** Of items that were invoiced; `rows` has theirs as `new`. */
export const takeItems = (rows: string, stored: Stored) => `
  UPDATE order_items AS stored SET quantity_invoiced_e4 = new.quantity_invoiced_e4, invoiced_ex_vat = new.invoiced_ex_vat,
    invoiced_vat = new.invoiced_vat, invoiced_discount = new.invoiced_discount
  FROM ${rows} WHERE ${isAmong(stored)} AND stored.id = new.id`;

/** The columns of a line, as `records.invoiceLineColumns` has them. */
export const LINE: ColumnTypes = {
  merchant_id: 'text',
  invoice_id: 'text',
  position: 'int',
  order_id: 'text',
  order_item_id: 'text',
  kind: 'text',
  sku: 'text',
  name: 'text',
  quantity_e4: 'bigint',
  unit_price: 'bigint',
  price_base_e4: 'bigint',
  discount: 'bigint',
  vat_category: 'text',
  vat_rate_e4: 'bigint',
  vat_reason: 'text',
  total_ex_vat: 'bigint',
  total_vat: 'bigint',
};

const INVOICE =
  `merchant_id id series year type state customer_id currency is_including_vat is_vat_shifted locale issue_date due_date
  supply_date seller buyer billing_address shipping_address subtotal total_ex_vat total_vat amount_paid paid_at_issue
  corrects_invoice_id memo exclude_from_autopay request_hash pdf_due_at created_at updated_at`.split(/\s+/);

const LINK = ['merchant_id', 'invoice_id', 'order_id', 'position', 'order_number', 'placed_on'];

/**
 * Takes the next numbers of each series, the series in one order, and inserts the documents under them; answers the id and
 * the number of each invoice. One statement, because everybody who issues for this merchant waits from the counter to the
 * commit. `series` is the parameter with the JSON of `DocumentRows.series`; the others have their rows as `new`.
 */
export const insertDocuments = (from: Readonly<Record<keyof DocumentRows, string>>) => `
  WITH counted AS (
    INSERT INTO number_series AS stored (merchant_id, series, year, last_number)
    SELECT merchant_id, series, year, last_number FROM json_populate_recordset(NULL::number_series, ${from.series}::json)
    ORDER BY series, year
    ON CONFLICT (merchant_id, series, year) DO UPDATE SET last_number = stored.last_number + excluded.last_number
    RETURNING series, year, last_number
  ), shaped AS (
    SELECT series, year, last_number, shape.before, shape.width, shape.after FROM counted
    JOIN json_to_recordset(${from.series}::json) AS shape (series text, year int, before text, width int, after text)
      USING (series, year)
  ), issued AS (
    INSERT INTO invoices (number, sequence, ${INVOICE.join(', ')})
    SELECT shaped.before || lpad(taken.number::text, greatest(shaped.width, length(taken.number::text)), '0') || shaped.after,
      taken.number, ${INVOICE.map((column) => `new.${column}`).join(', ')}
    FROM ${from.invoices} JOIN shaped ON shaped.series = new.series AND shaped.year = new.year
      CROSS JOIN LATERAL (SELECT shaped.last_number - new.sequence AS number) AS taken
    RETURNING id, number
  ), lines AS (
    INSERT INTO invoice_lines (${Object.keys(LINE).join(', ')})
    SELECT ${Object.keys(LINE).join(', ')} FROM ${from.lines}
  ), links AS (
    INSERT INTO invoice_orders (${LINK.join(', ')}) SELECT ${LINK.join(', ')} FROM ${from.orders}
  ) SELECT id, number FROM issued`;

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

/** The rows of `insertDocuments`. */
export interface DocumentRows {
  /** How many numbers of each series, and how they are written. */
  readonly series: readonly records.Columns[];
  /** In place of its sequence each has how many of the same series come after it. */
  readonly invoices: readonly records.Columns[];
  readonly lines: readonly records.Columns[];
  readonly orders: readonly records.Columns[];
}

export interface IssuedNumber {
  readonly id: string;
  readonly number: string;
}

/** The invoices take their numbers in the order of the list. */
export function documentRows(
  merchantId: string,
  numberPattern: string,
  invoices: readonly NumberedLater[],
): DocumentRows {
  const counts = new Map<string, { readonly series: string; readonly year: number; readonly count: number }>();
  const fromTheLast = invoices.toReversed().map((invoice) => {
    const { series, year } = invoice;
    const key = `${series} ${year}`;
    const after = counts.get(key)?.count ?? 0;
    counts.set(key, { series, year, count: after + 1 });
    return records.invoiceColumns(invoice, after);
  });
  return {
    series: [...counts.values()].map(({ series, year, count }) => {
      return { merchant_id: merchantId, series, year, last_number: count, ...numberShape(numberPattern, year) };
    }),
    invoices: fromTheLast.reverse(),
    lines: invoices.flatMap(({ lines }) => lines.map(records.invoiceLineColumns)),
    orders: invoices.flatMap(({ invoice, orders }) =>
      orders.map((order, index) => records.invoicedOrderColumns(merchantId, invoice.id, order, index + 1)),
    ),
  };
}
