// Migrations are applied once, whole, in order, and never silently to a database that does not fit.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/migrations.ts';
import type { Log } from '../../src/ports.ts';
import { createEmptyDatabase, type TestDatabase } from '../setup/database.ts';

const FIRST = '20260101000000_first';
const SECOND = '20260102000000_second';

let database: TestDatabase;
let client: Client;
let folder: string;
let warnings: { readonly event: string; readonly details: unknown }[];
let log: Log;

beforeEach(async () => {
  database = await createEmptyDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  folder = await mkdtemp(path.join(os.tmpdir(), 'billhead-migrations-'));
  warnings = [];
  log = {
    info: () => undefined,
    warn: (event, details) => void warnings.push({ event, details }),
    error: () => undefined,
  };
  await write(FIRST, "CREATE TABLE colours (name text PRIMARY KEY);\nINSERT INTO colours VALUES ('red');\n");
  await write(SECOND, 'ALTER TABLE colours ADD COLUMN hue int;\n');
});

afterEach(async () => {
  await client.end();
  await database.drop();
  await rm(folder, { recursive: true });
});

async function write(name: string, sql: string): Promise<void> {
  await mkdir(path.join(folder, name), { recursive: true });
  await writeFile(path.join(folder, name, 'migration.sql'), sql);
}

async function books(): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await client.query('SELECT * FROM _prisma_migrations ORDER BY migration_name');
  return rows;
}

describe('migrate', () => {
  it('brings a fresh database up to date and keeps the books as Prisma does', async () => {
    await migrate(database.url, log, folder);
    expect((await client.query('SELECT name, hue FROM colours')).rows).toEqual([{ name: 'red', hue: null }]);
    expect(await books()).toEqual(
      [FIRST, SECOND].map((name) => ({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
        finished_at: expect.any(Date),
        migration_name: name,
        logs: null,
        rolled_back_at: null,
        started_at: expect.any(Date),
        applied_steps_count: 1,
      })),
    );
    const sha256 = createHash('sha256').update('ALTER TABLE colours ADD COLUMN hue int;\n').digest('hex');
    expect((await books())[1]?.['checksum']).toBe(sha256);
  });

  it('does nothing the second time, and only what is new the third time', async () => {
    await migrate(database.url, log, folder);
    const before = await books();
    await migrate(database.url, log, folder);
    expect(await books()).toEqual(before);
    await write('20260103000000_third', 'ALTER TABLE colours DROP COLUMN hue;');
    await migrate(database.url, log, folder);
    expect((await books()).slice(0, 2)).toEqual(before);
    expect(await books()).toHaveLength(3);
  });

  it('lets many servers start at once', async () => {
    await write(SECOND, 'SELECT pg_sleep(0.2); ALTER TABLE colours ADD COLUMN hue int;');
    await Promise.all(Array.from({ length: 4 }, () => migrate(database.url, log, folder)));
    expect((await books()).map((line) => line['migration_name'])).toEqual([FIRST, SECOND]);
  });

  it('waits for a running "prisma migrate"', async () => {
    await client.query('SELECT pg_advisory_lock(72707369)');
    const migrating = migrate(database.url, log, folder);
    const early = await Promise.race([migrating.then(() => 'done'), lockIsAwaited().then(() => 'waiting')]);
    expect(early).toBe('waiting');
    await client.query('SELECT pg_advisory_unlock(72707369)');
    await migrating;
    expect(await books()).toHaveLength(2);
  });

  it('refuses a migration that was changed after it had been applied, and applies nothing then', async () => {
    await migrate(database.url, log, folder);
    await write(FIRST, 'CREATE TABLE colours (name text PRIMARY KEY, hue int);');
    await write('20260103000000_third', 'DROP TABLE colours;');
    await expect(migrate(database.url, log, folder)).rejects.toThrow(/20260101000000_first was changed after/);
    expect(await books()).toHaveLength(2);
  });

  it('takes another line ending for the same migration', async () => {
    await migrate(database.url, log, folder);
    await write(SECOND, 'ALTER TABLE colours ADD COLUMN hue int;\r\n');
    await expect(migrate(database.url, log, folder)).resolves.toBeUndefined();
  });

  it('leaves nothing of a migration that fails, and names it', async () => {
    await write(SECOND, 'CREATE TABLE half (id int); SELECT 1 / 0;');
    await expect(migrate(database.url, log, folder)).rejects.toThrow(/20260102000000_second failed.*division by zero/);
    expect((await client.query("SELECT to_regclass('half') AS half")).rows).toEqual([{ half: null }]);
    expect((await books()).map((line) => line['migration_name'])).toEqual([FIRST]);
    await write(SECOND, 'CREATE TABLE half (id int);');
    await migrate(database.url, log, folder);
  });

  it('refuses to go on over a migration that failed under "prisma migrate"', async () => {
    await migrate(database.url, log, folder);
    await client.query('UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = $1', [SECOND]);
    await expect(migrate(database.url, log, folder)).rejects.toThrow(/prisma migrate resolve/);
    // Once it was settled as rolled back it is applied anew.
    await client.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1', [SECOND]);
    await client.query('ALTER TABLE colours DROP COLUMN hue');
    await migrate(database.url, log, folder);
    expect(await books()).toHaveLength(3);
  });

  it('accepts a database that is newer, with a warning', async () => {
    await write('20260103000000_third', 'CREATE TABLE newer (id int);');
    await migrate(database.url, log, folder);
    expect(warnings).toEqual([]);
    await rm(path.join(folder, '20260103000000_third'), { recursive: true });
    await migrate(database.url, log, folder);
    expect(warnings).toEqual([
      { event: 'migration.database_is_newer', details: { unknownMigrations: ['20260103000000_third'] } },
    ]);
  });

  it('finds its own migrations without being told where', async () => {
    await migrate(database.url, log);
    expect((await books()).length).toBeGreaterThan(0);
  });
});

async function lockIsAwaited(): Promise<void> {
  for (;;) {
    const { rowCount } = await client.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    if (rowCount !== 0) return;
  }
}
