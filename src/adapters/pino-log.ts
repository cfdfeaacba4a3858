// The log: one JSON line an event, through pino, without secrets and without what is known of people.
//
// 1. Ids stay, so that an event can be followed up; keys, tokens, signed links, passwords and e-mail addresses go.
// 2. Errors of the database repeat values of rows, which can be names: the values go, the rest of the message stays.
// 3. A text is cleaned wherever it stands, so that no place that logs can forget it.

import { pino, type DestinationStream } from 'pino';
import type { Log } from '../ports.ts';

const REDACTED = '[redacted]';
const LONGEST_TEXT = 4_000;
const DEEPEST = 6;

/** Whatever is in a field of this name is nothing for a log. */
const SECRET_FIELDS = ['authorization', 'cookie', 'password', 'secret', 'secretKey', 'apiKey', 'token', 'credential'];
const PERSONAL_FIELDS = ['email', 'recipient', 'customer', 'buyer', 'phone', 'iban'];

const SCRUBBED: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // postgres://user:password@host. Up to the last @: passwords hold signs that they should not.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi, `$1${REDACTED}@`],
  [/\b(Bearer|Basic)\s+[\w+/=.~-]+/gi, `$1 ${REDACTED}`],
  // The beginning of a key names it, as in the list of keys; the rest is the secret.
  [/\b(bh_[A-Za-z0-9-]{8,32})_[\w-]+/g, `$1_${REDACTED}`],
  [/\b((?:sk|rk)_(?:(?:live|test)_)?)\w+/g, `$1${REDACTED}`],
  [/\b(whsec_)[\w+/=-]+/g, `$1${REDACTED}`],
  // Access tokens, and any other JWT.
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, REDACTED],
  // Signed links, with or without the address before them: the token is the permission.
  [/\/(pdf|pay)\/[\w.~%-]{20,}/g, `/$1/${REDACTED}`],
  [/\b[\w-]{16,}\.[\w-]{43}(?![\w-])/g, REDACTED],
  [/\b((?:\w*_)?(?:password|passwd|secret|token|api_?key)["']?\s*[=:]\s*)["']?[^\s"'&,;]+/gi, `$1${REDACTED}`],
  // PostgreSQL: which row, what could not be read, what was bound.
  [/(Key \([^)\n]*\)=)\([^\n]*\)/g, `$1(${REDACTED})`],
  [/(Failing row contains )\([\s\S]*\)/g, `$1(${REDACTED})`],
  [/((?:invalid input|out of range|malformed|invalid value|invalid byte)[^"\n]*: )(\\?")[^\n]*\2/gi, `$1"${REDACTED}"`],
  [/(\$\d+ = )'[^\n]*'/g, `$1'${REDACTED}'`],
  // Prisma: the arguments of a call.
  [/\{\n[\s\S]*\n\s*\}/g, `{${REDACTED}}`],
  [/[^\s@<>(),;:"'`=[\]{}/\\]+@[^\s@<>(),;:"'`=[\]{}/\\]+/gu, REDACTED],
];

// JSON escapes the other control characters by itself. These it leaves, and a terminal or a reader of lines obeys them.
const OBEYED = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g;

/** The text without secrets, personal data and whatever could make more of it than one line. */
export function scrubbed(text: string): string {
  // Cut first: nobody can make the log work through a megabyte.
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  return SCRUBBED.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), cut).replace(
    OBEYED,
    '\ufffd',
  );
}

function scrubbedValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubbed(value);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  if (depth === DEEPEST) return REDACTED;
  if (value instanceof Error) return scrubbed(value.stack ?? String(value));
  if (Array.isArray(value)) return value.map((entry) => scrubbedValue(entry, depth + 1));
  return scrubbedFields(value, depth);
}

function scrubbedFields(details: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, scrubbedValue(value, depth + 1)]));
}

/** `destination`: where the lines go, standard output unless told. */
export function pinoLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: { pid: process.pid },
    messageKey: 'event',
    redact: { paths: [...SECRET_FIELDS, ...PERSONAL_FIELDS].flatMap((name) => [name, `*.${name}`]), censor: REDACTED },
    formatters: { level: (label: string) => ({ level: label }), log: (details: object) => scrubbedFields(details) },
  };
  const logger = destination ? pino(options, destination) : pino(options);
  return {
    info: (event, details = {}) => logger.info(details, event),
    warn: (event, details = {}) => logger.warn(details, event),
    error: (event, details = {}) => logger.error(details, event),
  };
}
