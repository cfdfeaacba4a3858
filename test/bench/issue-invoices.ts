// Measure "issue": invoices of 10 items a second, against the same writes by hand, one transaction an invoice.
//
// One merchant, so one series of numbers: every invoice waits for the counter row of the one before it.

import { askAll, graphql, openDoor, type Turn } from './load.ts';
import type { Options } from './options.ts';
import { number, type Found, type Row } from './report.ts';
import { inTurns, median, ratioOf } from './rounds.ts';
import { insertCustomers, insertOrders, itemsOf } from './rows.ts';
import { MERCHANT, startPeer, startProduct, type Running, type Shop, type Stage } from './stage.ts';

const ITEMS = 10;
const CUSTOMERS = 100;
/** Each side does so many before anything counts, which also tells how many orders its turns will need. */
const WARM_UP = 120;
const MOST_A_TURN = 8_000;
const GOALS = new Map([
  [1, '≥ 0.5'],
  [32, '≥ 3'],
  [128, '≥ 3'],
]);

const INVOICE_ITEMS = `mutation InvoiceItems($input: InvoiceItemsInput!) {
  invoiceItems(input: $input) { invoice { id number total } }
}`;

export async function measureIssue(stage: Stage, options: Options): Promise<Found> {
  const shop = await stage.openShop();
  try {
    await insertCustomers(shop.sql, CUSTOMERS);
    const server = await startProduct(shop, 'server.js');
    const floor = await startPeer('floor-server.ts', { DATABASE_URL: shop.databaseUrl, MERCHANT });
    try {
      const rows = await compare(options, shop, server, floor);
      await checkNumbers(shop);
      return { rows, notes: [] };
    } finally {
      await Promise.all([server.stop(), floor.stop()]);
    }
  } finally {
    await shop.close();
  }
}

async function compare(options: Options, shop: Shop, server: Running, floor: Running): Promise<readonly Row[]> {
  let issued = 0;
  let there = 0;
  const takeIn = async (count: number) => {
    await insertOrders(shop.sql, { first: there + 1, count, items: ITEMS, customers: CUSTOMERS });
    there += count;
  };
  const take = (count: number) => Array.from({ length: count }, () => itemsOf((issued += 1), ITEMS));
  const most = Math.max(...options.concurrency);
  const product = openDoor({ address: server.address, path: '/graphql', apiKey: shop.apiKey }, most);
  const bare = openDoor({ address: floor.address, path: '/issue', apiKey: null }, most);
  const inside = openDoor({ address: floor.address, path: '/issue-all', apiKey: null }, 1);
  const sides = (turn: Turn, count: number) => ({
    product: () =>
      askAll(
        product,
        take(count).map((items) => graphql(INVOICE_ITEMS, { input: { items } })),
        turn,
      ),
    floor: () =>
      askAll(
        bare,
        take(count).map((items) => JSON.stringify({ items })),
        turn,
      ),
    inside: async () => {
      const calls = take(count).map((items) => ({ items }));
      const answer = await inside.ask(JSON.stringify({ calls, turn }));
      return (JSON.parse(answer) as { readonly perSecond: number }).perSecond;
    },
  });
  const rows: Row[] = [];
  const longestMs = options.isQuick ? 1_000 : 2_500;
  for (const concurrency of options.concurrency) {
    const turn = { concurrency, longestMs };
    await takeIn(WARM_UP * 3);
    const warmUp = await inTurns(1, sides(turn, WARM_UP));
    const fastest = Math.max(...Object.values(warmUp).flat());
    const count = Math.min(MOST_A_TURN, Math.max(WARM_UP, Math.ceil((fastest * longestMs * 2) / 1000)));
    await takeIn(count * options.rounds * 3);
    const found = await inTurns(options.rounds, sides(turn, count));
    const measure = `invoiceItems of ${ITEMS} items, ${concurrency} at once`;
    const billhead = `${number(median(found.product))}/s`;
    const other = `the same writes with pg behind a bare HTTP server: ${number(median(found.floor))}/s`;
    const goal = GOALS.get(concurrency) ?? '';
    rows.push({ measure, billhead, other, ratio: ratioOf(found.product, found.floor), goal });
    const without = `the same without a request around it: ${number(median(found.inside))}/s`;
    rows.push({ measure: '', billhead: '', other: without, ratio: ratioOf(found.product, found.inside), goal: '' });
  }
  await Promise.all([product.close(), bare.close(), inside.close()]);
  return rows;
}

/** Both sides took their numbers from one counter: they must be without a gap. */
async function checkNumbers(shop: Shop): Promise<void> {
  const { rows } = await shop.sql.query<{ is_gapless: boolean }>(
    `SELECT count(*) = max(sequence) AND min(sequence) = 1
       AND max(sequence) = (SELECT last_number FROM number_series) AS is_gapless FROM invoices`,
  );
  if (rows[0]?.is_gapless !== true) throw new Error('The numbers have a gap.');
}
