// Group commit: requests that come while a transaction runs share the next one, and nobody notices but by the speed.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { gatherRequests } from '../../src/actions/gather-requests.ts';

interface Group {
  readonly merchantId: string;
  readonly requests: readonly number[];
  readonly finish: (error?: Error) => void;
}

/** Groups that end when the test says so; the outcome of n is "n done". */
function underHand(mostWeight = 100) {
  const groups: Group[] = [];
  const ask = gatherRequests<number, string>({
    run: (merchantId, requests) =>
      new Promise((resolve, reject) => {
        const finish = (error?: Error) =>
          error ? reject(error) : resolve(requests.map((request) => `${request} done`));
        groups.push({ merchantId, requests, finish });
      }),
    weightOf: (request) => request,
    mostWeight,
  });
  return { groups, ask };
}

/** Everything that waits for promises alone has run by then. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a request that finds nothing under way begins at once', async () => {
  const { groups, ask } = underHand();
  const first = ask('a', 1);
  expect(groups.map(({ requests }) => requests)).toEqual([[1]]);
  groups[0]?.finish();
  expect(await first).toBe('1 done');
  await settled();
  const second = ask('a', 2);
  expect(groups.map(({ requests }) => requests)).toEqual([[1], [2]]);
  groups[1]?.finish();
  expect(await second).toBe('2 done');
});

test('those that come meanwhile go together next, in their order, and each gets its own outcome', async () => {
  const { groups, ask } = underHand();
  const asked = [1, 2, 3, 4].map((request) => ask('a', request));
  groups[0]?.finish();
  await settled();
  expect(groups.map(({ requests }) => requests)).toEqual([[1], [2, 3, 4]]);
  groups[1]?.finish();
  expect(await Promise.all(asked)).toEqual(['1 done', '2 done', '3 done', '4 done']);
});

test('a group weighs no more than the limit, unless one request does', async () => {
  const { groups, ask } = underHand(10);
  const asked = [1, 4, 5, 2, 30, 3].map((request) => ask('a', request));
  for (let index = 0; index < 5; index += 1) {
    groups[index]?.finish();
    await settled();
  }
  await Promise.all(asked);
  expect(groups.map(({ requests }) => requests)).toEqual([[1], [4, 5], [2], [30], [3]]);
});

test('a second group begins beside the first one when it is worth a commit and as large, and a third one waits', async () => {
  const { groups, ask } = underHand();
  const asked: Promise<string>[] = [];
  const askMore = (count: number) => {
    for (let more = 0; more < count; more += 1) asked.push(ask('a', 1));
    return groups.map(({ requests }) => requests.length);
  };
  expect(askMore(1 + 7)).toEqual([1]);
  expect(askMore(1)).toEqual([1, 8]);
  expect(askMore(20)).toEqual([1, 8]);
  groups[0]?.finish();
  await settled();
  expect(askMore(19)).toEqual([1, 8, 20]);
  // Nineteen are worth a commit, but not beside twenty.
  groups[1]?.finish();
  await settled();
  expect(askMore(0)).toEqual([1, 8, 20]);
  expect(askMore(1)).toEqual([1, 8, 20, 20]);
  for (const group of groups.slice(2)) group.finish();
  expect(await Promise.all(asked)).toHaveLength(49);
});

test('callers who ask again when they are answered come to be in groups that are alike', async () => {
  const { groups, ask } = underHand();
  const caller = async () => {
    for (;;) {
      await ask('a', 1);
      // An answer has a way to go, and a question, too.
      await settled();
    }
  };
  for (let callers = 0; callers < 40; callers += 1) void caller();
  for (let index = 0; index < 30; index += 1) {
    groups[index]?.finish();
    await settled();
    await settled();
  }
  const sizes = groups.slice(20).map(({ requests }) => requests.length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2 * Math.min(...sizes));
});

test('merchants do not wait for each other', async () => {
  const { groups, ask } = underHand();
  void ask('a', 1);
  const waiting = ask('a', 2);
  const other = ask('b', 3);
  expect(groups.map(({ merchantId, requests }) => [merchantId, requests])).toEqual([
    ['a', [1]],
    ['b', [3]],
  ]);
  groups[1]?.finish();
  expect(await other).toBe('3 done');
  groups[0]?.finish();
  await settled();
  groups[2]?.finish();
  expect(await waiting).toBe('2 done');
});

test('when a group fails each of its requests is tried by itself, and only the one at fault fails', async () => {
  const { groups, ask } = underHand();
  const asked = [1, 2, 3].map((request) => ask('a', request));
  const outcomes = Promise.allSettled(asked);
  groups[0]?.finish();
  await settled();
  groups[1]?.finish(new Error('the group'));
  await settled();
  expect(groups.map(({ requests }) => requests)).toEqual([[1], [2, 3], [2], [3]]);
  groups[2]?.finish(new Error('2 is at fault'));
  groups[3]?.finish();
  expect(await outcomes).toMatchObject([
    { value: '1 done' },
    { reason: new Error('2 is at fault') },
    { value: '3 done' },
  ]);
  const next = ask('a', 4);
  await settled();
  groups[4]?.finish();
  expect(await next).toBe('4 done');
});

test('of a group that failed few are tried at a time: the next one when one has ended, while other merchants go on', async () => {
  const { groups, ask } = underHand();
  const asked = [1, 2, 3, 4, 5, 6].map((request) => ask('a', request));
  const outcomes = Promise.allSettled(asked);
  groups[0]?.finish();
  await settled();
  groups[1]?.finish(new Error('the group'));
  await settled();
  const begun = () => groups.slice(2).map(({ requests }) => requests[0]);
  expect(begun()).toEqual([2, 3, 4]);
  const other = ask('b', 7);
  expect(begun()).toEqual([2, 3, 4, 7]);
  groups[5]?.finish();
  expect(await other).toBe('7 done');
  groups[3]?.finish(new Error('3 is at fault'));
  await settled();
  expect(begun()).toEqual([2, 3, 4, 7, 5]);
  for (const index of [2, 4, 6]) groups[index]?.finish();
  await settled();
  expect(begun()).toEqual([2, 3, 4, 7, 5, 6]);
  groups[7]?.finish();
  expect(await outcomes).toMatchObject([
    { value: '1 done' },
    { value: '2 done' },
    { reason: new Error('3 is at fault') },
    ...[4, 5, 6].map((request) => ({ value: `${request} done` })),
  ]);
});

test('whatever comes when, every request is decided once, in its merchant’s order, and answered with its own outcome', async () => {
  const requests = fc.array(
    fc.record({ merchant: fc.constantFrom('a', 'b'), weight: fc.integer({ min: 1, max: 9 }) }),
    {
      maxLength: 60,
      size: 'large',
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), requests, async (scheduler, asked) => {
      const decided: { merchantId: string; id: number }[] = [];
      const underWay = { a: 0, b: 0 };
      const ask = gatherRequests<{ id: number; weight: number }, number>({
        run: async (merchantId, group) => {
          underWay[merchantId as 'a' | 'b'] += 1;
          expect(underWay[merchantId as 'a' | 'b']).toBeLessThanOrEqual(2);
          expect(group.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(10);
          decided.push(...group.map(({ id }) => ({ merchantId, id })));
          const outcomes = await scheduler.schedule(Promise.resolve(group.map(({ id }) => id)));
          underWay[merchantId as 'a' | 'b'] -= 1;
          return outcomes;
        },
        weightOf: ({ weight }) => weight,
        mostWeight: 10,
      });
      const answers = Promise.all(asked.map(({ merchant, weight }, id) => ask(merchant, { id, weight })));
      await scheduler.waitFor(answers);
      expect(await answers).toEqual(asked.map((_, id) => id));
      for (const merchant of ['a', 'b']) {
        const own = asked.flatMap((one, id) => (one.merchant === merchant ? [id] : []));
        expect(decided.filter(({ merchantId }) => merchantId === merchant).map(({ id }) => id)).toEqual(own);
      }
    }),
  );
});
