// Orders and invoices made by SQL, in the shape that the product gives them: a million of them must not take hours.

import type pg from 'pg';
import { MERCHANT } from './stage.ts';

const ADDRESS = `'{"name":null,"organisation":null,"street":"Oudegracht 88 bis","postalCode":"3511 AV","city":"Utrecht","region":null,"country":"NL"}'::jsonb`;
/** Small enough for steady progress, large enough to pay. */
const BATCH = 50_000;

export async function insertCustomers(sql: pg.Client, count: number): Promise<void> {
  await sql.query(
    `INSERT INTO customers (merchant_id, id, name, email, organisation, vat_number, registration_number, locale, created_at, updated_at)
     SELECT $1, 'c' || n, 'Jet Bakker ' || n, 'jet' || n || '@goudenaar.example', 'Bakkerij De Gouden Aar ' || n,
       'NL009876543B21', '87654321', 'nl-NL', now(), now()
     FROM generate_series(0, $2::int - 1) AS n`,
    [MERCHANT, count],
  );
}

/** Orders `o1`, `o2`, … of so many items each, `o1-1`, `o1-2`, …: everything open, half at 21 % and half at 9 %. */
export async function insertOrders(
  sql: pg.Client,
  orders: { readonly first?: number; readonly count: number; readonly items: number; readonly customers: number },
): Promise<void> {
  const { first = 1, count, items, customers } = orders;
  const last = first + count - 1;
  for (let from = first; from <= last; from += BATCH) {
    const to = Math.min(from + BATCH - 1, last);
    await sql.query('BEGIN');
    await sql.query(ORDERS, [MERCHANT, from, to, items, customers]);
    await sql.query(ITEMS, [MERCHANT, from, to, items]);
    await sql.query('COMMIT');
  }
  await sql.query('VACUUM ANALYZE');
}

// Item p is 2 units at p euros: its VAT comes out even at either rate.
const NET = `(p * 200)::bigint`;
const VAT = `(p * 200 * (CASE WHEN p % 2 = 0 THEN 9 ELSE 21 END) / 100)::bigint`;

const ORDERS = `
  INSERT INTO orders (merchant_id, id, number, customer_id, currency, is_including_vat, is_vat_shifted, invoicing_policy, status,
    billing_address, subtotal, total_ex_vat, total_vat, content_hash, placed_at, created_at, updated_at)
  SELECT $1, 'o' || n, 'N' || n, 'c' || n % $5::int, 'EUR', false, false, 'ON_ORDER', 'NEW', ${ADDRESS},
    sums.net, sums.net, sums.vat, 'made by the benchmark', now(), now(), now()
  FROM generate_series($2::int, $3::int) AS n,
    (SELECT sum(${NET}) AS net, sum(${VAT}) AS vat FROM generate_series(1, $4::int) AS p) AS sums`;

const ITEMS = `
  INSERT INTO order_items (merchant_id, id, order_id, position, kind, sku, name, is_whole_number, is_virtual, unit_price,
    price_base_e4, discount, vat_category, vat_rate_e4, quantity_e4, total_ex_vat, total_vat)
  SELECT $1, 'o' || n || '-' || p, 'o' || n, p, 'PRODUCT', 'SKU-' || p, 'Artikel ' || p || ' in een doos', true, false, p * 100,
    10000, 0, 'S', CASE WHEN p % 2 = 0 THEN 90000 ELSE 210000 END, 20000, ${NET}, ${VAT}
  FROM generate_series($2::int, $3::int) AS n, generate_series(1, $4::int) AS p`;

/** The ids of the items of one of these orders. */
export function itemsOf(order: number, items: number): readonly string[] {
  return Array.from({ length: items }, (_, index) => `o${order}-${index + 1}`);
}

/** Issued invoices `i1`, `i2`, …, a minute after each other, without lines: pages of the list do not read those. */
export async function insertInvoices(sql: pg.Client, count: number, customers: number): Promise<void> {
  for (let from = 1; from <= count; from += BATCH) {
    await sql.query(INVOICES, [MERCHANT, from, Math.min(from + BATCH - 1, count), customers, count]);
  }
  await sql.query(
    `INSERT INTO payments (merchant_id, id, invoice_id, method, amount, is_refund, status, created_at)
     SELECT merchant_id, 'p' || sequence, id, 'bank', amount_paid, false, 'SUCCEEDED', updated_at
     FROM invoices WHERE state = 'PAID'`,
  );
  await sql.query('VACUUM ANALYZE');
}

const INVOICES = `
  INSERT INTO invoices (merchant_id, id, number, series, year, sequence, type, state, customer_id, currency, is_including_vat,
    is_vat_shifted, locale, issue_date, due_date, supply_date, seller, buyer, billing_address, subtotal, total_ex_vat, total_vat,
    amount_paid, paid_at_issue, request_hash, pdf_status, pdf_sha256, pdf_attempts, is_archived, created_at, updated_at)
  SELECT $1, 'i' || n, '2025-' || lpad(n::text, greatest(6, length(n::text)), '0'), 'invoice', 2025, n, 'INVOICE',
    CASE WHEN n % 20 = 0 THEN 'CANCELED' WHEN n % 3 = 0 THEN 'OPEN' ELSE 'PAID' END, 'c' || n % $4::int, 'EUR', false,
    false, 'nl-NL', issued::date, issued::date + 14, issued::date, merchants.seller,
    jsonb_build_object('name', customers.name, 'organisation', customers.organisation, 'email', customers.email,
      'vatNumber', customers.vat_number, 'registrationNumber', customers.registration_number),
    ${ADDRESS}, net, net, vat,
    CASE WHEN n % 20 = 0 OR n % 3 = 0 THEN 0 ELSE net + vat END, 0, md5(n::text), 'READY',
    encode(sha256(n::text::bytea), 'hex'), 1, n % 50 = 0, issued, issued
  FROM generate_series($2::int, $3::int) AS n
    CROSS JOIN LATERAL (SELECT timestamptz '2025-12-31' - ($5::int - n) * interval '15 seconds' AS issued,
      (1000 + n * 7919::bigint % 90000) * 100 AS net, (1000 + n * 7919::bigint % 90000) * 21 AS vat) AS made
    JOIN merchants ON merchants.merchant_id = $1
    JOIN customers ON customers.merchant_id = $1 AND customers.id = 'c' || n % $4::int`;
