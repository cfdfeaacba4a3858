// Scenarios 4 and 5 with an Idempotency-Key: an answer that was lost, and the same request many times at once.

import assert from 'node:assert/strict';
import { createDatabaseLine } from './database-line.ts';
import { twoServers } from './callers.ts';
import { BOTH_QUEUES, type Run, type Scenario } from './scenario.ts';
import { untilKnown, type HttpAnswer } from './shop.ts';
import { INVOICE_ITEMS } from '../setup/orders.ts';

export const retriesWithKey: readonly Scenario[] = [
  { name: 'retry-with-key', queues: BOTH_QUEUES, play: retryWithKey },
];

const AT_ONCE = 50;

async function retryWithKey(run: Run): Promise<void> {
  await lostAnswer(run);
  await manyAtOnce(run);
}

/** The transaction committed and the client was told of a failure: the retry gets the answer that was lost. */
async function lostAnswer(run: Run): Promise<void> {
  const { stage, shop } = run;
  const line = await createDatabaseLine(stage.postgres.url);
  const { address } = await stage.start('server.ts', { env: { DATABASE_URL: line.url } });
  for (let index = 0; index < 4; index += 1) {
    const { id, itemIds } = await shop.placeOrder();
    const call = { address, headers: { 'idempotency-key': `"lost-${id}"` } };
    line.loseAnswersOfCommit(1);
    assert.equal((await shop.issue(itemIds, call)).kind, 'unknown');
    line.loseAnswersOfCommit(0);
    const again = await untilKnown(() => shop.issue(itemIds, call));
    assert.equal(again.kind, 'issued', 'the retry with the same key gets the answer that was lost');
    const replayed = await shop.post(INVOICE_ITEMS, { input: { items: itemIds } }, call);
    assert.equal(replayed.headers['idempotent-replayed'], 'true');
    const other = await shop.placeOrder();
    const refused = await shop.post(INVOICE_ITEMS, { input: { items: other.itemIds } }, call);
    assert.ok(refused.status >= 400 || refused.body.errors, 'another input under the same key is refused');
    const left = await stage.postgres.query(
      'SELECT FROM invoice_lines WHERE merchant_id = $1 AND order_item_id = ANY($2)',
      [shop.merchantId, other.itemIds],
    );
    assert.equal(left.length, 0);
  }
}

/** One does it; the others hear that it is in flight, or get the answer of the first one. */
async function manyAtOnce(run: Run): Promise<void> {
  const { shop } = run;
  const servers = await twoServers(run);
  const { itemIds } = await shop.placeOrder({ rows: 3 });
  const headers = { 'idempotency-key': '"many-at-once"' };
  const calls = Array.from({ length: AT_ONCE }, (_, index) => ({ address: servers[index % 2] ?? servers[0], headers }));
  const first = await Promise.all(calls.map((call) => shop.post(INVOICE_ITEMS, { input: { items: itemIds } }, call)));
  const done = first.filter(({ status }) => status !== 409);
  assert.ok(done.length > 0, 'somebody got an answer');
  assert.equal(done.filter((answer) => !isReplay(answer)).length, 1, 'one of them did it');
  const outcomes = await Promise.all(calls.map((call) => untilKnown(() => shop.issue(itemIds, call))));
  assert.equal(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size, 1, 'all got the same invoice');
}

function isReplay({ headers }: HttpAnswer): boolean {
  return headers['idempotent-replayed'] === 'true';
}
