// Scenario 8: workers that lose their jobs while they live, frozen or with a blocked event loop; two on one job; two sweeps.

import assert from 'node:assert/strict';
import type pg from 'pg';
import type { RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { issueAll } from './load.ts';
import { BOTH_QUEUES, type Run, type Scenario } from './scenario.ts';

export const twoWorkers: readonly Scenario[] = [
  { name: 'lock-outlived', queues: BOTH_QUEUES, play: lockOutlived },
  { name: 'two-workers-one-job', queues: BOTH_QUEUES, play: oneJobTwice },
  { name: 'two-sweeps-at-once', queues: BOTH_QUEUES, play: sweepsAtOnce },
];

/** The lock lasts 12 s, and who looks for stalled jobs does so every 5 s. */
const BLOCKED_FOR_MS = 20_000;

async function lockOutlived(run: Run): Promise<void> {
  const { stage, shop } = run;
  await stage.withoutWorker();
  const [frozenOrder, blockedOrder] = await shop.placeOrders(2, { rows: 3 });
  if (!frozenOrder || !blockedOrder) throw new RangeError('Two were placed.');

  const { process: frozen } = await stage.start('worker.ts');
  const firstLock = await issuedUnderLock(run, frozenOrder, frozen);
  frozen.child.kill('SIGSTOP');
  const env = { BLOCKED_FOR_MS: String(BLOCKED_FOR_MS) };
  const { process: blocked } = await stage.start('worker.ts', { preload: ['./preload-blocked-loop.mjs'], env });
  const secondLock = await issuedUnderLock(run, blockedOrder, blocked);
  blocked.child.kill('SIGUSR2');
  await blocked.waitFor('loop.blocked');
  await firstLock.end();
  await secondLock.end();

  const { process: third } = await stage.start('worker.ts');
  // Another worker does the work of both.
  await eventually(async () => (await countReady(run)) === 2, { timeoutMs: 45_000 });
  frozen.child.kill('SIGCONT');
  await blocked.waitFor('loop.free_again');
  // Both go on where they were, and the third is still there for what comes next.
  await shop.issue((await shop.placeOrder()).itemIds, { invoiceId: 'after' });
  await eventually(async () => (await countReady(run)) === 3, { timeoutMs: 30_000 });
  for (const { child } of [frozen, blocked, third]) assert.equal(child.exitCode, null);
}

/** An invoice whose rendering a worker has taken up and cannot begin, until the lock that is returned ends. */
async function issuedUnderLock(
  { stage, shop }: Run,
  { id, itemIds }: { readonly id: string; readonly itemIds: readonly string[] },
  worker: RunningProcess,
): Promise<pg.Client> {
  worker.child.kill('SIGSTOP');
  const invoiceId = `${id}-invoice`;
  await shop.issue(itemIds, { invoiceId });
  const lock = await stage.postgres.connect();
  await lock.query('BEGIN');
  await lock.query('SELECT FROM invoices WHERE merchant_id = $1 AND id = $2 FOR UPDATE', [shop.merchantId, invoiceId]);
  worker.child.kill('SIGCONT');
  await stage.untilItWaitsForLock(worker);
  return lock;
}

async function countReady({ stage, shop }: Run): Promise<number> {
  const ready = await stage.postgres.query(`SELECT FROM invoices WHERE merchant_id = $1 AND pdf_status = 'READY'`, [
    shop.merchantId,
  ]);
  return ready.length;
}

/** The queue forgets a job that runs, and a sweep gives the same work to somebody else. */
async function oneJobTwice(run: Run): Promise<void> {
  const { stage, shop } = run;
  const first = await stage.worker();
  const order = await shop.placeOrder({ rows: 300 });
  const lock = await issuedUnderLock(run, order, first);
  first.child.kill('SIGSTOP');
  await lock.end();
  await untilBegun(run, 1);
  await stage.emptyQueue();
  await stage.postgres.query('UPDATE invoices SET pdf_due_at = now() WHERE merchant_id = $1', [shop.merchantId]);
  const { process: second } = await stage.start('worker.ts');
  await untilBegun(run, 2);
  // From here both draw the same document, and write the same file.
  first.child.kill('SIGCONT');
  await eventually(async () => (await countReady(run)) === 1, { timeoutMs: 20_000 });
  for (const { child } of [first, second]) assert.equal(child.exitCode, null);
}

async function untilBegun({ stage, shop }: Run, attempts: number): Promise<void> {
  const begun = () =>
    stage.postgres.query('SELECT FROM invoices WHERE merchant_id = $1 AND pdf_attempts = $2', [
      shop.merchantId,
      attempts,
    ]);
  await eventually(async () => (await begun()).length === 1, { timeoutMs: 20_000 });
}

/** Two workers wake at the same moment and find the same owed work. Nobody died, so each mail goes out once. */
async function sweepsAtOnce(run: Run): Promise<void> {
  const { stage, shop, isShort } = run;
  const workers = [await stage.worker(), (await stage.start('worker.ts')).process];
  for (const { child } of workers) child.kill('SIGSTOP');
  const orders = await shop.placeOrders(isShort ? 8 : 40);
  await issueAll(
    shop,
    orders.map((order) => ({ ...order, capture: 'NO_CAPTURE', mail: true })),
  );
  await stage.emptyQueue();
  await stage.postgres.query('UPDATE invoices SET pdf_due_at = now() WHERE merchant_id = $1', [shop.merchantId]);
  for (const { child } of workers) child.kill('SIGCONT');
  await eventually(async () => (await countReady(run)) === orders.length, { timeoutMs: 30_000 });
  const received = () => stage.smtp.receivedBy(`${shop.merchantId}@example.com`).length;
  await eventually(() => received() >= orders.length, { timeoutMs: 30_000 });
  assert.equal(received(), orders.length, 'no mail goes out twice while nobody dies');
}
