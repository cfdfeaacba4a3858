// Many callers at once: no item twice, no gap in the numbers, no other error than a refusal with its blockers.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type Answer, type TestProduct } from '../setup/product.ts';
import { statementsOf } from '../setup/statements.ts';

let billhead: TestProduct;
let database: pg.Client;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

const ORDERS = 30;
const ITEMS_PER_ORDER = 10;
const CALLERS = 500;

/** A repeatable row of numbers below `limit` (a linear congruential generator): a failure can be played again. */
function* numbersBelow(limit: number, seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    yield Math.floor((state / 2 ** 32) * limit);
  }
}

test('500 callers at two servers over overlapping items: each item once, numbers without a gap, every refusal NOT_INVOICEABLE', async () => {
  const itemIds: string[] = [];
  for (let index = 0; index < ORDERS; index += 1) {
    const items = Array.from({ length: ITEMS_PER_ORDER }, (_, row) =>
      item({ id: `o${index}-${row}`, unit_price: 333 }),
    );
    itemIds.push(...items.map(({ id }) => id ?? ''));
    await billhead.ask(PLACE_ORDER, { input: order(`o${index}`, { items }) });
  }
  const numbers = numbersBelow(itemIds.length, 42);
  const baskets = Array.from({ length: CALLERS }, () => [
    ...new Set(Array.from({ length: 3 }, () => itemIds[numbers.next().value] ?? '')),
  ]);
  const second = await billhead.addServer();
  const addresses = [billhead.address, second.address];
  const answers = await Promise.all(
    baskets.map((items, index) =>
      billhead.graphql(INVOICE_ITEMS, { input: { items } }, billhead.apiKey, addresses[index % 2]),
    ),
  );
  await second.close();

  const succeeded = answers.filter(({ errors }) => errors === undefined);
  expect(succeeded.length).toBeGreaterThan(0);
  expect(succeeded.length).toBeLessThan(CALLERS);
  for (const { errors } of answers) {
    for (const { extensions } of errors ?? []) {
      expect(extensions.code).toBe('NOT_INVOICEABLE');
      expect(extensions.blockers?.map(({ code }) => code)).toContain('ALREADY_INVOICED');
    }
  }
  await expectEachItemOnce(succeeded);
  await expectNoGap(succeeded.length);
});

async function expectEachItemOnce(succeeded: readonly Answer[]): Promise<void> {
  const answered: string[] = succeeded.flatMap(({ data }) =>
    data.invoiceItems.invoice.lines.map((line: { order_item_id: string }) => line.order_item_id),
  );
  expect(new Set(answered).size).toBe(answered.length);
  const { rows } = await database.query<{ order_item_id: string }>('SELECT order_item_id FROM invoice_lines');
  expect(rows.map((row) => row.order_item_id).sort()).toEqual(answered.sort());
  const { rows: broken } = await database.query(`
    SELECT i.id FROM order_items i
    LEFT JOIN invoice_lines l ON l.merchant_id = i.merchant_id AND l.order_item_id = i.id
    GROUP BY i.merchant_id, i.id
    HAVING i.quantity_invoiced_e4 <> coalesce(sum(l.quantity_e4), 0)
      OR i.invoiced_ex_vat <> coalesce(sum(l.total_ex_vat), 0) OR i.invoiced_vat <> coalesce(sum(l.total_vat), 0)`);
  expect(broken).toEqual([]);
}

async function expectNoGap(count: number): Promise<void> {
  const { rows } = await database.query<{ sequence: string }>('SELECT sequence FROM invoices ORDER BY sequence');
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: count }, (_, index) => index + 1));
}

test('two baskets that share items in opposite order never meet in a deadlock that a caller sees', async () => {
  for (let round = 0; round < 25; round += 1) {
    const ids = ['x', 'y'].map((side) => `${side}${round}`);
    for (const id of ids) await billhead.ask(PLACE_ORDER, { input: order(id) });
    const items = ids.map((id) => `${id}-1`);
    const answers = await Promise.all(
      [items, items.toReversed()].map((basket) => billhead.graphql(INVOICE_ITEMS, { input: { items: basket } })),
    );
    expect(answers.map(({ errors }) => errors?.[0]?.extensions.code ?? 'issued').sort()).toEqual([
      'NOT_INVOICEABLE',
      'issued',
    ]);
  }
});

test('calls that come at once share a few transactions, and each gets its own invoice or its own refusal', async () => {
  const CALLS = 60;
  const ids = Array.from({ length: CALLS }, (_, index) => `together-${index}`);
  for (const id of ids) await billhead.ask(PLACE_ORDER, { input: order(id) });
  // Every third call asks for an item of the one before it, every tenth for one that is nowhere.
  const wanted = ids.map((id, index) => {
    if (index % 10 === 9) return 'nowhere';
    return index % 3 === 2 ? `${ids[index - 1]}-1` : `${id}-1`;
  });
  let answers: readonly Answer[] = [];
  const statements = await statementsOf(async () => {
    answers = await Promise.all(
      wanted.map((itemId, index) =>
        billhead.graphql(INVOICE_ITEMS, { input: { items: [itemId], invoice_id: `of-${index}` } }),
      ),
    );
  });
  expect(statements.filter(({ text }) => /^BEGIN/i.test(text)).length).toBeLessThan(CALLS / 3);
  const numbers = new Set<string>();
  for (const [index, { data, errors }] of answers.entries()) {
    const isRefused =
      index % 10 === 9 || wanted.indexOf(wanted[index] ?? '') !== wanted.lastIndexOf(wanted[index] ?? '');
    if (!isRefused) expect(errors).toBeUndefined();
    if (errors) {
      expect(errors).toMatchObject([
        { extensions: { code: 'NOT_INVOICEABLE', blockers: [{ item_id: wanted[index] }] } },
      ]);
    } else {
      const { invoice } = data.invoiceItems;
      expect(invoice).toMatchObject({ id: `of-${index}`, lines: [{ order_item_id: wanted[index] }] });
      numbers.add(invoice.number);
    }
  }
  // One of each pair that asked for the same item.
  const distinct = new Set(wanted.filter((itemId) => itemId !== 'nowhere'));
  expect(numbers.size).toBe(distinct.size);
});
