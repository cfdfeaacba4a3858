// Scenario 1: the worker is killed at every point of a rendering. Locks and held queues stop it exactly there, from outside.

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import type { RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { BOTH_QUEUES, type Run, type Scenario } from './scenario.ts';
import { untilKnown } from './shop.ts';

export const workerDeaths: readonly Scenario[] = [
  { name: 'worker-killed', queues: BOTH_QUEUES, play: killedAtEveryPoint },
];

async function killedAtEveryPoint(run: Run): Promise<void> {
  // crash.test.ts kills workers before and while they render.
  const earlier = run.isShort ? [] : [beforeRendering, whileRendering];
  for (const kill of run.random.shuffled([...earlier, betweenFileAndRow, beforeAcknowledging])) {
    await kill(run);
  }
}

/** The worker has taken the job up, and cannot write down that it begins. */
async function beforeRendering(run: Run): Promise<void> {
  const { worker, lock, invoiceId } = await stoppedAtBeginning(run, { rows: 1 });
  await killed(run, worker);
  await lock.end();
  assert.notEqual(await statusOf(run, invoiceId), 'READY');
}

/** A rendering that was begun a moment ago takes longer than that moment; where this test was slower, it tries again. */
async function whileRendering(run: Run): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const { worker, lock, invoiceId } = await stoppedAtBeginning(run, { rows: 1_000 });
    await lock.query('ROLLBACK');
    await eventually(async () => {
      const { rows } = await lock.query<{ pdf_attempts: number }>(
        'SELECT pdf_attempts FROM invoices WHERE merchant_id = $1 AND id = $2',
        [run.shop.merchantId, invoiceId],
      );
      return (rows[0]?.pdf_attempts ?? 0) > 0;
    });
    await killed(run, worker);
    await lock.end();
    if ((await statusOf(run, invoiceId)) === 'PENDING') return;
  }
}

/** The file has its name, and the row cannot say so. */
async function betweenFileAndRow(run: Run): Promise<void> {
  const { worker, lock, invoiceId } = await stoppedAtEnd(run);
  await killed(run, worker);
  await lock.end();
  // What its backend had asked for may still be carried out, as after any death.
  assert.match(await statusOf(run, invoiceId), /PENDING|READY/);
}

/** The row says READY, and the queue does not hear that the job is done. */
async function beforeAcknowledging(run: Run): Promise<void> {
  const { worker, lock, invoiceId } = await stoppedAtEnd(run);
  const release = await run.stage.holdQueue();
  await lock.end();
  await eventually(async () => (await statusOf(run, invoiceId)) === 'READY');
  await killed(run, worker, { withBackends: false });
  await release();
}

interface Stopped {
  readonly worker: RunningProcess;
  /** Ending it lets go of the invoice's row. */
  readonly lock: pg.Client;
  readonly invoiceId: string;
}

/** A worker that waits for the invoice's row before it begins to render. */
async function stoppedAtBeginning({ stage, shop, random }: Run, { rows }: { rows: number }): Promise<Stopped> {
  const worker = await stage.worker();
  worker.child.kill('SIGSTOP');
  const order = await shop.placeOrder({ rows });
  const invoiceId = `${order.id}-invoice`;
  const wishes = { capture: 'NO_CAPTURE', mail: random.below(2) === 0, invoiceId } as const;
  await untilKnown(() => shop.issueOrder(order, wishes));
  const lock = await stage.postgres.connect();
  await lock.query('BEGIN');
  await lock.query(LOCK_INVOICE, [shop.merchantId, invoiceId]);
  worker.child.kill('SIGCONT');
  await stage.untilItWaitsForLock(worker);
  return { worker, lock, invoiceId };
}

const LOCK_INVOICE = 'SELECT FROM invoices WHERE merchant_id = $1 AND id = $2 FOR UPDATE';

/** A worker whose file is there, and that waits for the row to say so. */
async function stoppedAtEnd(run: Run): Promise<Stopped> {
  const { stage, shop } = run;
  const { worker, lock: first, invoiceId } = await stoppedAtBeginning(run, { rows: 2 });
  const filesBefore = await countFiles(run);
  // Stands in line behind the beginning, and before the end.
  const lock = await stage.postgres.connect();
  await lock.query('BEGIN');
  const inLine = lock.query(LOCK_INVOICE, [shop.merchantId, invoiceId]);
  await eventually(async () => {
    const waiting = await stage.postgres.query(
      `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = $1`,
      [LOCK_INVOICE],
    );
    return waiting.length === 1;
  });
  await first.end();
  await inLine;
  await eventually(async () => (await countFiles(run)) > filesBefore);
  await stage.untilItWaitsForLock(worker);
  return { worker, lock, invoiceId };
}

async function countFiles({ stage }: Run): Promise<number> {
  const names = await readdir(path.join(stage.dataDir, 'pdf'), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('.pdf')).length;
}

/** Kills the worker. Now and then its statements die with it, otherwise the database still carries them out. */
async function killed({ stage, random }: Run, worker: RunningProcess, { withBackends = random.below(2) === 0 } = {}) {
  assert.equal(await stage.end(worker, 'SIGKILL'), 'SIGKILL');
  if (!withBackends) return;
  await stage.postgres.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
    `billhead:${worker.child.pid}`,
  ]);
}

async function statusOf({ stage, shop }: Run, invoiceId: string): Promise<string> {
  const [row] = await stage.postgres.query<{ pdf_status: string }>(
    'SELECT pdf_status FROM invoices WHERE merchant_id = $1 AND id = $2',
    [shop.merchantId, invoiceId],
  );
  return row?.pdf_status ?? 'no invoice';
}
