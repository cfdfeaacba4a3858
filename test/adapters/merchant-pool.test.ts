// Connections between merchants: no caller ever gets one that is set to another merchant, whatever happened on it before.

import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MerchantPool } from '../../src/adapters/merchant-pool.ts';
import { behindWall, EVERY_MERCHANT, reaching, type Reach } from '../../src/adapters/merchant-reach.ts';
import { connectPrisma } from '../../src/adapters/prisma-database.ts';
import type { StoreClient } from '../../src/adapters/prisma-rows.ts';
import { DEMO_MERCHANT } from '../../src/sample-data/demo-merchant.ts';
import { createTestDatabase, type TestDatabase } from '../setup/database.ts';

const MERCHANTS = ['a', 'b', 'c', 'd', 'e'];

let database: TestDatabase;
let pool: MerchantPool;

beforeAll(async () => {
  database = await createTestDatabase();
  const prisma = connectPrisma(database.url, null);
  for (const id of MERCHANTS) await prisma.merchants.insert({ ...DEMO_MERCHANT, id }, new Date());
  await prisma.close();
});
afterAll(() => database.drop());

beforeEach(() => {
  pool = new MerchantPool({ connectionString: database.url, max: 1, role: null });
});
afterEach(() => pool.end());

type Queryable = Pick<pg.ClientBase, 'query'>;

async function seenBy(queryable: Queryable = pool): Promise<readonly string[]> {
  const { rows } = await queryable.query<{ merchant_id: string }>('SELECT merchant_id FROM merchants ORDER BY 1');
  return rows.map((row) => row.merchant_id);
}

async function backend(queryable: Queryable = pool): Promise<number> {
  const { rows } = await queryable.query<{ id: number }>('SELECT pg_backend_pid() AS id');
  return rows[0]?.id ?? 0;
}

const as = <T>(reach: Reach, work: () => Promise<T>) => reaching(reach, work);

/** Runs with every statement that `isMeant` going through `instead`, on all connections. */
async function meddling<T>(instead: (text: string) => Error | null, run: () => Promise<T>): Promise<T> {
  const prototype = pg.Client.prototype as unknown as { query: (this: pg.Client, ...args: unknown[]) => unknown };
  const { query } = prototype;
  prototype.query = function (...args) {
    const [statement, callback] = args as [{ readonly text?: string }, ((error: Error) => void) | undefined];
    const error = instead(statement.text ?? '');
    return error ? setImmediate(() => callback?.(error)) : query.apply(this, args);
  };
  try {
    return await run();
  } finally {
    prototype.query = query;
  }
}

test('the same connection serves one merchant after the other, and each sees itself alone', async () => {
  const first = await as('a', backend);
  for (const merchant of ['a', 'b', 'a', 'b', 'b']) {
    expect(await as(merchant, seenBy)).toEqual([merchant]);
    expect(await as(merchant, backend)).toBe(first);
  }
});

test('who is in no call of a store sees nothing, also on a connection that served a merchant', async () => {
  expect(await seenBy()).toEqual([]);
  expect(await as('a', seenBy)).toEqual(['a']);
  expect(await seenBy()).toEqual([]);
  expect(await as('no such merchant', seenBy)).toEqual([]);
  expect(await as('a\u0000', seenBy)).toEqual([]);
});

test('what the URL sets opens nothing', async () => {
  const url = new URL(database.url);
  const options = encodeURIComponent('-c billhead.scope=all -c billhead.merchant=b');
  const set = new MerchantPool({ connectionString: `${url.href}?options=${options}`, max: 1, role: null });
  expect(await seenBy(set)).toEqual([]);
  expect(await as('a', () => seenBy(set))).toEqual(['a']);
  await set.end();
});

test('500 callers at once on three connections each see their own merchant', async () => {
  const three = new MerchantPool({ connectionString: database.url, max: 3, role: null });
  const callers = Array.from({ length: 500 }, (_, index) => MERCHANTS[(index * 7) % 11] ?? 'a');
  const seen = await Promise.all(
    callers.map((merchant, index) =>
      as(merchant, async () => {
        if (index % 5 !== 0) return seenBy(three);
        const client = await three.connect();
        try {
          await client.query('BEGIN');
          const inside = await seenBy(client);
          await client.query(index % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
          return inside;
        } finally {
          client.release();
        }
      }),
    ),
  );
  expect(seen).toEqual(callers.map((merchant) => [merchant]));
  await three.end();
});

test('a merchant that was set is not taken back by a transaction that fails', async () => {
  await as('a', seenBy);
  await as('b', async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    expect(await seenBy(client)).toEqual(['b']);
    await expect(client.query('SELECT 1 / 0')).rejects.toThrow('division by zero');
    await client.query('ROLLBACK');
    expect(await seenBy(client)).toEqual(['b']);
    client.release();
  });
  expect(await as('b', seenBy)).toEqual(['b']);
  expect(await as('a', seenBy)).toEqual(['a']);
});

test.each([
  ['open', 'SELECT 1'],
  ['failed', 'SELECT 1 / 0'],
])('a connection that comes back with an %s transaction is closed', async (_, statement) => {
  const used = await as('a', async () => {
    const client = await pool.connect();
    const id = await backend(client);
    await client.query('BEGIN');
    await client.query(statement).catch(() => undefined);
    client.release();
    return id;
  });
  expect(await as('a', backend)).not.toBe(used);
  expect(await as('b', seenBy)).toEqual(['b']);
});

test('a connection on which the merchant could not be set is closed, and the caller is told', async () => {
  const used = await as('a', backend);
  const isSetting = (text: string) => text.startsWith(`SELECT set_config('billhead.merchant'`);
  const failing = meddling(
    (text) => (isSetting(text) ? new Error('not set') : null),
    () => as('b', seenBy),
  );
  await expect(failing).rejects.toThrow('not set');
  expect(await as('a', backend)).not.toBe(used);
  expect(await as('b', seenBy)).toEqual(['b']);
});

test('a connection that breaks while it is set ends neither the process nor the pool', async () => {
  const used = await as('a', backend);
  const killer = new pg.Client({ connectionString: database.url });
  await killer.connect();
  const isSetting = (text: string) => text.startsWith(`SELECT set_config('billhead.merchant'`);
  let killing: Promise<unknown> = Promise.resolve();
  const broken = meddling(
    (text) => {
      if (isSetting(text)) killing = killer.query('SELECT pg_terminate_backend($1)', [used]);
      return null;
    },
    () => as('b', () => pool.query('SELECT pg_sleep(5)')),
  );
  await expect(broken).rejects.toThrow();
  await killing;
  expect(await as('b', seenBy)).toEqual(['b']);
  await killer.end();
});

test.each(['a', EVERY_MERCHANT] as const)(
  'a connection that breaks while %s has it fails the next statement, and not the process',
  async (reach) => {
    const client = await as(reach, () => pool.connect());
    const gone = new Promise((resolve) => client.once('end', resolve));
    const watcher = new pg.Client({ connectionString: database.url });
    await watcher.connect();
    await watcher.query('SELECT pg_terminate_backend($1)', [await backend(client)]);
    await watcher.end();
    await gone;
    await expect(client.query('SELECT 1')).rejects.toThrow();
    client.release(true);
    expect(await as('a', seenBy)).toEqual(['a']);
  },
);

test('the merchant is set only when it changes', async () => {
  let times = 0;
  const counting = (text: string) => {
    if (text.includes('set_config')) times += 1;
    return null;
  };
  await meddling(counting, async () => {
    for (let round = 0; round < 10; round += 1) await as('a', seenBy);
    // What goes across merchants does not disturb it.
    await as(EVERY_MERCHANT, seenBy);
    for (let round = 0; round < 10; round += 1) await as('a', seenBy);
    await as('b', seenBy);
  });
  // Two new connections, and one change.
  expect(times).toBe(3);
});

test('connections that reach all merchants never serve one', async () => {
  const wide = new MerchantPool({ connectionString: database.url, max: 2, role: null });
  const across = new Set<number>();
  const walled = new Set<number>();
  const calls = Array.from({ length: 60 }, async (_, index) => {
    if (index % 2 === 0) {
      across.add(await as(EVERY_MERCHANT, () => backend(wide)));
      expect(await as(EVERY_MERCHANT, () => seenBy(wide))).toEqual(MERCHANTS);
    } else walled.add(await as('a', () => backend(wide)));
  });
  await Promise.all(calls);
  expect([...across].filter((id) => walled.has(id))).toEqual([]);
  expect(walled.size).toBe(2);
  await wide.end();
});

describe('the database port', () => {
  test('serves many merchants at the same moment, in and out of transactions', async () => {
    const prisma = connectPrisma(database.url, null);
    const calls = Array.from({ length: 200 }, (_, index) => MERCHANTS[(index * 7) % 11] ?? 'a').map(
      async (id, index) => {
        if (index % 3 === 0) return [id, (await prisma.transact(id, (transaction) => transaction.merchant())).id];
        return [id, (await prisma.merchants.find(id))?.id];
      },
    );
    for (const [asked, found] of await Promise.all(calls)) expect(found).toBe(asked);
    await prisma.close();
  });

  test('a transaction reaches no other merchant, whose id it may be given', async () => {
    const prisma = connectPrisma(database.url, null);
    const reference = { merchantId: 'b', callId: 'x' };
    await prisma.transact('a', async (transaction) => {
      expect((await transaction.merchant()).id).toBe('a');
      // A store's call inside has a merchant, and a connection, of its own.
      expect(await prisma.merchants.find('b')).not.toBeNull();
      expect(await prisma.gatewayCalls.find(reference)).toBeNull();
      expect((await transaction.merchant()).id).toBe('a');
    });
    await prisma.close();
  });

  test('a store that does not name its merchant first, and is not said to go across, does not compile', () => {
    const store = { sweep: async (_: Date) => 1, find: async (_: string) => 2 };
    // @ts-expect-error `sweep` names no merchant
    behindWall(store);
    expect(behindWall(store, ['sweep'])).toHaveProperty('sweep');
    // @ts-expect-error Prisma would put it into one query with those of other merchants
    const look = (client: StoreClient) => client.merchant.findUnique;
    expect(look).toBeTypeOf('function');
  });
});
