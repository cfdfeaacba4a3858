// Measure "wait": how long after the answer of invoiceItems its pdf_url is there, for a client that asks without a pause.

import { setTimeout as pause } from 'node:timers/promises';
import { graphql, openDoor, type Door } from './load.ts';
import type { Options } from './options.ts';
import { number, type Found, type Row } from './report.ts';
import { percentile } from './rounds.ts';
import { insertCustomers, insertOrders, itemsOf } from './rows.ts';
import { startProduct, type Stage } from './stage.ts';

const ITEMS = 10;
const CUSTOMERS = 100;
const CONNECTIONS = 32;
const WARM_UP = 10;
const A_SECOND = 20;
const LONGEST_MS = 60_000;

const INVOICE_ITEMS = `mutation InvoiceItems($input: InvoiceItemsInput!) { invoiceItems(input: $input) { invoice { id } } }`;
const PDF_URL = `query PdfUrl($id: String!) { invoice(id: $id) { pdf_url } }`;

export async function measureWait(stage: Stage, options: Options): Promise<Found> {
  const rows = await measureSetup(stage, options, 'queue in PostgreSQL', {});
  if (stage.redisUrl === null) {
    return {
      rows,
      notes: ['Left out: the wait for a PDF with the queue in Redis; there is no REDIS_URL and no redis-server.'],
    };
  }
  return {
    rows: [...rows, ...(await measureSetup(stage, options, 'queue in Redis', { REDIS_URL: stage.redisUrl }))],
    notes: [],
  };
}

async function measureSetup(
  stage: Stage,
  options: Options,
  setup: string,
  environment: Readonly<Record<string, string>>,
): Promise<readonly Row[]> {
  const alone = options.isQuick ? 25 : 200;
  const loaded = A_SECOND * (options.isQuick ? 5 : 20);
  const shop = await stage.openShop();
  try {
    await insertCustomers(shop.sql, CUSTOMERS);
    await insertOrders(shop.sql, { count: WARM_UP + alone + loaded, items: ITEMS, customers: CUSTOMERS });
    const server = await startProduct(shop, 'server.js', environment);
    const worker = await startProduct(shop, 'worker.js', environment);
    const door = openDoor({ address: server.address, path: '/graphql', apiKey: shop.apiKey }, CONNECTIONS);
    try {
      let order = 0;
      const next = () => waitOnce(door, (order += 1));
      for (let index = 0; index < WARM_UP; index += 1) await next();
      const idle: number[] = [];
      for (let index = 0; index < alone; index += 1) idle.push(await next());
      const busy = await atRate(loaded, next);
      const measure = `from the answer of invoiceItems to its pdf_url, ${setup}`;
      const row = { billhead: '', other: '', ratio: null };
      return [
        { ...row, measure: `${measure}, one at a time`, billhead: times(idle), goal: 'median < 50 ms' },
        { ...row, measure: `the same, ${A_SECOND} a second`, billhead: times(busy), goal: '' },
      ];
    } finally {
      await door.close();
      await Promise.all([server.stop(), worker.stop()]);
    }
  } finally {
    await shop.close();
  }
}

/** Issues an invoice and returns how long its PDF took from then on, in ms. */
async function waitOnce(door: Door, order: number): Promise<number> {
  const id = `waited-${order}`;
  await door.ask(graphql(INVOICE_ITEMS, { input: { items: itemsOf(order, ITEMS), invoice_id: id } }));
  const answered = performance.now();
  const body = graphql(PDF_URL, { id });
  while (!(await door.ask(body)).includes('"pdf_url":"')) {
    if (performance.now() - answered > LONGEST_MS) throw new Error(`Invoice ${id} has no PDF after ${LONGEST_MS} ms.`);
  }
  return performance.now() - answered;
}

/** Begins so many at an even rate, whether the ones before have ended or not. */
async function atRate(count: number, one: () => Promise<number>): Promise<readonly number[]> {
  const begun: Promise<number>[] = [];
  const began = performance.now();
  for (let index = 0; index < count; index += 1) {
    await pause(Math.max(0, began + (index * 1000) / A_SECOND - performance.now()));
    const waited = one();
    // Looked at below, all together.
    waited.catch(() => {});
    begun.push(waited);
  }
  return Promise.all(begun);
}

function times(values: readonly number[]): string {
  return `median ${number(percentile(values, 50))} ms, 99 of 100 within ${number(percentile(values, 99))} ms`;
}
