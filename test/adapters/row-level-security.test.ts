// The wall in the database: what a connection reaches whatever its statements say, and for whom the product refuses to start.

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../src/adapters/migrations.ts';
import { connectPrisma } from '../../src/adapters/prisma-database.ts';
import { raiseWall } from '../../src/adapters/row-level-security.ts';
import { DEMO_MERCHANT } from '../../src/sample-data/demo-merchant.ts';
import { asSuperuser, createTestDatabase } from '../setup/database.ts';
import { addFurnishedMerchant, merchantTables, rowsOf } from '../setup/furnished-merchant.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { quietLog } from '../setup/quiet-log.ts';

/** Tables that hold no rows of merchants, or that are reached by somebody else. */
const WITHOUT_WALL: Readonly<Record<string, string>> = {
  _prisma_migrations: 'the books of the migrations',
  signing_keys: 'sign the tokens of the whole installation',
  test_gateway_entries: 'the books of another party, on connections of its own',
};

let billhead: TestProduct;
/** Sees all merchants. */
let everyone: pg.Client;
/** The product's own user, with nothing set. */
let connection: pg.Client;
let tables: readonly string[];

beforeAll(async () => {
  billhead = await startTestProduct();
  await addFurnishedMerchant(billhead, 'a', 'amark-');
  await addFurnishedMerchant(billhead, 'b', 'bmark-');
  everyone = await connect(billhead.databaseUrl);
  connection = await connect(plain(billhead.databaseUrl));
  tables = await merchantTables(everyone);
});
afterAll(async () => {
  await everyone.end();
  await connection.end();
  await billhead.close();
});

async function connect(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  return client;
}

function plain(databaseUrl: string): string {
  return databaseUrl.split('?')[0] ?? '';
}

/** Runs statements as merchant "a", and takes everything back. */
async function asA<T>(run: () => Promise<T>): Promise<T> {
  await connection.query(`BEGIN; SELECT set_config('billhead.merchant', 'a', true)`);
  try {
    return await run();
  } finally {
    await connection.query('ROLLBACK');
  }
}

async function count(client: pg.Client, table: string, where = 'true'): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${table} WHERE ${where}`);
  return Number(rows[0]?.count);
}

test('every table has the wall, or a reason to be without one', async () => {
  const { rows } = await everyone.query<{ name: string; is_walled: boolean }>(`
    SELECT c.relname AS name, c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
      SELECT FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname AND p.permissive = 'PERMISSIVE'
        AND p.policyname = 'merchants_never_meet' AND p.cmd = 'ALL' AND p.roles = '{public}' AND p.with_check IS NULL
        AND p.qual ~ 'merchant_id = .*billhead\\.merchant'
    ) AND 1 = (SELECT count(*) FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname) AS is_walled
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`);
  const open = rows.filter(({ is_walled: isWalled }) => !isWalled).map(({ name }) => name);
  // A migration that makes a table ends with "SELECT wall_off_merchants()".
  expect(open.toSorted()).toEqual(Object.keys(WITHOUT_WALL));
  expect(rows.filter(({ is_walled: isWalled }) => isWalled).map(({ name }) => name)).toEqual(
    expect.arrayContaining([...tables]),
  );
  expect(tables.length).toBeGreaterThan(15);
});

test('the furnished merchant has rows in every table, or a table would go untested below', async () => {
  const empty = Object.entries(await rowsOf(everyone, 'b')).filter(([, rows]) => rows.length === 0);
  expect(empty).toEqual([]);
});

test('a connection that named no merchant sees nothing', async () => {
  for (const table of tables) expect({ table, seen: await count(connection, table) }).toEqual({ table, seen: 0 });
});

test('a connection sees all of its merchant in every table, and nothing of another', async () => {
  for (const table of tables) {
    const own = await count(everyone, table, `merchant_id = 'a'`);
    const seen = await asA(async () => [
      await count(connection, table),
      await count(connection, table, `merchant_id = 'b'`),
      await count(connection, table, `merchant_id <> 'a' OR merchant_id IS NULL`),
    ]);
    expect({ table, seen }).toEqual({ table, seen: [own, 0, 0] });
  }
});

test('a connection changes and deletes no row of another merchant in any table', async () => {
  const before = await rowsOf(everyone, 'b');
  for (const table of tables) {
    const own = await count(everyone, table, `merchant_id = 'a'`);
    const changed = await asA(async () => [
      (await connection.query(`UPDATE ${table} SET merchant_id = merchant_id`)).rowCount,
      (await connection.query(`UPDATE ${table} SET merchant_id = 'a' WHERE merchant_id = 'b'`)).rowCount,
      (await connection.query(`DELETE FROM ${table} WHERE merchant_id = 'b'`)).rowCount,
    ]);
    expect({ table, changed }).toEqual({ table, changed: [own, 0, 0] });
  }
  expect(await rowsOf(everyone, 'b')).toEqual(before);
});

test('a connection gives no row to another merchant, new or its own', async () => {
  for (const table of tables) {
    const { rows } = await everyone.query<{ columns: string }>(
      `SELECT string_agg(quote_ident(attname), ', ') AS columns FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
      [table],
    );
    const columns = rows[0]?.columns ?? '';
    const { rows: taken } = await everyone.query<{ row: unknown }>(
      `SELECT to_jsonb(t) AS row FROM ${table} t WHERE merchant_id = 'b' LIMIT 1`,
    );
    const statements = [
      [
        `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM jsonb_populate_record(NULL::${table}, $1)`,
        [taken[0]?.row],
      ],
      [`UPDATE ${table} SET merchant_id = 'b'`, []],
    ] as const;
    for (const [statement, values] of statements) {
      const refusal = asA(() => connection.query(statement, [...values]));
      await expect(refusal, `${table}: ${statement}`).rejects.toMatchObject({ code: '42501' });
    }
  }
});

describe('the product', () => {
  /** A new user of the cluster, with a database of its own that it has migrated itself. */
  async function createUser(rights: string): Promise<{ readonly name: string; readonly url: string }> {
    const name = `user_${randomBytes(6).toString('hex')}`;
    const url = new URL(plain(billhead.databaseUrl));
    url.pathname = '/postgres';
    const superuser = await connect(asSuperuser(url.href));
    await superuser.query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret' ${rights}`);
    await superuser.query(`CREATE DATABASE ${name} OWNER ${name} TEMPLATE template0`);
    onTestFinished(async () => {
      await superuser.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await superuser.query(`DROP ROLE ${name}`);
      await superuser.end();
    });
    Object.assign(url, { pathname: `/${name}`, username: name, password: 'secret' });
    await migrate(url.href, quietLog);
    return { name, url: url.href };
  }

  async function sees(databaseUrl: string, role: string | null): Promise<boolean> {
    const database = connectPrisma(databaseUrl, role);
    try {
      await database.merchants.insert({ ...DEMO_MERCHANT, id: 'a' }, new Date());
      expect(await database.merchants.find('b')).toBeNull();
      return (await database.merchants.find('a')) !== null;
    } finally {
      await database.close();
    }
  }

  test('needs no other role as the owner of the tables without further rights', async () => {
    const { url } = await createUser('NOCREATEROLE NOCREATEDB');
    const role = await raiseWall(url, quietLog);
    expect(role).toBeNull();
    expect(await sees(url, role)).toBe(true);
  });

  test('takes a role without rights where its user is a superuser, and works as that', async () => {
    const role = await raiseWall(asSuperuser(plain(billhead.databaseUrl)), quietLog);
    expect(role).toBe('billhead_app');
    const walled = await startTestProduct({
      connect: async (url) => connectPrisma(asSuperuser(url), await raiseWall(asSuperuser(url), quietLog)),
    });
    try {
      await addFurnishedMerchant(walled, 'a', 'amark-');
      const superuser = await connect(asSuperuser(plain(walled.databaseUrl)));
      const { rows } = await superuser.query<{ is_bound: boolean }>(
        `SELECT NOT (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole) AS is_bound FROM pg_roles WHERE rolname = 'billhead_app'`,
      );
      await superuser.end();
      expect(rows).toEqual([{ is_bound: true }]);
    } finally {
      await walled.close();
    }
  });

  test('prepares that role for many databases at once, whoever else does', async () => {
    const databases = await Promise.all(Array.from({ length: 3 }, createTestDatabase));
    const urls = databases.flatMap(({ url }) => [asSuperuser(url), asSuperuser(url), asSuperuser(url)]);
    expect(new Set(await Promise.all(urls.map((url) => raiseWall(url, quietLog))))).toEqual(new Set(['billhead_app']));
    for (const database of databases) await database.drop();
  });

  test('does not start as a user who passes and may not make the role', async () => {
    const { name, url } = await createUser('BYPASSRLS NOCREATEROLE');
    await expect(raiseWall(url, quietLog)).rejects.toThrow(
      new RegExp(`${name} passes row-level security.*GRANT billhead_app`),
    );
  });

  test('takes the role as a user who passes and was given it', async () => {
    const { name, url } = await createUser('BYPASSRLS NOCREATEROLE');
    const superuser = await connect(asSuperuser(url));
    await raiseWall(asSuperuser(url), quietLog);
    await superuser.query(`GRANT billhead_app TO ${name}`);
    await superuser.end();
    const role = await raiseWall(url, quietLog);
    expect(role).toBe('billhead_app');
    expect(await sees(url, role)).toBe(true);
  });

  test.each([
    ['NO FORCE', 'ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY', 'invoices'],
    ['no row-level security', 'ALTER TABLE orders DISABLE ROW LEVEL SECURITY', 'orders'],
    ['no wall yet', 'CREATE TABLE newer (merchant_id text, id text)', 'newer'],
  ])('does not start while a table has %s, and does once that is put right', async (_, statement, table) => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const owner = await connect(database.url);
    await owner.query(statement);
    await expect(raiseWall(database.url, quietLog)).rejects.toThrow(`does not hold for ${table}`);
    await owner.query('SELECT wall_off_merchants()');
    await owner.end();
    await expect(raiseWall(database.url, quietLog)).resolves.toBeNull();
  });
});
