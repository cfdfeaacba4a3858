// /readyz says what is so: what is away, what takes nothing, what may forget, and that we are about to go.

import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createFlakyNetwork } from '../adapters/flaky-network.ts';
import { createTestDatabase } from '../setup/database.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct, type TestProductOptions } from '../setup/product.ts';
import { startRedis } from '../setup/redis.ts';
import { startHttpServer } from '../../src/http/server.ts';
import { quietLog } from '../setup/quiet-log.ts';

const hasRedis = await startRedis().then(async (redis) => {
  await redis?.stop();
  return redis !== null;
});

/** What a test opened, closed in reverse order after it. */
const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  while (opened.length > 0) await opened.pop()?.();
});

vi.setConfig({ testTimeout: 60_000 });

interface Readiness {
  readonly code: number;
  readonly status: string;
  readonly [part: string]: unknown;
}

async function readiness(address: string): Promise<Readiness> {
  const response = await fetch(`${address}/readyz`);
  return { code: response.status, ...((await response.json()) as { status: string }) };
}

async function start(options: TestProductOptions = {}): Promise<TestProduct> {
  const billhead = await startTestProduct(options);
  opened.push(() => billhead.close());
  return billhead;
}

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  opened.push(() => client.end());
  return client;
}

async function becomes({ address }: TestProduct, expected: object): Promise<void> {
  await eventually(
    async () => {
      expect(await readiness(address)).toMatchObject(expected);
      return true;
    },
    { timeoutMs: 25_000 },
  );
}

const READY = { code: 200, status: 'ok', database: 'ok', migrations: 'ok', queue: 'ok' };

describe('the database', () => {
  test.each([
    ['refuses connections', 'refuse'],
    ['takes connections without an answer', 'goSilent'],
  ] as const)(
    '%s: not ready, and ready again when it is back',
    async (_, how) => {
      const database = await createTestDatabase();
      const network = await createFlakyNetwork(database.url);
      opened.push(
        () => database.drop(),
        () => network.close(),
      );
      const billhead = await start({ env: { DATABASE_URL: network.through(database.url) } });
      expect(await readiness(billhead.address)).toEqual(READY);
      opened.push(() => network.recover());
      await network[how]();
      await becomes(billhead, { code: 503, status: 'unavailable', database: 'unavailable' });
      expect((await fetch(`${billhead.address}/healthz`)).status).toBe(200);
      await network.recover();
      await becomes(billhead, READY);
    },
    60_000,
  );

  test('takes nothing that is written: not ready', async () => {
    const billhead = await start();
    const admin = await connect(billhead.databaseUrl);
    const name = new URL(billhead.databaseUrl).pathname.slice(1);
    await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    // As after a switch to a standby, the connections are new ones.
    await admin.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
      [name],
    );
    await becomes(billhead, { code: 503, database: 'unavailable' });
  });

  test('has every connection taken by calls that do not end: not ready, until they do', async () => {
    const billhead = await start();
    const holder = await connect(billhead.databaseUrl);
    await holder.query('BEGIN; LOCK TABLE invoices IN ACCESS EXCLUSIVE MODE');
    const stuck = Array.from({ length: 40 }, () => billhead.graphql('{ invoices(first: 1) { nodes { id } } }'));
    await becomes(billhead, { code: 503, status: 'unavailable', database: 'unavailable' });
    await holder.query('ROLLBACK');
    await Promise.all(stuck);
    await becomes(billhead, READY);
  });

  test('lacks a migration, as when an older backup was restored below: not ready', async () => {
    const billhead = await start();
    const admin = await connect(billhead.databaseUrl);
    const name = '20261122080000_operations';
    await admin.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1', [name]);
    expect(await readiness(billhead.address)).toMatchObject({ code: 503, migrations: 'unavailable', database: 'ok' });
  });

  test('is of a later version, in the middle of an upgrade: ready, and it says so', async () => {
    const billhead = await start();
    const admin = await connect(billhead.databaseUrl);
    await admin.query(`INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
      VALUES ('later', 'x', now(), '29990101000000_later')`);
    expect(await readiness(billhead.address)).toEqual({ ...READY, status: 'degraded', migrations: 'newer' });
    // A server of this version that restarts meanwhile comes up.
    const second = await billhead.addServer();
    opened.push(() => second.close());
    expect(await readiness(second.address)).toMatchObject({ code: 200, migrations: 'newer' });
  });
});

describe.skipIf(!hasRedis)('the queue on Redis', () => {
  async function startOnRedis() {
    const redis = await startRedis();
    if (!redis) throw new Error('redis-server went away');
    opened.push(() => redis.stop());
    const admin = new Redis(redis.url);
    opened.push(async () => admin.disconnect());
    admin.on('error', () => {});
    return { billhead: await start({ redisUrl: redis.url }), admin, redis };
  }

  async function expectMutationsGoOn(billhead: TestProduct): Promise<void> {
    await billhead.ask(PLACE_ORDER, { input: order('o1') });
    await billhead.ask(INVOICE_ITEMS, { input: { items: ['o1-1'] } });
  }

  const DEGRADED = { code: 200, status: 'degraded', database: 'ok' };

  test('is gone: a server is degraded and goes on', async () => {
    const { billhead, redis } = await startOnRedis();
    expect(await readiness(billhead.address)).toEqual(READY);
    await redis.kill();
    await becomes(billhead, { ...DEGRADED, queue: 'unavailable' });
    await expectMutationsGoOn(billhead);
  });

  test('is full: what it answers without writing does not count', async () => {
    const { billhead, admin } = await startOnRedis();
    await admin.config('SET', 'maxmemory', '1');
    await becomes(billhead, { ...DEGRADED, queue: 'unavailable' });
    await expectMutationsGoOn(billhead);
    await admin.config('SET', 'maxmemory', '0');
    await becomes(billhead, READY);
  });

  test('became a replica, which takes nothing that is written', async () => {
    const { billhead, admin } = await startOnRedis();
    await admin.replicaof('127.0.0.1', '1');
    await becomes(billhead, { ...DEGRADED, queue: 'unavailable' });
    await admin.replicaof('NO', 'ONE');
    await becomes(billhead, READY);
  });

  test('was set to evict while we run: degraded, and the log says so once', async () => {
    const events: string[] = [];
    const log = { ...quietLog, error: (event: string) => void events.push(event) };
    const redis = await startRedis();
    if (!redis) throw new Error('redis-server went away');
    opened.push(() => redis.stop());
    const billhead = await start({ redisUrl: redis.url, log });
    const admin = new Redis(redis.url);
    opened.push(async () => admin.disconnect());
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    for (let time = 0; time < 3; time += 1) {
      expect(await readiness(billhead.address)).toMatchObject({ ...DEGRADED, queue: 'evicting' });
    }
    expect(events).toEqual(['redis.evicts']);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    expect(await readiness(billhead.address)).toEqual(READY);
  });

  test('forbids CONFIG, as hosted ones do: its policy is known all the same', async () => {
    const redis = await startRedis();
    if (!redis) throw new Error('redis-server went away');
    opened.push(() => redis.stop());
    const admin = new Redis(redis.url);
    opened.push(async () => admin.disconnect());
    await admin.call('ACL', 'SETUSER', 'hosted', 'on', '>secret', '~*', '&*', '+@all', '-config');
    const redisUrl = redis.url.replace('redis://', 'redis://hosted:secret@');
    expect(await readiness((await start({ redisUrl })).address)).toEqual(READY);
    await admin.config('SET', 'maxmemory-policy', 'volatile-lru');
    await expect(startTestProduct({ redisUrl })).rejects.toThrow(/noeviction/);
  });
});

test('stopping: not ready at once, while requests are still answered, each the last on its connection', async () => {
  let begin = () => {};
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    log: quietLog,
    readyChecks: { database: { ask: async () => 'ok', isNeeded: true } },
    drainMs: 3_000,
    doors: [
      async (host) => {
        host.get('/slow', () => new Promise((resolve) => (begin = () => resolve({ done: true }))));
      },
    ],
  });
  const slow = fetch(`${server.address}/slow`);
  expect(await readiness(server.address)).toEqual({ code: 200, status: 'ok', database: 'ok' });
  const closed = server.close();
  const told = await fetch(`${server.address}/readyz`);
  expect({ code: told.status, body: await told.json(), connection: told.headers.get('connection') }).toEqual({
    code: 503,
    body: { status: 'stopping' },
    connection: 'close',
  });
  expect((await fetch(`${server.address}/healthz`)).status).toBe(200);
  begin();
  const answer = await slow;
  expect({ body: await answer.json(), connection: answer.headers.get('connection') }).toEqual({
    body: { done: true },
    connection: 'close',
  });
  await closed;
  await expect(fetch(`${server.address}/healthz`)).rejects.toThrow();
});
