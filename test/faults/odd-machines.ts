// Scenarios 9 and 10: a worker whose clock is an hour off, and one whose disk is full.

import assert from 'node:assert/strict';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { eventually } from '../setup/eventually.ts';
import { checkEverything } from './check-everything.ts';
import { toEnd } from './compiled-product.ts';
import { issueAll } from './load.ts';
import { BOTH_QUEUES, NotPossibleHere, type Run, type Scenario } from './scenario.ts';

export const oddMachines: readonly Scenario[] = [
  { name: 'clock-hour-ahead', queues: BOTH_QUEUES, play: (run) => clockOff(run, 3_600_000) },
  { name: 'clock-hour-behind', queues: BOTH_QUEUES, play: (run) => clockOff(run, -3_600_000) },
  { name: 'disk-full', queues: BOTH_QUEUES, play: diskFull },
];

/** What the queue lost is found by the sweep within seconds, and what a dead worker left behind soon after. */
const FOUND_WITHIN_MS = 25_000;

async function clockOff(run: Run, offByMs: number): Promise<void> {
  const { stage, shop } = run;
  await stage.withoutWorker();
  const env = { CLOCK_OFF_BY_MS: String(offByMs) };
  const { process: worker } = await stage.start('worker.ts', { preload: ['./preload-shifted-clock.mjs'], env });
  const issue = async () => {
    const orders = await shop.placeOrders(3);
    await issueAll(
      shop,
      orders.map((order) => ({ ...order, capture: 'NO_CAPTURE', mail: true })),
    );
  };
  await issue();
  await untilDone(run);
  // The queue loses everything: only the times on the rows are left.
  worker.child.kill('SIGSTOP');
  await issue();
  await stage.emptyQueue();
  worker.child.kill('SIGCONT');
  await untilDone(run);
  // One with the right time takes over from it.
  worker.child.kill('SIGSTOP');
  await issue();
  worker.child.kill('SIGCONT');
  await stage.end(worker, 'SIGKILL');
  await stage.emptyQueue();
  await stage.worker();
  // A mail that the dead worker had begun is left alone for a minute, whatever the clocks say.
  await untilDone(run, ['pdf']);
}

async function untilDone({ stage, shop }: Run, kinds = ['pdf', 'mail']): Promise<void> {
  const owed = `
    SELECT * FROM (
      SELECT 'pdf' AS kind, id, pdf_attempts AS attempts, pdf_due_at AS due FROM invoices
      WHERE merchant_id = $1 AND pdf_status <> 'READY'
      UNION ALL SELECT 'mail', id, attempts, due_at FROM invoice_emails WHERE merchant_id = $1 AND status <> 'SENT'
    ) AS owed WHERE kind = ANY($2)`;
  await eventually(
    async () => {
      const [first] = await stage.postgres.query(owed, [shop.merchantId, kinds]);
      assert.equal(first && JSON.stringify(first), undefined, 'all that is owed is done in time');
      return true;
    },
    { timeoutMs: FOUND_WITHIN_MS },
  );
}

/** No PDF of an invoice is as small as this. */
const ROOM_BYTES = 4_096;

async function diskFull(run: Run): Promise<void> {
  const { stage, shop, random, isShort } = run;
  await stage.withoutWorker();
  const folder = path.join(stage.dataDir, 'pdf');
  await mkdir(folder, { recursive: true });
  // A real full disk takes root; in the tests the limit of a process does.
  const disk = (!isShort && random.below(2) === 0 ? await smallDisk(folder) : null) ?? (await limitedProcess());
  try {
    const { process: worker } = await stage.start('worker.ts', disk.options);
    const orders = await shop.placeOrders(3);
    await issueAll(shop, orders);
    await eventually(
      async () => {
        const failed = await stage.postgres.query(
          `SELECT pdf_error FROM invoices WHERE merchant_id = $1 AND pdf_status = 'PENDING' AND pdf_error ~ 'ENOSPC|EFBIG'`,
          [shop.merchantId],
        );
        return failed.length === orders.length;
      },
      { timeoutMs: 20_000 },
    );
    await expectWholeFiles(folder);
    await disk.makeRoom(worker.child.pid ?? 0);
    await checkEverything(stage, shop);
  } finally {
    await disk.remove();
  }
}

/** Whatever happened, a file with a name has its content. */
async function expectWholeFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.pdf')) continue;
    const content = await readFile(path.join(folder, name));
    assert.equal(`${createHash('sha256').update(content).digest('hex')}.pdf`, path.basename(name));
  }
}

interface Disk {
  readonly options: { readonly under?: readonly string[]; readonly preload?: readonly string[] };
  makeRoom(processId: number): Promise<void>;
  remove(): Promise<void>;
}

/** null where mounting is not permitted. */
async function smallDisk(folder: string): Promise<Disk | null> {
  const mounted = await toEnd('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'billhead-faults', folder], '/');
  if (mounted.code !== 0) return null;
  return {
    options: {},
    makeRoom: async () => {
      const grown = await toEnd('mount', ['-o', 'remount,size=64m', folder], '/');
      assert.equal(grown.code, 0, grown.output);
    },
    remove: async () => {
      const removed = await toEnd('umount', ['-l', folder], '/');
      assert.equal(removed.code, 0, removed.output);
    },
  };
}

/** A process whose files cannot grow beyond a few bytes: a write breaks off in the middle, as on a full disk. */
async function limitedProcess(): Promise<Disk> {
  const { code } = await toEnd('prlimit', ['--version'], '/');
  if (code !== 0) throw new NotPossibleHere('there is no prlimit to limit the files of a process with');
  return {
    options: { under: ['prlimit', `--fsize=${ROOM_BYTES}:unlimited`], preload: ['./preload-full-disk.mjs'] },
    makeRoom: async (processId) => {
      const grown = await toEnd('prlimit', ['--pid', String(processId), '--fsize=unlimited:unlimited'], '/');
      assert.equal(grown.code, 0, grown.output);
    },
    remove: async () => {},
  };
}
