// The sweep's timer: round after round, never two at once, whatever a round does.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startSweep } from '../../src/adapters/sweep-timer.ts';

const EVERY_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('runs at once and then again and again', async () => {
  const run = vi.fn(async () => {});
  const sweep = startSweep({ run, everyMs: EVERY_MS, log: silentLog() });
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  expect(run).toHaveBeenCalledTimes(3);
  await sweep.close();
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  expect(run).toHaveBeenCalledTimes(3);
});

it('never runs two rounds at once, and close waits for the running one', async () => {
  const ends: (() => void)[] = [];
  const run = vi.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
  const sweep = startSweep({ run, everyMs: EVERY_MS, log: silentLog() });
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(run).toHaveBeenCalledTimes(1);
  let isClosed = false;
  const closed = sweep.close().then(() => (isClosed = true));
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect(isClosed).toBe(false);
  ends[0]?.();
  await closed;
  await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(run).toHaveBeenCalledTimes(1);
});

it.each([
  ['rejects', () => Promise.reject(new Error('database away'))],
  [
    'throws',
    () => {
      throw new Error('database away');
    },
  ],
])('logs a round that %s and goes on', async (_does, run) => {
  const log = silentLog();
  const sweep = startSweep({ run, everyMs: EVERY_MS, log });
  await vi.advanceTimersByTimeAsync(EVERY_MS);
  expect(log.error.mock.calls).toEqual([
    ['sweep.failed', { error: 'database away' }],
    ['sweep.failed', { error: 'database away' }],
  ]);
  await sweep.close();
});

function silentLog() {
  return { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
}
