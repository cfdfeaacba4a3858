// Exact money: rounding, shares and spreading, as tables from DOMAIN and as properties.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decimalText,
  divideRounded,
  parseDecimal,
  shareOf,
  spreadByLargestRemainder,
  sum,
} from '../../src/domain/money.ts';

describe('a fraction is rounded once, half away from zero', () => {
  test.each([
    [5n, 2n, 3n],
    [-5n, 2n, -3n],
    [5n, -2n, -3n],
    [-5n, -2n, 3n],
    [4n, 3n, 1n],
    [-4n, 3n, -1n],
    [0n, 7n, 0n],
    [9_007_199_254_740_993n, 2n, 4_503_599_627_370_497n],
  ])('%s / %s = %s', (numerator, denominator, expected) => {
    expect(divideRounded(numerator, denominator)).toBe(expected);
  });

  test('never further than half a unit from the exact fraction', () => {
    const amounts = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: 1n, max: 10n ** 9n }), (numerator, denominator) => {
        const distance = divideRounded(numerator, denominator) * denominator - numerator;
        expect(2n * (distance < 0n ? -distance : distance)).toBeLessThanOrEqual(denominator);
      }),
    );
  });
});

describe('shares of a row add up to the row in the order they are taken', () => {
  test.each([
    { total: 1000n, parts: [1n, 1n, 1n], expected: [333n, 334n, 333n] },
    { total: 1999n, parts: [2n, 3n, 2n], expected: [571n, 857n, 571n] },
    { total: -1000n, parts: [1n, 1n, 1n], expected: [-333n, -334n, -333n] },
  ])('$total as $parts', ({ total, parts, expected }) => {
    let open = sum(parts);
    let left = total;
    const shares = parts.map((part) => {
      const share = shareOf(left, part, open);
      left -= share;
      open -= part;
      return share;
    });
    expect(shares).toEqual(expected);
    expect(left).toBe(0n);
  });
});

describe('largest remainder', () => {
  test('3 × 250.00 with 19 % in it: 119.75 of VAT spread 39.92, 39.92, 39.91', () => {
    expect(spreadByLargestRemainder(11_975n, [475_000n, 475_000n, 475_000n], 119n)).toEqual([3992n, 3992n, 3991n]);
  });

  test('parts sum to the total, and each is its exact share rounded down or up', () => {
    const weights = fc.array(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(weights, fc.bigInt({ min: 1n, max: 10n ** 6n }), (exact, denominator) => {
        const total = divideRounded(sum(exact), denominator);
        const parts = spreadByLargestRemainder(total, exact, denominator);
        expect(sum(parts)).toBe(total);
        parts.forEach((part, index) => {
          const distance = part * denominator - (exact[index] ?? 0n);
          expect(distance < denominator && distance > -denominator).toBe(true);
        });
      }),
    );
  });
});

describe('decimals', () => {
  test.each(['0', '21', '5.5', '-1.2345', '0.0001', '999999999.9999'])('%s reads and prints as itself', (text) => {
    expect(decimalText(parseDecimal(text) ?? -1n)).toBe(text);
  });

  test.each(['', '.5', '5.', '1e3', '0.00001', ' 1', '1,5', '--1', 'NaN', '0x10'])('%j is no decimal', (text) => {
    expect(parseDecimal(text)).toBeNull();
  });
});
