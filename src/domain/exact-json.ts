// JSON that brings back what it was given: whole numbers of any size, instants and refusals beside texts, numbers and lists.

import { Refusal } from './errors.ts';

const WHOLE = '$whole';
const INSTANT = '$instant';
const REFUSAL = '$refusal';

/** Takes plain values: no functions, no instances of other classes than Date and Refusal. */
export function writeExactJson(value: unknown): string {
  return JSON.stringify(tagged(value));
}

export function readExactJson(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name, content] = (entries[0] ?? []) as readonly [string?, unknown?];
    if (entries.length !== 1) return value;
    if (name === REFUSAL) {
      const { code, message, ...details } = content as Refusal;
      return new Refusal(code, message, details);
    }
    if (name === WHOLE) return BigInt(content as string);
    return name === INSTANT ? new Date(content as string) : value;
  });
}

// By hand, because JSON.stringify shows its replacer an instant only after it has become a text.
function tagged(value: unknown): unknown {
  if (typeof value === 'bigint') return { [WHOLE]: value.toString() };
  if (value instanceof Date) return { [INSTANT]: value.toISOString() };
  if (value instanceof Refusal) {
    const { code, message, faults, blockers, retryAfterSeconds } = value;
    return { [REFUSAL]: { code, message, faults, blockers, retryAfterSeconds } };
  }
  if (Array.isArray(value)) return value.map(tagged);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, tagged(content)]));
}
