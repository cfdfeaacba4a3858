// Decimal text of foreign data to exact integers, for the test data that is converted to orders.

/** value = digits / 10^decimals, without trailing zeros after the point. */
interface ExactDecimal {
  readonly digits: bigint;
  readonly decimals: number;
}

interface ExactPrice {
  readonly unitPrice: bigint;
  readonly priceBaseQuantity: bigint;
}

/** Reads "64.", "+0.10", "5.5000"; throws on anything that is no plain decimal. */
export function readDecimal(text: string): ExactDecimal {
  const match = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (!match) throw new Error(`"${text}" is not a decimal.`);
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  const digits = BigInt(`${match[2] ?? ''}${fraction}`);
  return { digits: match[1] === '-' ? -digits : digits, decimals: fraction.length };
}

/** An amount in the minor unit of a currency with that many digits after the point; throws when it is finer. */
export function minorUnits(text: string, exponent: number): bigint {
  const { digits, decimals } = readDecimal(text);
  if (decimals > exponent) throw new Error(`${text} is finer than the minor unit.`);
  return digits * 10n ** BigInt(exponent - decimals);
}

/** A price finer than the minor unit becomes the whole price of 10, 100, … units. */
export function exactPrice(text: string, exponent: number): ExactPrice {
  const { digits, decimals } = readDecimal(text);
  const finer = Math.max(decimals - exponent, 0);
  return {
    unitPrice: digits * 10n ** BigInt(Math.max(exponent - decimals, 0)),
    priceBaseQuantity: 10n ** BigInt(finer),
  };
}
