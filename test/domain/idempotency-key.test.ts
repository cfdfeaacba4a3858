// Idempotency keys as callers write them, and the JSON that keeps what was done under one.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timeSortedIds } from '../../src/adapters/node-platform.ts';
import { Refusal } from '../../src/domain/errors.ts';
import { readExactJson, writeExactJson } from '../../src/domain/exact-json.ts';
import { readIdempotencyKey } from '../../src/domain/idempotency-key.ts';

test.each([
  ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
  ['8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
  ['  "padded"  ', 'padded'],
  ['"with space, comma; and \\"quotes\\" \\\\"', 'with space, comma; and "quotes" \\'],
  ["it's", "it's"],
  [`"${'k'.repeat(255)}"`, 'k'.repeat(255)],
])('%s is read as %s', (header, key) => {
  expect(readIdempotencyKey(header)).toBe(key);
});

test.each(['', '""', '"', '"open', 'two words', 'one, two', '"one", "two"', '"one";a=1', 'ключ', '"a\tb"', '"\\n"'])(
  '%j is no key',
  (header) => {
    expect(() => readIdempotencyKey(header)).toThrow(Refusal);
  },
);

test('a key of 256 characters is too long', () => {
  expect(() => readIdempotencyKey('k'.repeat(256))).toThrow(/255/);
});

describe('exact JSON', () => {
  test('brings back whole numbers of any size, instants, texts and lists, however deep', () => {
    const leaf = fc.oneof(
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('node')),
        fc.dictionary(fc.stringMatching(/^[a-z]+$/), tie('node')),
      ),
    })).node;
    fc.assert(
      fc.property(value, (one) => {
        expect(readExactJson(writeExactJson(one))).toEqual(plain(one));
      }),
    );
  });

  test('brings back a refusal with all that it says', () => {
    const refusal = new Refusal('NOT_INVOICEABLE', 'No.', {
      blockers: [{ code: 'NOT_SHIPPED', message: 'It is here.', orderId: 'o', itemId: null }],
    });
    const back = readExactJson(writeExactJson([{ kind: 'refused', refusal }])) as readonly { refusal: Refusal }[];
    expect(back[0]?.refusal).toBeInstanceOf(Refusal);
    expect(back[0]?.refusal).toMatchObject({ code: refusal.code, message: 'No.', blockers: refusal.blockers });
  });
});

test('ids that follow from a seed are the same in every run, differ from each other, and sort as they were made', () => {
  const seed = timeSortedIds.next();
  const run = (part = 0) => {
    const ids = timeSortedIds.startingFrom(seed, part);
    return Array.from({ length: 100 }, () => ids.next());
  };
  const ids = run();
  expect(run()).toEqual(ids);
  expect(new Set(ids).size).toBe(100);
  expect(ids.toSorted()).toEqual(ids);
  const both = [...ids, ...run(1)];
  expect(new Set(both).size).toBe(200);
  expect(both.toSorted()).toEqual(both);
  expect(timeSortedIds.startingFrom(timeSortedIds.next(), 0).next()).not.toBe(ids[0]);
});

/** Without the prototype that fast-check gives or leaves out, and without the sign of nought, which JSON does not know. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (Object.is(value, -0)) return 0;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, plain(content)]));
}
