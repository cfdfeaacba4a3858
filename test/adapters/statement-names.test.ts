// Which statements PostgreSQL keeps the plans of.

import { expect, test } from 'vitest';
import { statementNames } from '../../src/adapters/statement-names.ts';

const LOOK_UP = 'SELECT "public"."orders"."id" FROM "public"."orders" WHERE "public"."orders"."id" = $1';

test('look-ups and changes have a name each, always the same', () => {
  const nameOf = statementNames();
  const one = nameOf({ sql: LOOK_UP, args: ['a'] });
  const other = nameOf({ sql: 'UPDATE orders SET status = $1', args: ['NEW'] });
  expect(one).toMatch(/^billhead_\d+$/);
  expect(other).not.toBe(one);
  expect(nameOf({ sql: LOOK_UP, args: ['b'] })).toBe(one);
});

test('lists, and look-ups by many ids, are planned each time', () => {
  const nameOf = statementNames();
  expect(nameOf({ sql: 'SELECT r.id FROM orders r WHERE r.merchant_id = $1 LIMIT $2', args: ['a', 1] })).toBe('');
  expect(nameOf({ sql: LOOK_UP, args: Array.from({ length: 9 }, () => 'a') })).toBe('');
});

test('a connection keeps no more than a limit', () => {
  const nameOf = statementNames();
  const names = Array.from({ length: 600 }, (_, index) =>
    nameOf({ sql: `UPDATE orders SET status = '${index}'`, args: [] }),
  );
  expect(new Set(names.slice(0, 500)).size).toBe(500);
  expect(names.slice(500).every((name) => name === '')).toBe(true);
});
