// What the benchmark's figures rest on: turns, ratios with their spread, and options that are understood or refused.

import { describe, expect, test } from 'vitest';
import { doAll } from './load.ts';
import { readOptions } from './options.ts';
import { number, table } from './report.ts';
import { inTurns, percentile, ratioOf } from './rounds.ts';

test('the sides take turns, and who begins changes every round', async () => {
  const order: string[] = [];
  const side = (name: string) => async () => order.push(name);
  const found = await inTurns(3, { a: side('a'), b: side('b') });
  expect(order.join('')).toBe('abbaab');
  expect(found).toEqual({ a: [1, 4, 5], b: [2, 3, 6] });
});

test('a ratio is the median of the rounds, each against its own neighbour, with the least and the most of them', () => {
  expect(ratioOf([10, 30, 20], [10, 10, 10])).toEqual({ median: 2, least: 1, most: 3 });
});

test.each([
  [[4, 1, 3, 2], 50, 2.5],
  [[5], 99, 5],
  [[1, 2, 3, 4, 5], 100, 5],
  [[1, 2, 3, 4, 5], 0, 1],
])('of %j the percentile %i is %d', (values, percent, expected) => {
  expect(percentile(values, percent)).toBe(expected);
});

test('everything is done once, never more at once than asked for', async () => {
  const done: number[] = [];
  let now = 0;
  let most = 0;
  const all = Array.from({ length: 50 }, (_, index) => index);
  await doAll(all, { concurrency: 7 }, async (each) => {
    most = Math.max(most, (now += 1));
    await Promise.resolve();
    done.push(each);
    now -= 1;
  });
  expect(done.sort((a, b) => a - b)).toEqual(all);
  expect(most).toBe(7);
});

test('nothing more is begun when the time is over', async () => {
  let done = 0;
  await doAll([1, 2, 3], { concurrency: 1, longestMs: 0 }, async () => (done += 1));
  expect(done).toBe(0);
});

describe('options', () => {
  test('by itself it takes every measure, at full size', () => {
    const options = readOptions([]);
    expect(options).toMatchObject({ isQuick: false, invoices: 100_000, orders: 100_000, concurrency: [1, 8, 32, 128] });
    expect([...(options?.only ?? [])]).toEqual(['issue', 'read', 'pages', 'pdf', 'wait', 'import', 'month']);
  });

  test('--quick makes everything small, and what is said expressly still holds', () => {
    expect(readOptions(['--quick', '--orders', '7'])).toMatchObject({ isQuick: true, orders: 7, invoices: 2_000 });
  });

  test.each([['--only', 'issue,nothing'], ['--rounds', '0'], ['--pages', '10,x'], ['--unknown']])(
    '%s %s is refused',
    (...args) => {
      expect(() => readOptions(args.filter((arg) => arg !== undefined))).toThrow(/nothing|whole number|unknown/i);
    },
  );
});

test('the table has a row for each finding, and says what was left out', () => {
  const row = {
    measure: 'm',
    billhead: '2/s',
    other: 'o: 1/s',
    ratio: { median: 2, least: 1.5, most: 2.5 },
    goal: '≥ 1',
  };
  const text = table([{ rows: [row], notes: ['Left out: x.'] }], 'Machine.');
  expect(text).toContain('| m | 2/s | o: 1/s | **2** (1.5 – 2.5) | ≥ 1 |');
  expect(text).toContain('- Left out: x.');
});

test('figures have no more digits than they are worth', () => {
  expect([1234.5, 56.78, 1.234, 0.5, Number.NaN].map(number)).toEqual(['1,235', '56.8', '1.23', '0.5', '–']);
});
