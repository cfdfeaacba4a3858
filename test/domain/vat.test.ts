// VAT of an order: one rounding a group, spread to the cent.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divideRounded, ONE, sum } from '../../src/domain/money.ts';
import { chargeVat, vatBreakdown } from '../../src/domain/vat.ts';

const row = (rowTotal: bigint, percent: bigint) => ({
  rowTotal,
  vatCategory: percent === 0n ? ('Z' as const) : ('S' as const),
  vatRate: percent * ONE,
  vatReason: null,
});

describe('published vectors', () => {
  test.each([
    { name: '80.64 net at 21 %', rows: [8064n], percent: 21n, includes: false, vat: [1693n] },
    {
      name: '3 × 250.00 gross at 19 %',
      rows: [25_000n, 25_000n, 25_000n],
      percent: 19n,
      includes: true,
      vat: [3992n, 3992n, 3991n],
    },
    {
      name: 'four lines at 20 %',
      rows: [6833n, 6833n, 5750n, 8500n],
      percent: 20n,
      includes: false,
      vat: [1367n, 1366n, 1150n, 1700n],
    },
    {
      name: 'four lines of 2 × 348.11 at 25 %',
      rows: [69_622n, 69_622n, 69_622n, 69_622n],
      percent: 25n,
      includes: false,
      vat: [17_406n, 17_406n, 17_405n, 17_405n],
    },
  ])('$name: VAT $vat', ({ rows, percent, includes, vat }) => {
    const charged = chargeVat(
      rows.map((total) => row(total, percent)),
      includes,
    );
    expect(charged.map(({ totalVat }) => totalVat)).toEqual(vat);
    expect(charged.map(({ totalExVat, totalVat }) => (includes ? totalExVat + totalVat : totalExVat))).toEqual(rows);
  });
});

const rows = fc.array(
  fc.record({
    total: fc.bigInt({ min: -(10n ** 9n), max: 10n ** 11n }),
    percent: fc.constantFrom(0n, 5n, 9n, 19n, 21n, 25n),
  }),
  { minLength: 1, maxLength: 30 },
);

test('a group is charged round(Σ × rate) without VAT in prices, round(Σ × rate / (100 + rate)) with it', () => {
  fc.assert(
    fc.property(rows, fc.boolean(), (given, includes) => {
      const charged = chargeVat(
        given.map(({ total, percent }) => row(total, percent)),
        includes,
      );
      for (const percent of new Set(given.map((one) => one.percent))) {
        const members = given.map((one, index) => ({ ...one, index })).filter((one) => one.percent === percent);
        const base = sum(members.map(({ total }) => total));
        const expected = divideRounded(base * percent, includes ? 100n + percent : 100n);
        expect(sum(members.map(({ index }) => charged[index]?.totalVat ?? 0n))).toBe(expected);
      }
    }),
  );
});

test('a VAT amount never has another sign than its row', () => {
  fc.assert(
    fc.property(rows, fc.boolean(), (given, includes) => {
      const charged = chargeVat(
        given.map(({ total, percent }) => row(total, percent)),
        includes,
      );
      charged.forEach(({ totalVat }, index) =>
        expect(totalVat * (given[index]?.total ?? 0n)).toBeGreaterThanOrEqual(0n),
      );
    }),
  );
});

test('a breakdown has one row a category and rate, highest rate first, and sums to the rows', () => {
  const lines = [row(100n, 9n), row(200n, 21n), row(300n, 9n), row(50n, 0n)].map((terms) => ({
    ...terms,
    totalExVat: terms.rowTotal,
    totalVat: terms.rowTotal / 10n,
  }));
  expect(vatBreakdown(lines).map(({ vatRate, totalExVat, amount }) => [vatRate / ONE, totalExVat, amount])).toEqual([
    [21n, 200n, 20n],
    [9n, 400n, 40n],
    [0n, 50n, 5n],
  ]);
});
