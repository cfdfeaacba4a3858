// Scenarios 5, 6 and 7: the same request many times at once, baskets in opposite order, and a crowd over few items.

import assert from 'node:assert/strict';
import { BOTH_QUEUES, type Run, type Scenario } from './scenario.ts';
import type { Outcome } from './shop.ts';

export const manyCallers: readonly Scenario[] = [
  { name: 'same-request-one-id', queues: BOTH_QUEUES, play: oneId },
  { name: 'same-request-no-id', queues: BOTH_QUEUES, play: noId },
  { name: 'opposite-baskets', queues: BOTH_QUEUES, play: oppositeBaskets },
  { name: 'crowd', queues: BOTH_QUEUES, play: crowd },
];

const AT_ONCE = 50;

/** Two servers, with pools and queues of their own. */
export async function twoServers({ stage }: Run): Promise<readonly [string, string]> {
  return Promise.all([stage.server(), stage.server('second server')]);
}

async function askedAtOnce(run: Run, itemIds: readonly string[], invoiceId: string | null) {
  const servers = await twoServers(run);
  return Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) =>
      run.shop.issue(run.random.shuffled(itemIds), { invoiceId, address: servers[index % 2] ?? servers[0] }),
    ),
  );
}

async function oneId(run: Run): Promise<void> {
  const { itemIds } = await run.shop.placeOrder({ rows: 3 });
  const outcomes = await askedAtOnce(run, itemIds, 'the-one');
  assert.ok(
    outcomes.every(({ kind }) => kind === 'issued'),
    JSON.stringify(outcomes.find(isNotIssued)),
  );
  assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size, 1, 'all got the same invoice');
  // The same id over something else is another request.
  const other = await run.shop.placeOrder();
  const refused = await run.shop.issue(other.itemIds, { invoiceId: 'the-one' });
  assert.deepEqual(refused, { kind: 'refused', code: 'CONFLICT', blockers: [] });
}

async function noId(run: Run): Promise<void> {
  const { itemIds } = await run.shop.placeOrder({ rows: 3 });
  const outcomes = await askedAtOnce(run, itemIds, null);
  assert.equal(outcomes.filter(({ kind }) => kind === 'issued').length, 1, 'one of them wins');
  assertOnlyRefusedAsInvoiced(outcomes);
}

function isNotIssued({ kind }: Outcome): boolean {
  return kind !== 'issued';
}

/** Whoever did not get an invoice was told that somebody else did. */
function assertOnlyRefusedAsInvoiced(outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes.filter(isNotIssued)) {
    assert.ok(
      outcome.kind === 'refused' &&
        outcome.code === 'NOT_INVOICEABLE' &&
        outcome.blockers.every((code) => code === 'ALREADY_INVOICED'),
      `a caller heard ${JSON.stringify(outcome)}`,
    );
  }
}

const ROUNDS_AT_ONCE = 8;

async function oppositeBaskets(run: Run): Promise<void> {
  const servers = await twoServers(run);
  const rounds = run.isShort ? 40 : 500;
  for (let round = 0; round < rounds; round += ROUNDS_AT_ONCE) {
    const outcomes = await Promise.all(Array.from({ length: ROUNDS_AT_ONCE }, () => meet(run, servers)));
    assertOnlyRefusedAsInvoiced(outcomes.flat());
  }
}

/** Two baskets over the same two orders, each in the other's order, and each with something that only it has. */
async function meet({ shop }: Run, [here, there]: readonly [string, string]): Promise<readonly Outcome[]> {
  const [one, other] = await shop.placeOrders(2, { rows: 2 });
  const [a = '', b = ''] = one?.itemIds ?? [];
  const [c = '', d = ''] = other?.itemIds ?? [];
  const outcomes = await Promise.all([
    shop.issue([a, c, b], { address: here }),
    shop.issue([d, c, a], { address: there }),
  ]);
  assert.equal(outcomes.filter(({ kind }) => kind === 'issued').length, 1, 'one of the two wins');
  return outcomes;
}

async function crowd(run: Run): Promise<void> {
  const { shop, random, isShort } = run;
  const servers = await twoServers(run);
  const [callers, items] = isShort ? [200, 60] : [1_000, 300];
  const orders = await shop.placeOrders(items / 10, { rows: 10 });
  const itemIds = orders.flatMap((order) => order.itemIds);
  const baskets = Array.from({ length: callers }, () => [
    ...new Set(Array.from({ length: 1 + random.below(4) }, () => random.pick(itemIds))),
  ]);
  const outcomes = await Promise.all(baskets.map((basket) => shop.issue(basket, { address: random.pick(servers) })));
  assert.ok(outcomes.some(({ kind }) => kind === 'issued'));
  assertOnlyRefusedAsInvoiced(outcomes);
}
