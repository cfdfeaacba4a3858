// Scenario 4: PostgreSQL is restarted in order and at once, connections are ended and cut, and a commit's answer is lost.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { createDatabaseLine, type DatabaseLine } from './database-line.ts';
import { issueAll, repeatUntilIssued, untilIssued } from './load.ts';
import { BOTH_QUEUES, type Run, type Scenario } from './scenario.ts';
import { untilKnown } from './shop.ts';

export const postgresFaults: readonly Scenario[] = [
  { name: 'postgres-restarted-fast', queues: BOTH_QUEUES, play: (run) => restarted(run, 'fast') },
  { name: 'postgres-restarted-at-once', queues: BOTH_QUEUES, play: (run) => restarted(run, 'immediate') },
  { name: 'postgres-connections-ended', queues: BOTH_QUEUES, play: connectionsEnded },
  { name: 'postgres-connections-cut', queues: BOTH_QUEUES, play: connectionsCut },
  { name: 'postgres-commit-answer-lost', queues: BOTH_QUEUES, play: commitAnswerLost },
];

async function restarted({ stage, shop, random, isShort }: Run, mode: 'fast' | 'immediate'): Promise<void> {
  const orders = await shop.placeOrders(isShort ? 20 : 100, { rows: 3 });
  const asked = issueAll(
    shop,
    orders.map((order, index) => (index % 8 === 0 ? { ...order, capture: 'NO_CAPTURE', mail: true } : order)),
  );
  const enough = random.below(orders.length - 10);
  await untilIssued(stage, shop, enough);
  await stage.postgres.restart(mode);
  await asked;
  await repeatUntilIssued(
    shop,
    orders.map((order, index) => (index % 8 === 0 ? { ...order, capture: 'NO_CAPTURE', mail: true } : order)),
  );
}

async function connectionsEnded({ stage, shop, random, isShort }: Run): Promise<void> {
  const orders = await shop.placeOrders(isShort ? 20 : 100, { rows: 3 });
  const over = new AbortController();
  const asked = issueAll(shop, orders).finally(() => over.abort());
  for (let time = 0; time < (isShort ? 5 : 25) && !over.signal.aborted; time += 1) {
    await stage.postgres.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name LIKE 'billhead%' AND random() < $1`,
      [(1 + random.below(5)) / 10],
    );
    await pause(20 + random.below(60));
  }
  await asked;
  await repeatUntilIssued(shop, orders);
}

/** A server of its own behind the line, which stays for later runs on this stage. */
const lines = new WeakMap<Run['stage'], DatabaseLine>();

async function behindLine({ stage }: Run): Promise<{ line: DatabaseLine; address: string }> {
  const line = lines.get(stage) ?? (await createDatabaseLine(stage.postgres.url));
  lines.set(stage, line);
  const address = await stage.server('server behind a line', { env: { DATABASE_URL: line.url } });
  return { line, address };
}

async function connectionsCut(run: Run): Promise<void> {
  const { shop, random, isShort } = run;
  const { line, address } = await behindLine(run);
  const orders = await shop.placeOrders(isShort ? 20 : 100, { rows: 3 });
  const over = new AbortController();
  const asked = issueAll(shop.at(address), orders).finally(() => over.abort());
  for (let time = 0; time < (isShort ? 5 : 25) && !over.signal.aborted; time += 1) {
    await pause(20 + random.below(80));
    line.cut();
  }
  await asked;
  await repeatUntilIssued(shop.at(address), orders);
}

async function commitAnswerLost(run: Run): Promise<void> {
  const { shop, isShort } = run;
  const { line, address } = await behindLine(run);
  const orders = await shop.placeOrders(isShort ? 8 : 24);
  const lostBefore = line.lost;
  for (const [index, { id, itemIds }] of orders.entries()) {
    line.loseAnswersOfCommit(1);
    // Every other one is repeated under an id of its own; without one the repetition must say that it is done already.
    const invoiceId = index % 2 === 0 ? `${id}-invoice` : null;
    const first = await shop.issue(itemIds, { invoiceId, address });
    assert.equal(first.kind, 'unknown', 'nobody can say what became of it');
    line.loseAnswersOfCommit(0);
    const again = await untilKnown(() => shop.issue(itemIds, { invoiceId, address }));
    assert.equal(again.kind, invoiceId === null ? 'refused' : 'issued');
    if (again.kind === 'refused') assert.deepEqual(again.blockers, ['ALREADY_INVOICED']);
  }
  assert.equal(line.lost - lostBefore, orders.length, 'each of them lost an answer of COMMIT');
}
