// Reading one invoice with what belongs to it in one statement, on the driver itself: what dashboards ask for all day.

import type pg from 'pg';
import type { InvoicePart, Invoices, InvoiceWithParts } from '../ports.ts';
import type { Columns } from './json-rows.ts';
import { rowFromJson } from './json-rows.ts';
import * as records from './prisma-records.ts';

type Json = Readonly<Record<string, unknown>>;

interface Found {
  readonly invoice: Json | null;
  readonly lines?: readonly Json[];
  readonly orders?: readonly Json[];
  readonly payments?: readonly Json[];
  readonly customer?: Json | null;
}

const PARTS: Readonly<Record<InvoicePart, string>> = {
  lines: `SELECT coalesce(json_agg(part ORDER BY part.position), '[]') FROM invoice_lines AS part
    WHERE part.merchant_id = $1 AND part.invoice_id = (SELECT id FROM found)`,
  orders: `SELECT coalesce(json_agg(part ORDER BY link.position), '[]')
    FROM invoice_orders AS link JOIN orders AS part ON part.merchant_id = link.merchant_id AND part.id = link.order_id
    WHERE link.merchant_id = $1 AND link.invoice_id = (SELECT id FROM found)`,
  payments: `SELECT coalesce(json_agg(part ORDER BY part.created_at, part.id), '[]') FROM payments AS part
    WHERE part.merchant_id = $1 AND part.invoice_id = (SELECT id FROM found)`,
  customer: `SELECT to_json(part) FROM customers AS part
    WHERE part.merchant_id = $1 AND part.id = (SELECT customer_id FROM found)`,
};

export function pgInvoiceReading(
  pool: Pick<pg.Pool, 'query'>,
  columnsOf: () => Promise<Columns>,
): Pick<Invoices, 'findWithParts'> {
  return {
    findWithParts: async (merchantId, by, parts) => {
      const columns = await columnsOf();
      const [key, value] = 'id' in by ? (['id', by.id] as const) : (['number', by.number] as const);
      const chosen = INVOICE_PARTS.filter((part) => parts.has(part));
      const { rows } = await pool.query<Found>({
        // Few forms, each prepared once a connection.
        name: `billhead_invoice_by_${key}_${chosen.join('_')}`,
        text: `WITH found AS (SELECT * FROM invoices WHERE merchant_id = $1 AND ${key} = $2)
          SELECT ${['(SELECT to_json(found) FROM found) AS invoice', ...chosen.map((part) => `(${PARTS[part]}) AS ${part}`)].join(', ')}`,
        values: [merchantId, records.storable(value)],
      });
      const [found] = rows;
      return found?.invoice ? withParts(columns, found.invoice, found) : null;
    },
  };
}

const INVOICE_PARTS = Object.keys(PARTS) as InvoicePart[];

function withParts(columns: Columns, invoice: Json, { lines, orders, payments, customer }: Found): InvoiceWithParts {
  return {
    invoice: records.toInvoice(rowFromJson(columns, 'invoices', invoice)),
    lines: lines?.map((row) => records.toInvoiceLine(rowFromJson(columns, 'invoice_lines', row))),
    orders: orders?.map((row) => records.toOrder(rowFromJson(columns, 'orders', row))),
    payments: payments?.map((row) => records.toPayment(rowFromJson(columns, 'payments', row))),
    customer: customer ? records.toCustomer(rowFromJson(columns, 'customers', customer)) : undefined,
  };
}
