// Scenario 3: Redis is emptied, dies with and without what it knew, is away or silent, is full, and evicts. Invoices are
// issued meanwhile, each within a bounded time.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { issueAll } from './load.ts';
import type { FaultyRedis } from './redis.ts';
import type { Run, Scenario } from './scenario.ts';

export const redisFaults: readonly Scenario[] = [
  { name: 'redis-flushed', queues: ['Redis'], play: flushed },
  { name: 'redis-killed-forgetting', queues: ['Redis'], play: (run) => killed(run, false) },
  { name: 'redis-killed-persistent', queues: ['Redis'], play: (run) => killed(run, true) },
  { name: 'redis-gone', queues: ['Redis'], play: gone },
  { name: 'redis-full', queues: ['Redis'], play: full },
  { name: 'redis-evicting', queues: ['Redis'], play: evicting },
];

/** A call waits a second for the queue at most. The rest is for a machine that has much else to do; one that hangs takes longer. */
const ANSWERED_WITHIN_MS = 15_000;

function redisOf({ stage }: Run): FaultyRedis {
  if (!stage.redis) throw new RangeError('This scenario is played with Redis.');
  return stage.redis;
}

/** Issues invoices, a few at once, and holds that each is issued in time, whatever becomes of Redis. */
async function issueInTime({ shop, isShort }: Run, between: () => Promise<void> = async () => {}): Promise<void> {
  const orders = await shop.placeOrders(isShort ? 8 : 40);
  for (let from = 0; from < orders.length; from += 4) {
    const outcomes = await issueAll(shop, orders.slice(from, from + 4));
    assert.deepEqual(
      outcomes.filter(({ kind }) => kind !== 'issued'),
      [],
    );
    await between();
  }
  const slowest = Math.max(...shop.requests.map(({ tookMs }) => tookMs));
  assert.ok(slowest < ANSWERED_WITHIN_MS, `the slowest answer took ${Math.round(slowest)} ms`);
}

async function flushed(run: Run): Promise<void> {
  await issueInTime(run, () => run.stage.emptyQueue());
}

async function killed(run: Run, isPersistent: boolean): Promise<void> {
  const redis = redisOf(run);
  if (isPersistent) {
    // It has to have kept something: what is asked for while the worker is frozen.
    await redis.kill();
    await redis.start({ isPersistent });
    (await run.stage.worker()).child.kill('SIGSTOP');
  }
  await issueInTime(run);
  await redis.kill();
  (await run.stage.worker()).child.kill('SIGCONT');
  await issueInTime(run);
  await redis.start({ isPersistent });
  await issueInTime(run);
  // Later runs begin with one that keeps nothing.
  if (isPersistent) await redis.kill();
  if (isPersistent) await redis.start({ isPersistent: false });
}

async function gone(run: Run): Promise<void> {
  const redis = redisOf(run);
  const { random, isShort, seed } = run;
  const isSilent = random.below(2) === 0;
  if (isSilent) redis.freeze();
  else await redis.kill();
  // A whole minute in some of the long runs, a few seconds in the others.
  const goneMs = !isShort && seed % 10 === 0 ? 60_000 : 2_000 + random.below(3_000);
  const back = performance.now() + goneMs;
  await issueInTime(run, () => pause(goneMs / 40));
  await pause(Math.max(0, back - performance.now()));
  if (isSilent) redis.thaw();
  else await redis.start();
  await issueInTime(run);
}

async function full(run: Run): Promise<void> {
  const redis = redisOf(run);
  await redis.command('CONFIG', 'SET', 'maxmemory', '1');
  await assert.rejects(redis.command('SET', 'more', 'than there is room for'), /OOM/);
  await issueInTime(run);
  await redis.command('CONFIG', 'SET', 'maxmemory', '0');
}

async function evicting(run: Run): Promise<void> {
  const redis = redisOf(run);
  await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
  for (const entry of run.isShort ? (['worker.ts'] as const) : (['worker.ts', 'server.ts'] as const)) {
    const { exit, output } = await run.stage.startInVain(entry);
    assert.equal(exit, 1, `${entry} starts on an evicting Redis`);
    assert.match(output, /set maxmemory-policy to noeviction/);
  }
  // Those that run already lose jobs and locks.
  await issueInTime(run, async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1');
    await redis.command('GET', 'anything');
    await redis.command('CONFIG', 'SET', 'maxmemory', '0');
  });
}
