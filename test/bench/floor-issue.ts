// The writes of one invoice as a set of prepared statements: one transaction an invoice, its number from a counter row.

import { randomUUID } from 'node:crypto';
import type pg from 'pg';

interface OrderRow {
  readonly id: string;
  readonly number: string;
  readonly customer_id: string;
  readonly currency: string;
  readonly is_including_vat: boolean;
  readonly is_vat_shifted: boolean;
  readonly billing_address: unknown;
  readonly shipping_address: unknown;
  readonly placed_on: string;
  readonly buyer: unknown;
  readonly locale: string;
  readonly seller: unknown;
  readonly payment_term_days: number;
}

interface ItemRow {
  readonly id: string;
  readonly order_id: string;
  readonly kind: string;
  readonly sku: string | null;
  readonly name: string;
  readonly open_e4: string;
  readonly unit_price: string;
  readonly price_base_e4: string;
  readonly discount: string;
  readonly vat_category: string;
  readonly vat_rate_e4: string;
  readonly vat_reason: string | null;
  readonly net: string;
  readonly vat: string;
}

export interface Issued {
  readonly id: string;
  readonly number: string;
  readonly total: number;
}

/** Everything open of the items, which are all of their orders'. */
export async function issue(
  client: pg.PoolClient,
  merchantId: string,
  itemIds: readonly string[],
  requestHash: string,
): Promise<Issued> {
  await client.query('BEGIN');
  try {
    const orders = (await client.query<OrderRow>({ ...LOCK, values: [merchantId, itemIds] })).rows;
    const items = (await client.query<ItemRow>({ ...ITEMS, values: [merchantId, itemIds] })).rows;
    const [order] = orders;
    if (!order || items.length !== itemIds.length || items.some(({ open_e4: open }) => open === '0')) {
      throw new Error('Not everything is open.');
    }
    await client.query({ ...TAKE, values: [merchantId, itemIds] });
    await client.query({ ...COMPLETE, values: [merchantId, orders.map(({ id }) => id)] });
    const id = randomUUID();
    const net = sum(items.map((item) => item.net));
    const vat = sum(items.map((item) => item.vat));
    const { year, today, due } = days(order.payment_term_days);
    // Last of all: the counter row makes every other invoice wait until this one has committed.
    const counter = await client.query<{ last_number: string }>({ ...COUNT, values: [merchantId, year] });
    const sequence = counter.rows[0]?.last_number ?? '0';
    const number = `${year}-${sequence.padStart(6, '0')}`;
    const { customer_id: customerId, currency, is_including_vat: isIncludingVat, is_vat_shifted: isVatShifted } = order;
    const head = [
      merchantId,
      id,
      number,
      year,
      sequence,
      customerId,
      currency,
      isIncludingVat,
      isVatShifted,
      order.locale,
    ];
    const copies = [order.seller, order.buyer, order.billing_address, order.shipping_address].map(json);
    await client.query({ ...INVOICE, values: [...head, today, due, ...copies, net, vat, requestHash] });
    await client.query({ ...LINES, values: [merchantId, id, ...columns(items)] });
    const links = [
      orders.map((each) => each.id),
      orders.map((each) => each.number),
      orders.map((each) => each.placed_on),
    ];
    await client.query({ ...LINKS, values: [merchantId, id, ...links] });
    await client.query('COMMIT');
    return { id, number, total: net + vat };
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

function days(termDays: number) {
  const now = Date.now();
  const today = new Date(now).toISOString().slice(0, 10);
  return {
    today,
    year: Number(today.slice(0, 4)),
    due: new Date(now + termDays * 86_400_000).toISOString().slice(0, 10),
  };
}

function json(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

function sum(values: readonly string[]): number {
  return values.reduce((total, value) => total + Number(value), 0);
}

/** One array a column, in the order of LINES. */
function columns(items: readonly ItemRow[]): readonly (readonly (string | null)[])[] {
  const names = [
    'order_id',
    'id',
    'kind',
    'sku',
    'name',
    'open_e4',
    'unit_price',
    'price_base_e4',
    'discount',
  ] as const;
  const rest = ['vat_category', 'vat_rate_e4', 'vat_reason', 'net', 'vat'] as const;
  return [...names, ...rest].map((name) => items.map((item) => item[name]));
}

const LOCK = {
  name: 'lock',
  text: `SELECT o.id, o.number, o.customer_id, o.currency, o.is_including_vat, o.is_vat_shifted, o.billing_address,
      o.shipping_address, o.placed_at::date::text AS placed_on, c.locale, m.seller, m.payment_term_days,
      json_build_object('name', c.name, 'organisation', c.organisation, 'email', c.email, 'vatNumber', c.vat_number,
        'registrationNumber', c.registration_number) AS buyer
    FROM orders o
      JOIN customers c ON c.merchant_id = o.merchant_id AND c.id = o.customer_id
      JOIN merchants m ON m.merchant_id = o.merchant_id
    WHERE o.merchant_id = $1
      AND o.id IN (SELECT order_id FROM order_items WHERE merchant_id = $1 AND id = ANY($2))
    ORDER BY o.id FOR UPDATE OF o`,
};

const ITEMS = {
  name: 'items',
  text: `SELECT id, order_id, kind, sku, name, quantity_e4 - quantity_invoiced_e4 - quantity_canceled_e4 AS open_e4, unit_price,
      price_base_e4, discount - invoiced_discount - canceled_discount AS discount, vat_category, vat_rate_e4, vat_reason,
      total_ex_vat - invoiced_ex_vat - canceled_ex_vat AS net, total_vat - invoiced_vat - canceled_vat AS vat
    FROM order_items WHERE merchant_id = $1 AND id = ANY($2) ORDER BY order_id, position`,
};

const TAKE = {
  name: 'take',
  text: `UPDATE order_items SET quantity_invoiced_e4 = quantity_e4 - quantity_canceled_e4,
      invoiced_ex_vat = total_ex_vat - canceled_ex_vat, invoiced_vat = total_vat - canceled_vat,
      invoiced_discount = discount - canceled_discount
    WHERE merchant_id = $1 AND id = ANY($2)`,
};

const COMPLETE = {
  name: 'complete',
  text: `UPDATE orders SET status = 'PROCESSING', updated_at = now() WHERE merchant_id = $1 AND id = ANY($2)`,
};

const COUNT = {
  name: 'count',
  text: `INSERT INTO number_series (merchant_id, series, year, last_number) VALUES ($1, 'invoice', $2, 1)
    ON CONFLICT (merchant_id, series, year) DO UPDATE SET last_number = number_series.last_number + 1
    RETURNING last_number`,
};

const INVOICE = {
  name: 'invoice',
  text: `INSERT INTO invoices (merchant_id, id, number, series, year, sequence, type, state, customer_id, currency,
      is_including_vat, is_vat_shifted, locale, issue_date, due_date, supply_date, seller, buyer, billing_address,
      shipping_address, subtotal, total_ex_vat, total_vat, request_hash, pdf_due_at, created_at, updated_at)
    VALUES ($1, $2, $3, 'invoice', $4, $5, 'INVOICE', 'OPEN', $6, $7, $8, $9, $10, $11, $12, $11, $13, $14, $15, $16, $17, $17,
      $18, $19, now() + interval '3 seconds', now(), now())`,
};

const LINES = {
  name: 'lines',
  text: `INSERT INTO invoice_lines (merchant_id, invoice_id, position, order_id, order_item_id, kind, sku, name, quantity_e4,
      unit_price, price_base_e4, discount, vat_category, vat_rate_e4, vat_reason, total_ex_vat, total_vat)
    SELECT $1, $2, position, order_id, id, kind, sku, name, quantity, price, base, discount, category, rate, reason, net, vat
    FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[],
      $11::bigint[], $12::text[], $13::bigint[], $14::text[], $15::bigint[], $16::bigint[]) WITH ORDINALITY
      AS line (order_id, id, kind, sku, name, quantity, price, base, discount, category, rate, reason, net, vat, position)`,
};

const LINKS = {
  name: 'links',
  text: `INSERT INTO invoice_orders (merchant_id, invoice_id, order_id, position, order_number, placed_on)
    SELECT $1, $2, id, position, number, placed_on
    FROM unnest($3::text[], $4::text[], $5::date[]) WITH ORDINALITY AS link (id, number, placed_on, position)`,
};
