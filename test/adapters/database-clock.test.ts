// The clock of all processes: it follows the database's where the two differ noticeably, and no further.

import { afterEach, describe, expect, test } from 'vitest';
import { startDatabaseClock, type DatabaseClock } from '../../src/adapters/database-clock.ts';
import type { Log } from '../../src/ports.ts';
import { eventually } from '../setup/eventually.ts';

const HOUR_MS = 3_600_000;

let clock: DatabaseClock;
afterEach(() => clock.close());

const warnings: string[] = [];
const log: Log = { info: () => {}, warn: (event) => warnings.push(event), error: () => {} };
const start = (readTime: () => Promise<Date>) => startDatabaseClock({ readTime, log, lookEveryMs: 5 });
const offBy = (differenceMs: number) => new Date(Date.now() + differenceMs);
const differenceMs = () => clock.now().getTime() - Date.now();

describe('the time is the database’s', () => {
  test.each([HOUR_MS, -HOUR_MS, 5_000])('where they differ by %d ms, with one warning', async (difference) => {
    warnings.length = 0;
    let looks = 0;
    clock = await start(async () => {
      looks += 1;
      return offBy(difference);
    });
    expect(Math.abs(differenceMs() - difference)).toBeLessThan(1_000);
    await eventually(() => looks > 3);
    expect(warnings).toEqual(['clock.differs']);
  });

  test('and stays the machine’s own where nobody would notice', async () => {
    clock = await start(async () => offBy(900));
    expect(Math.abs(differenceMs())).toBeLessThan(100);
  });

  test('and follows when a clock is set right', async () => {
    let difference = HOUR_MS;
    clock = await start(async () => offBy(difference));
    difference = 0;
    await eventually(() => Math.abs(differenceMs()) < 100);
  });

  test('and goes on by what was seen last while the database does not answer', async () => {
    let looks = 0;
    clock = await start(async () => {
      looks += 1;
      if (looks > 1) throw new Error('away');
      return offBy(HOUR_MS);
    });
    await eventually(() => looks > 3);
    expect(Math.abs(differenceMs() - HOUR_MS)).toBeLessThan(1_000);
  });
});
