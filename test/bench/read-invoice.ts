// Measure "read": one invoice with its lines, VAT, orders and money, against one statement behind a bare HTTP server.

import { isDeepStrictEqual } from 'node:util';
import { askAll, graphql, openDoor, type Door } from './load.ts';
import type { Options } from './options.ts';
import { number, type Found } from './report.ts';
import { inTurns, median, ratioOf } from './rounds.ts';
import { insertCustomers, insertOrders, itemsOf } from './rows.ts';
import { MERCHANT, startPeer, startProduct, type Shop, type Stage } from './stage.ts';

const ITEMS = 10;
const CUSTOMERS = 100;
const AT_ONCE = 16;
/** More than any side answers in a turn. */
const MOST_A_TURN = 50_000;

const INVOICE = `query Invoice($id: String!) {
  invoice(id: $id) {
    id number type state due_date currency total_ex_vat total_vat total
    orders { id number }
    lines {
      id order_item_id sku name quantity unit_price discount vat_rate total_ex_vat total_vat total
    }
    vat { category rate total_ex_vat amount reason }
    reimbursement { status amount_due amount_paid amount_refunded payments { method amount status } }
  }
}`;

export async function measureRead(stage: Stage, options: Options): Promise<Found> {
  const shop = await stage.openShop();
  try {
    const server = await startProduct(shop, 'server.js');
    const floor = await startPeer('floor-server.ts', { DATABASE_URL: shop.databaseUrl, MERCHANT });
    const product = openDoor({ address: server.address, path: '/graphql', apiKey: shop.apiKey }, AT_ONCE);
    const bare = openDoor({ address: floor.address, path: '/read', apiKey: null }, AT_ONCE);
    try {
      const ids = await issueSome(shop, product, options.isQuick ? 200 : 1_000);
      await compareAnswers(product, bare, ids);
      const turn = { concurrency: AT_ONCE, longestMs: options.isQuick ? 2_000 : 5_000 };
      const asked = some(ids, MOST_A_TURN);
      const sides = {
        product: () =>
          askAll(
            product,
            asked.map((id) => graphql(INVOICE, { id })),
            turn,
          ),
        floor: () =>
          askAll(
            bare,
            asked.map((id) => JSON.stringify({ id })),
            turn,
          ),
      };
      await inTurns(1, sides);
      const found = await inTurns(options.rounds, sides);
      const row = {
        measure: `invoice(id) with ${ITEMS} lines, VAT, orders and reimbursement, ${AT_ONCE} at once`,
        billhead: `${number(median(found.product))}/s`,
        other: `one JSON-aggregating statement with pg behind a bare HTTP server: ${number(median(found.floor))}/s`,
        ratio: ratioOf(found.product, found.floor),
        goal: '≥ 0.5',
      };
      return { rows: [row], notes: [] };
    } finally {
      await Promise.all([product.close(), bare.close()]);
      await Promise.all([server.stop(), floor.stop()]);
    }
  } finally {
    await shop.close();
  }
}

/** Issued by the product itself; a third of them have a payment. */
async function issueSome(shop: Shop, product: Door, count: number): Promise<readonly string[]> {
  await insertCustomers(shop.sql, CUSTOMERS);
  await insertOrders(shop.sql, { count, items: ITEMS, customers: CUSTOMERS });
  const ids = Array.from({ length: count }, (_, index) => `invoice-${index + 1}`);
  const issue = `mutation($input: InvoiceItemsInput!) { invoiceItems(input: $input) { invoice { id } } }`;
  const issuing = ids.map((id, index) =>
    graphql(issue, { input: { items: itemsOf(index + 1, ITEMS), invoice_id: id } }),
  );
  await askAll(product, issuing, { concurrency: AT_ONCE });
  const pay = `mutation($input: RegisterPaymentInput!) { registerPayment(input: $input) { invoice { id } } }`;
  const paid = ids.filter((_, index) => index % 3 === 0);
  const paying = paid.map((id) => graphql(pay, { input: { invoice_id: id, amount: 1000, method: 'bank' } }));
  await askAll(product, paying, { concurrency: AT_ONCE });
  await shop.sql.query('VACUUM ANALYZE');
  return ids;
}

/** A side that answers less would be the faster one. */
async function compareAnswers(product: Door, bare: Door, ids: readonly string[]): Promise<void> {
  for (const id of ids.slice(0, 10)) {
    const one: unknown = JSON.parse(await product.ask(graphql(INVOICE, { id })));
    const other: unknown = JSON.parse(await bare.ask(JSON.stringify({ id })));
    if (isDeepStrictEqual(one, other)) continue;
    throw new Error(`The answers differ:\n${JSON.stringify(one)}\n${JSON.stringify(other)}`);
  }
}

function some(ids: readonly string[], count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => ids[(index * 7919) % ids.length] ?? '');
}
