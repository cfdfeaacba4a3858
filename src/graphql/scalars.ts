// The scalars of the API: JSON on the outside, exact integers and dates on the inside.

import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { decimalText, MAX_MONEY, MAX_QUANTITY, absolute, ONE, parseDecimal } from '../domain/money.ts';

function invalid(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** A number literal as its source text, so that nothing is rounded before it is read. */
function numberText(node: ValueNode, scalar: string): string {
  if (node.kind !== Kind.INT && node.kind !== Kind.FLOAT) throw invalid(`${scalar} must be a number.`);
  return node.value;
}

function readMoney(value: unknown): bigint {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw invalid('Money must be a whole number, in the minor unit of the currency (cents).');
  }
  if (!Number.isSafeInteger(value)) throw invalid(`Money must be at most ${MAX_MONEY} (2^53 - 1) either way.`);
  return BigInt(value);
}

export const Money = new GraphQLScalarType<bigint, number>({
  name: 'Money',
  parseValue: readMoney,
  parseLiteral: (node) => {
    const text = numberText(node, 'Money');
    if (!/^-?\d+$/.test(text))
      throw invalid('Money must be a whole number, in the minor unit of the currency (cents).');
    const value = BigInt(text);
    if (absolute(value) > MAX_MONEY) throw invalid(`Money must be at most ${MAX_MONEY} (2^53 - 1) either way.`);
    return value;
  },
  serialize: (value) => {
    if (typeof value !== 'bigint' || absolute(value) > MAX_MONEY)
      throw new RangeError(`Not an amount: ${String(value)}`);
    return Number(value);
  },
});

function readQuantity(text: string): bigint {
  const value = parseDecimal(text);
  if (value === null) throw invalid('Quantity must be a number with at most four decimals.');
  if (absolute(value) > MAX_QUANTITY) throw invalid(`Quantity must be at most ${decimalText(MAX_QUANTITY)}.`);
  return value;
}

export const Quantity = new GraphQLScalarType<bigint, number>({
  name: 'Quantity',
  parseValue: (value) => {
    if (typeof value !== 'number') throw invalid('Quantity must be a number.');
    return readQuantity(String(value));
  },
  parseLiteral: (node) => readQuantity(numberText(node, 'Quantity')),
  serialize: (value) => Number(value) / Number(ONE),
});

function readDecimal(value: unknown): bigint {
  const decimal = typeof value === 'string' ? parseDecimal(value) : null;
  if (decimal === null) throw invalid('Decimal must be a string such as "21" or "5.5", with at most four decimals.');
  return decimal;
}

export const Decimal = new GraphQLScalarType<bigint, string>({
  name: 'Decimal',
  parseValue: readDecimal,
  parseLiteral: (node) => readDecimal(node.kind === Kind.STRING ? node.value : null),
  serialize: (value) => decimalText(value as bigint),
});

const RFC_3339 = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

function readInstant(value: unknown): Date {
  const match = typeof value === 'string' ? RFC_3339.exec(value) : null;
  const instant = new Date(match ? (value as string) : NaN);
  // An offset can move an instant out of the years that are written with four digits.
  const year = instant.getUTCFullYear();
  if (Number.isNaN(year) || year < 1900 || year > 9999 || !isDay(match?.[1] ?? '')) {
    throw invalid('DateTime must be RFC 3339, such as "2026-11-21T14:03:00Z".');
  }
  return instant;
}

// Date reads 30 February as 2 March; no calendar has it.
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text) && text >= '1900';
}

export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  parseValue: readInstant,
  parseLiteral: (node) => readInstant(node.kind === Kind.STRING ? node.value : null),
  serialize: (value) => (value as Date).toISOString(),
});

function readDay(value: unknown): string {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value) || !isDay(value)) {
    throw invalid('Date must be a calendar day, YYYY-MM-DD.');
  }
  return value;
}

export const CalendarDay = new GraphQLScalarType<string, string>({
  name: 'Date',
  parseValue: readDay,
  parseLiteral: (node) => readDay(node.kind === Kind.STRING ? node.value : null),
  serialize: (value) => String(value),
});
