// Money and quantities as exact integers, and the one rounding rule.
//
// 1. Money is a bigint in the minor unit of its currency (ISO 4217 exponent): 2499n EUR is € 24.99.
// 2. Quantities, price bases and VAT rates are bigints in ten-thousandths: 1.5 kg is 15000n, 5.5 % is 55000n.
// 3. An intermediate result is an exact fraction; it is rounded once, at the end, half away from zero.

/** An amount in the minor unit of its currency. */
export type Money = bigint;
/** A quantity in ten-thousandths of a unit. */
export type Quantity = bigint;
/** A VAT rate in ten-thousandths of a percent. */
export type VatRate = bigint;

/** How many ten-thousandths one unit has: the scale of quantities and rates. */
export const ONE = 10_000n;

/** The largest amount that travels: what a JSON number carries exactly, 2^53 − 1. */
export const MAX_MONEY: Money = 9_007_199_254_740_991n;

/** The largest quantity: nine digits before the point and four after it stay exact in a JSON number. */
export const MAX_QUANTITY: Quantity = 999_999_999n * ONE + 9_999n;

/** numerator / denominator, rounded half away from zero. The denominator must not be 0. */
export function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const isNegative = numerator < 0n !== denominator < 0n;
  const n = absolute(numerator);
  const d = absolute(denominator);
  const rounded = (2n * n + d) / (2n * d);
  return isNegative ? -rounded : rounded;
}

export function absolute(value: bigint): bigint {
  return value < 0n ? -value : value;
}

export function minimum(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

export function sum(values: Iterable<bigint>): bigint {
  let total = 0n;
  for (const value of values) total += value;
  return total;
}

/**
 * The share rule (DOMAIN: amounts of a part). The part of `left` that `taken` units of `open` carry: all of it when
 * everything open is taken, else rounded. Repeated parts therefore add up to the whole in every order.
 */
export function shareOf(left: Money, taken: Quantity, open: Quantity): Money {
  if (taken === open) return left;
  return divideRounded(left * taken, open);
}

/**
 * Spreads `total` over `weights` (exact numerators over one common denominator) by largest remainder, ties to the
 * earlier one. Every part is its exact share rounded down or up, and the parts sum to `total`.
 * `total` must be the rounded sum of the exact shares, so that less than one unit a part is left to hand out.
 */
export function spreadByLargestRemainder(
  total: Money,
  weights: readonly bigint[],
  denominator: bigint,
): readonly Money[] {
  const floors = weights.map((weight) => floorDivide(weight, denominator));
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: weight - floorDivide(weight, denominator) * denominator }))
    .sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1));
  const parts = [...floors];
  const leftOver = Number(total - sum(floors));
  for (const { index } of byRemainder.slice(0, leftOver)) parts[index] = (parts[index] ?? 0n) + 1n;
  return parts;
}

function floorDivide(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  return numerator % denominator < 0n ? quotient - 1n : quotient;
}

/** The plain decimal text of a value in ten-thousandths, without trailing zeros: 55000n is "5.5". */
export function decimalText(value: bigint): string {
  const digits = absolute(value).toString().padStart(5, '0');
  const fraction = digits.slice(-4).replace(/0+$/, '');
  const text = fraction === '' ? digits.slice(0, -4) : `${digits.slice(0, -4)}.${fraction}`;
  return value < 0n ? `-${text}` : text;
}

/** Reads a plain decimal with at most four decimals into ten-thousandths; null when it is not one. */
export function parseDecimal(text: string): bigint | null {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,4}))?$/.exec(text);
  if (!match) return null;
  const value = BigInt(match[2] ?? '0') * ONE + BigInt((match[3] ?? '').padEnd(4, '0'));
  return match[1] === '-' ? -value : value;
}
