// The log: lines of JSON in which no secret and nothing personal stands, whatever was handed to it.

import { describe, expect, test } from 'vitest';
import { pinoLog, scrubbed } from '../../src/adapters/pino-log.ts';

function logged(details: Record<string, unknown>): { readonly line: string; readonly entry: Record<string, unknown> } {
  const lines: string[] = [];
  pinoLog('info', { write: (line) => void lines.push(line) }).warn('something.happened', details);
  const [line = ''] = lines;
  expect(lines).toHaveLength(1);
  expect(line.trimEnd().split('\n')).toHaveLength(1);
  return { line, entry: JSON.parse(line) as Record<string, unknown> };
}

const KEY = `bh_0123456789ab_${'s'.repeat(43)}`;
const JWT = 'eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.eyJtZXJjaGFudCI6ImRlbW8ifQ.c2lnbmF0dXJl';
const LINK = `WyJkZW1vIiwiZmlyc3QiLDE3NjM4MDAwMDAwMDBd.${'g'.repeat(43)}`;

describe('what must not be known is gone, the rest stays', () => {
  test.each([
    ['an API key', `invalid key ${KEY}!`, 'invalid key bh_0123456789ab_[redacted]!'],
    ['an API key in an address', `/graphql?key=${KEY}&x=1`, '/graphql?key=bh_0123456789ab_[redacted]&x=1'],
    ['an access token', `token: ${JWT}`, 'token: [redacted]'],
    ['a header', `Authorization: Bearer ${JWT} refused`, 'Authorization: Bearer [redacted] refused'],
    [
      'credentials of a client',
      'authorization: Basic YmhfOnNlY3JldA== refused',
      'authorization: Basic [redacted] refused',
    ],
    ['a link to a PDF', `GET /pdf/${LINK} failed`, 'GET /pdf/[redacted] failed'],
    ['a link to pay', `http://127.0.0.1:4000/pay/${LINK}?x=1`, 'http://127.0.0.1:4000/pay/[redacted]?x=1'],
    ['a signed token by itself', `got ${LINK}.`, 'got [redacted].'],
    ['a password with a slash in a URL', 'postgres://shop:s3cr/et@db:5432/x', 'postgres://[redacted]@db:5432/x'],
    ['a password in a URL', 'at postgres://shop:s3c@ret@db:5432/x?y', 'at postgres://[redacted]@db:5432/x?y'],
    ['a password in a setting', `password=hunter2 host=db`, 'password=[redacted] host=db'],
    ['a key of Stripe', 'Invalid API Key provided: sk_test_51Habc', 'Invalid API Key provided: sk_test_[redacted]'],
    ['an e-mail address', '550 5.1.1 <ada.l+x@example.com>: unknown', '550 5.1.1 <[redacted]>: unknown'],
    ['an e-mail address in Greek', 'to χρήστης@παράδειγμα.ελ now', 'to [redacted] now'],
    [
      'values of a unique key',
      'Key (merchant_id, name)=(demo, Ada (L.)) already exists.',
      'Key (merchant_id, name)=([redacted]) already exists.',
    ],
    ['a row', 'Failing row contains (demo, Ada Lovelace, null).', 'Failing row contains ([redacted]).'],
    ['a value', 'invalid input syntax for type json: "Ada"', 'invalid input syntax for type json: "[redacted]"'],
    ['bound values', `parameters: $1 = 'Ada', $2 = 'Kade 1'`, `parameters: $1 = '[redacted]'`],
    [
      'arguments of a call',
      'Invalid call:\n{\n  data: {\n    name: "Ada"\n  }\n}\n\nArgument missing',
      'Invalid call:\n{[redacted]}\n\nArgument missing',
    ],
  ])('%s', (_, text, expected) => expect(scrubbed(text)).toBe(expected));

  test.each([
    'relation "invoices" does not exist',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'Error: no\n    at open (file:///app/dist/adapters/pdfkit-page.js:12:5)\n    at /app/node_modules/@prisma/client/index.js:1:1',
    'http://127.0.0.1:4000',
    'column "email" of relation "customers" violates not-null constraint',
    'duplicate key value violates unique constraint "orders_pkey"',
    'The mail server was not done after 40 s.',
    '0199aa5c-7d4e-7000-8000-0123456789ab',
  ])('%j says nothing of anybody and stays', (text) => expect(scrubbed(text)).toBe(text));
});

describe('a line', () => {
  test('has a level by its name, a time and the event', () => {
    expect(logged({ invoiceId: 'i-1', attempt: 2 }).entry).toEqual({
      level: 'warn',
      time: expect.any(Number),
      pid: process.pid,
      invoiceId: 'i-1',
      attempt: 2,
      event: 'something.happened',
    });
  });

  test('is one line on every terminal, whatever stands in it', () => {
    const { line } = logged({ cause: 'a\r\nb\u001b[2J\u009b2J\u0085c\u2028d\u202ee\ud800' });
    expect(line).not.toMatch(/[\r\u001b\u009b\u0085\u2028\u202e]|\n(?!$)/); // eslint-disable-line no-control-regex
  });

  test('is cleaned at every depth: in lists, in objects, in errors', () => {
    const { line } = logged({
      data: { reference: { to: ['ada@example.com'] } },
      error: new Error(`no ${KEY}`),
      deep: { a: { b: { c: { d: { e: { f: { g: { h: KEY } } } } } } } },
    });
    expect(line).not.toContain('ada@');
    expect(line).not.toContain('s'.repeat(43));
    expect(line).toContain('Error: no bh_0123456789ab_[redacted]');
  });

  test.each(['password', 'token', 'authorization', 'apiKey', 'email', 'customer'])(
    'leaves out what is called %s',
    (name) => {
      const { line } = logged({ [name]: 'Ada Lovelace', request: { [name]: 'Ada Lovelace' } });
      expect(line).not.toContain('Ada');
    },
  );

  test('of a megabyte is cut', () => expect(logged({ cause: 'x'.repeat(1_000_000) }).line.length).toBeLessThan(5_000));

  test('keeps dates as dates', () =>
    expect(logged({ retryAt: new Date(0) }).entry['retryAt']).toBe('1970-01-01T00:00:00.000Z'));

  test.each([
    'a'.repeat(8_000),
    '@'.repeat(8_000),
    `${'a'.repeat(4_000)}://${'b'.repeat(3_900)}`,
    '{\n'.repeat(4_000),
    '"'.repeat(8_000),
    'invalid input '.repeat(500),
  ])('is written without going round in circles over what was made to do so', (text) =>
    expect(scrubbed(text).length).toBeGreaterThan(0),
  );
});
