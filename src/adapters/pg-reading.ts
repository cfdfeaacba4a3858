// What every request and every dashboard asks for all day, in one statement each, on the driver itself: keys, and invoices with
// what belongs to them.

import type pg from 'pg';
import type { ApiKeys, InvoicePart, Invoices, InvoiceWithParts } from '../ports.ts';
import { rowFromJson, type Columns } from './json-rows.ts';
import { toApiKey } from './prisma-api-keys.ts';
import * as records from './prisma-records.ts';

type Json = Readonly<Record<string, unknown>>;

interface Found {
  readonly invoice: Json;
  readonly lines?: readonly Json[];
  readonly orders?: readonly Json[];
  readonly payments?: readonly Json[];
  readonly customer?: Json | null;
}

const PARTS: Readonly<Record<InvoicePart, string>> = {
  lines: `SELECT coalesce(json_agg(part ORDER BY part.position), '[]') FROM invoice_lines AS part
    WHERE part.merchant_id = $1 AND part.invoice_id = found.id`,
  orders: `SELECT coalesce(json_agg(part ORDER BY link.position), '[]')
    FROM invoice_orders AS link JOIN orders AS part ON part.merchant_id = link.merchant_id AND part.id = link.order_id
    WHERE link.merchant_id = $1 AND link.invoice_id = found.id`,
  payments: `SELECT coalesce(json_agg(part ORDER BY part.created_at, part.id), '[]') FROM payments AS part
    WHERE part.merchant_id = $1 AND part.invoice_id = found.id`,
  customer: `SELECT to_json(part) FROM customers AS part
    WHERE part.merchant_id = $1 AND part.id = found.customer_id`,
};

export function pgInvoiceReading(
  pool: Pick<pg.Pool, 'query'>,
  columnsOf: () => Promise<Columns>,
): Pick<Invoices, 'findWithParts'> {
  return {
    findWithParts: async (merchantId, by, parts) => {
      const columns = await columnsOf();
      const [key, values] = 'ids' in by ? (['id', by.ids] as const) : (['number', by.numbers] as const);
      const { rows } = await pool.query<Found>({
        // Few forms, each prepared once a connection.
        name: `billhead_invoices_by_${key}_${parts.join('_')}`,
        text: `
          SELECT ${['to_json(found) AS invoice', ...parts.map((part) => `(${PARTS[part]}) AS ${part}`)].join(', ')}
          FROM invoices AS found WHERE found.merchant_id = $1 AND found.${key} = ANY ($2)`,
        values: [merchantId, records.storableList(values)],
      });
      return rows.map((row) => withParts(columns, row));
    },
  };
}

export function pgKeyReading(
  pool: Pick<pg.Pool, 'query'>,
  columnsOf: () => Promise<Columns>,
): Pick<ApiKeys, 'findByPrefixes'> {
  return {
    findByPrefixes: async (prefixes) => {
      const columns = await columnsOf();
      const { rows } = await pool.query<{ readonly key: Json }>({
        name: 'billhead_keys_by_prefix',
        text: 'SELECT to_json(api_keys) AS key FROM api_keys WHERE prefix = ANY ($1)',
        values: [prefixes],
      });
      return rows.map(({ key }) => toApiKey(rowFromJson(columns, 'api_keys', key)));
    },
  };
}

function withParts(columns: Columns, { invoice, lines, orders, payments, customer }: Found): InvoiceWithParts {
  return {
    invoice: records.toInvoice(rowFromJson(columns, 'invoices', invoice)),
    lines: lines?.map((row) => records.toInvoiceLine(rowFromJson(columns, 'invoice_lines', row))),
    orders: orders?.map((row) => records.toOrder(rowFromJson(columns, 'orders', row))),
    payments: payments?.map((row) => records.toPayment(rowFromJson(columns, 'payments', row))),
    customer: customer ? records.toCustomer(rowFromJson(columns, 'customers', customer)) : undefined,
  };
}
