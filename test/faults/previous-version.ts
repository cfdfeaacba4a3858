// Scenario 12: the worker of the version before the newest migration serves the new server's jobs.

import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, readdir, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../setup/eventually.ts';
import { toEnd } from './compiled-product.ts';
import { issueAll } from './load.ts';
import { BOTH_QUEUES, NotPossibleHere, type Run, type Scenario } from './scenario.ts';

export const previousVersion: readonly Scenario[] = [
  { name: 'previous-worker', queues: BOTH_QUEUES, play: previousWorker },
];

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Before this one no worker told the database whose rows it wants, so an older one sees none. */
const OLDEST_THAT_FITS = '20261122030000_row_level_security';

let prepared: Promise<string> | null = null;

async function previousWorker({ stage, shop, isShort }: Run): Promise<void> {
  prepared ??= prepareSources();
  const folder = await prepared;
  // The new server brings the database up to date first, as in a rolling upgrade.
  await stage.server();
  await stage.withoutWorker();
  const worker = await stage.startWorkerFrom(folder);
  const issue = async () => {
    const orders = await shop.placeOrders(isShort ? 6 : 20, { rows: 3 });
    await issueAll(
      shop,
      orders.map((order, index) => ({ ...order, capture: 'NO_CAPTURE', mail: index % 2 === 0 })),
    );
  };
  await issue();
  await untilReady(stage, shop);
  // The queue loses what it knew: the old sweep finds what the new server owes.
  worker.child.kill('SIGSTOP');
  await issue();
  await stage.emptyQueue();
  worker.child.kill('SIGCONT');
  await untilReady(stage, shop);
  // Both side by side, and then the old one dies in the middle.
  await stage.worker();
  await issue();
  assert.equal(await stage.end(worker, 'SIGKILL'), 'SIGKILL');
}

async function untilReady({ postgres }: Run['stage'], { merchantId }: Run['shop']): Promise<void> {
  await eventually(
    async () => {
      const owed = await postgres.query(`SELECT FROM invoices WHERE merchant_id = $1 AND pdf_status <> 'READY'`, [
        merchantId,
      ]);
      return owed.length === 0;
    },
    { timeoutMs: 25_000 },
  );
}

/** The sources of that commit beside our packages, with a database client of their own. */
async function prepareSources(): Promise<string> {
  const commit = await previousCommit();
  const folder = path.join(os.tmpdir(), `billhead-test-${process.pid}-previous`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const archive = path.join(folder, 'sources.tar');
  await done('git', ['archive', '--output', archive, commit], ROOT);
  await done('tar', ['-xf', archive, '-C', folder], ROOT);
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  await done(
    path.join(ROOT, 'node_modules', '.bin', 'prisma'),
    ['generate', '--config', 'prisma/prisma.config.ts'],
    folder,
  );
  return folder;
}

/** BILLHEAD_PREVIOUS, or the commit before the one that brought the newest migration. */
async function previousCommit(): Promise<string> {
  const given = process.env['BILLHEAD_PREVIOUS'];
  if (given !== undefined && given !== '') return given;
  if (!existsSync(path.join(ROOT, '.git'))) throw new NotPossibleHere('there is no history of the sources here');
  const isShallow = await toEnd('git', ['rev-parse', '--is-shallow-repository'], ROOT);
  if (isShallow.code !== 0) throw new NotPossibleHere(`git does not work here: ${isShallow.output.trim()}`);
  if (isShallow.output.trim() !== 'false') throw new NotPossibleHere('the history of the sources is cut off here');
  const migrations = (await readdir(path.join(ROOT, 'prisma', 'migrations'))).filter((name) => /^\d/.test(name)).sort();
  const newest = `prisma/migrations/${migrations.at(-1)}`;
  const words = ['log', '-1', '--diff-filter=A', '--format=%H', '--', newest];
  const { output: added } = await toEnd('git', words, ROOT);
  // One that is not committed yet came after all commits.
  const commit = added.trim() === '' ? 'HEAD' : `${added.trim()}^`;
  const oldest = await toEnd('git', ['cat-file', '-e', `${commit}:prisma/migrations/${OLDEST_THAT_FITS}`], ROOT);
  if (oldest.code !== 0) {
    throw new NotPossibleHere('the version before had no row-level security, and cannot run beside one that has');
  }
  return commit;
}

async function done(program: string, words: readonly string[], folder: string): Promise<void> {
  const { code, output } = await toEnd(program, words, folder);
  if (code !== 0) throw new Error(`${program} ${words.join(' ')} failed: ${output}`);
}
