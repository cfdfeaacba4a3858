// Measure "month": a month's end. Everything is issued at once, the PDFs follow; then the books are checked.

import { setTimeout as pause } from 'node:timers/promises';
import { askAll, graphql, openDoor } from './load.ts';
import { memoryText, watchMemory } from './memory.ts';
import type { Options } from './options.ts';
import { number, type Found } from './report.ts';
import { insertCustomers, insertOrders, itemsOf } from './rows.ts';
import { startProduct, type Running, type Shop, type Stage } from './stage.ts';

const ITEMS = 3;
const CUSTOMERS = 1_000;
const AT_ONCE = 32;
const LOOK_EVERY_MS = 500;
/** Longer than that without a new PDF, and something is wrong. */
const STANDSTILL_MS = 120_000;

const INVOICE_ITEMS = `mutation InvoiceItems($input: InvoiceItemsInput!) { invoiceItems(input: $input) { invoice { id } } }`;

export async function measureMonth(stage: Stage, options: Options): Promise<Found> {
  const shop = await stage.openShop();
  try {
    await insertCustomers(shop.sql, CUSTOMERS);
    await insertOrders(shop.sql, { count: options.invoices, items: ITEMS, customers: CUSTOMERS });
    const server = await startProduct(shop, 'server.js');
    const worker = await startProduct(shop, 'worker.js');
    try {
      return await issueAndRender(shop, server, worker, options.invoices);
    } finally {
      await Promise.all([server.stop(), worker.stop()]);
    }
  } finally {
    await shop.close();
  }
}

async function issueAndRender(shop: Shop, server: Running, worker: Running, count: number): Promise<Found> {
  const watch = watchMemory({ server: server.pid, worker: worker.pid });
  const door = openDoor({ address: server.address, path: '/graphql', apiKey: shop.apiKey }, AT_ONCE);
  const bodies = Array.from({ length: count }, (_, index) =>
    graphql(INVOICE_ITEMS, { input: { items: itemsOf(index + 1, ITEMS) } }),
  );
  const began = performance.now();
  const issued = await askAll(door, bodies, { concurrency: AT_ONCE });
  await door.close();
  await everythingRendered(shop, count);
  const rendered = (count / (performance.now() - began)) * 1000;
  const memory = await watch.end();
  await checkBooks(shop, count);
  const rows = [
    {
      measure: `${count.toLocaleString('en-US')} invoices of ${ITEMS} items, issued ${AT_ONCE} at once while the worker renders`,
      billhead: `issued ${number(issued)}/s, issued and rendered ${number(rendered)}/s`,
      other: '',
      ratio: null,
      goal: '',
    },
    {
      measure: 'its memory',
      billhead: `server ${memoryText(memory, 'server')}; worker ${memoryText(memory, 'worker')}`,
      other: '',
      ratio: null,
      goal: 'memory flat',
    },
    {
      measure: 'its books',
      billhead: 'every PDF rendered once, numbers without a gap, every cent of the orders on the invoices',
      other: '',
      ratio: null,
      goal: 'no job twice, conservation',
    },
  ];
  return { rows, notes: [] };
}

async function everythingRendered(shop: Shop, count: number): Promise<void> {
  let ready = -1;
  for (let changedAt = performance.now(); ready < count; await pause(LOOK_EVERY_MS)) {
    const { rows } = await shop.sql.query<{ ready: number }>(
      `SELECT $1::int - count(*)::int AS ready FROM invoices WHERE pdf_status = 'PENDING'`,
      [count],
    );
    const now = rows[0]?.ready ?? 0;
    if (now !== ready) changedAt = performance.now();
    if (performance.now() - changedAt > STANDSTILL_MS) throw new Error(`The worker stands still after ${ready} PDFs.`);
    ready = now;
  }
}

/** Throws what is wrong, all of it. */
async function checkBooks(shop: Shop, count: number): Promise<void> {
  const { rows } = await shop.sql.query<Record<string, boolean>>(BOOKS, [count]);
  const wrong = Object.entries(rows[0] ?? {}).filter(([, isRight]) => !isRight);
  if (rows.length === 0 || wrong.length > 0) throw new Error(`Wrong: ${wrong.map(([name]) => name).join(', ')}.`);
}

const BOOKS = `
  WITH billed AS (
    SELECT order_item_id, sum(quantity_e4) AS quantity, sum(total_ex_vat) AS net, sum(total_vat) AS vat
    FROM invoice_lines GROUP BY order_item_id
  ), documents AS (
    SELECT invoice_id, sum(total_ex_vat) AS net, sum(total_vat) AS vat FROM invoice_lines GROUP BY invoice_id
  )
  SELECT (SELECT count(*) = $1 FROM invoices) AS "every order has its invoice",
    (SELECT bool_and(pdf_status = 'READY' AND pdf_attempts = 1) FROM invoices) AS "every PDF is there after one attempt",
    (SELECT count(*) = max(sequence) AND min(sequence) = 1 AND max(sequence) = (SELECT last_number FROM number_series)
      FROM invoices) AS "the numbers have no gap",
    (SELECT bool_and((quantity, billed.net, billed.vat) IS NOT DISTINCT FROM
        (quantity_e4::numeric, total_ex_vat::numeric, total_vat::numeric)
        AND (quantity_invoiced_e4, invoiced_ex_vat, invoiced_vat) = (quantity_e4, total_ex_vat, total_vat))
      FROM order_items LEFT JOIN billed ON order_item_id = id) AS "every cent of the items is invoiced, once",
    (SELECT bool_and((documents.net, documents.vat) IS NOT DISTINCT FROM (total_ex_vat::numeric, total_vat::numeric))
      FROM invoices LEFT JOIN documents ON invoice_id = id) AS "every invoice is the sum of its lines"`;
