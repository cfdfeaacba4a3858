// Applies prisma/migrations to the database at start, in Prisma's own books, without Prisma's schema engine.
//
// 1. A migration and its line in the books become true in one transaction, or not at all.
// 2. Only one process migrates at a time: each transaction holds the lock that `prisma migrate` takes, too.
// 3. What has been applied never changes: another checksum is refused before anything is done.

import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import type { Log } from '../ports.ts';

// Two folders up is the project's folder from src/adapters as well as from dist/adapters.
const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../prisma/migrations/', import.meta.url));

// The key under which Prisma's schema engine locks, and its table: both are Prisma's, not ours to choose.
const PRISMA_LOCK_KEY = 72707369;
const CREATE_BOOKS = `
  CREATE TABLE _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
  )`;

const CONNECT_TIMEOUT_MS = 10_000;

interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** One line of the books; `finished_at` null is a migration that `prisma migrate` began and that failed. */
interface AppliedMigration {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

/** Brings the database up to the newest migration. Safe to be called by many processes at once. */
export async function migrate(url: string, log: Log, folder: string = MIGRATIONS_FOLDER): Promise<void> {
  const migrations = await readMigrations(folder);
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A connection that breaks rejects the query that runs on it; without a listener it would end the process as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    let isFirstRound = true;
    for (;;) {
      const done = await applyNextPatiently(client, migrations, isFirstRound ? log : null);
      if (done === null) return;
      log.info('migration.applied', { migration: done.name, milliseconds: done.milliseconds });
      isFirstRound = false;
    }
  } finally {
    await client.end();
  }
}

/**
 * What a database that has these migrations is to this version: 'ok', or 'newer' when a later version has changed it, which
 * this one survives. Rejects when it lacks some, as after an older backup was restored below a running process.
 */
export async function migrationState(
  applied: readonly string[],
  folder: string = MIGRATIONS_FOLDER,
): Promise<'ok' | 'newer'> {
  const ours = (await readMigrations(folder)).map(({ name }) => name);
  const missing = ours.filter((name) => !applied.includes(name));
  if (missing.length > 0) throw new Error(`the database lacks ${missing.join(', ')}`);
  return applied.some((name) => !ours.includes(name)) ? 'newer' : 'ok';
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  // By code unit, as Prisma sorts, not by the rules of a language.
  names.sort((left, right) => (left < right ? -1 : 1));
  return Promise.all(
    names.map(async (name) => ({ name, sql: await readFile(path.join(folder, name, 'migration.sql'), 'utf8') })),
  );
}

/** Applies the first migration that is missing; null when none is. Warnings are logged when a log is given. */
/** A backup that is being made holds every table until it is done. */
const LONGEST_LOCK_MS = 5_000;
const LOCK_NOT_AVAILABLE = '55P03';
const TRY_AGAIN_MS = 10_000;

/** Tries for as long as it takes to get the locks that the next migration needs. */
async function applyNextPatiently(...migration: Parameters<typeof applyNext>): ReturnType<typeof applyNext> {
  for (;;) {
    try {
      return await applyNext(...migration);
    } catch (error) {
      const isLocked = [error, (error as Error).cause].some(
        (one) => typeof one === 'object' && one !== null && 'code' in one && one.code === LOCK_NOT_AVAILABLE,
      );
      if (!isLocked) throw error;
      migration[2]?.warn('database.migration_waits', { meaning: 'a table is in use, perhaps by a backup' });
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    }
  }
}

async function applyNext(
  client: Client,
  migrations: readonly Migration[],
  log: Log | null,
): Promise<{ readonly name: string; readonly milliseconds: number } | null> {
  const startedAt = performance.now();
  // Bound to the transaction, so that the lock also holds behind a connection pooler and is never left behind.
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [PRISMA_LOCK_KEY]);
    // A migration may change the rows of all merchants, which row-level security would hide from it.
    await client.query("SELECT set_config('billhead.scope', 'all', true)");
    // Asked first, because CREATE TABLE IF NOT EXISTS wants the right to create tables even where it creates none.
    const { rows } = await client.query<{ books: string | null }>("SELECT to_regclass('_prisma_migrations') AS books");
    if (rows[0]?.books === null) await client.query(CREATE_BOOKS);
    const applied = await readBooks(client);
    refuseFaults(migrations, applied);
    if (log !== null) warnOfUnknown(migrations, applied, log);
    const names = new Set(applied.map((line) => line.migration_name));
    const next = migrations.find((migration) => !names.has(migration.name));
    // Everybody who reads or writes a table waits behind whoever waits to change it: better to try again.
    await client.query(`SET LOCAL lock_timeout = '${LONGEST_LOCK_MS}'`);
    if (next !== undefined) await apply(client, next);
    await client.query('COMMIT');
    return next === undefined ? null : { name: next.name, milliseconds: Math.round(performance.now() - startedAt) };
  } catch (error) {
    // When the connection itself is gone, the database rolls back by itself; the first error is the one to tell.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function readBooks(client: Client): Promise<readonly AppliedMigration[]> {
  const { rows } = await client.query<AppliedMigration>(
    `SELECT migration_name, checksum, finished_at
       FROM _prisma_migrations
      WHERE rolled_back_at IS NULL
      ORDER BY migration_name`,
  );
  return rows;
}

function refuseFaults(migrations: readonly Migration[], applied: readonly AppliedMigration[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const faults: string[] = [];
  for (const line of applied) {
    if (line.finished_at === null) {
      faults.push(
        `${line.migration_name} was begun by "prisma migrate" and failed: settle it with "prisma migrate resolve"`,
      );
      continue;
    }
    const migration = known.get(line.migration_name);
    if (migration !== undefined && !checksumsOf(migration.sql).includes(line.checksum)) {
      faults.push(
        `${line.migration_name} was changed after it had been applied: put the file back and write a new migration`,
      );
    }
  }
  if (faults.length > 0) throw new Error(`The database cannot be migrated. ${faults.join('. ')}.`);
}

function warnOfUnknown(migrations: readonly Migration[], applied: readonly AppliedMigration[], log: Log): void {
  const known = new Set(migrations.map((migration) => migration.name));
  const unknown = applied.map((line) => line.migration_name).filter((name) => !known.has(name));
  // In a rolling upgrade the older servers keep running, and may restart, on the newer database.
  if (unknown.length > 0) log.warn('migration.database_is_newer', { unknownMigrations: unknown });
}

async function apply(client: Client, migration: Migration): Promise<void> {
  try {
    await client.query(migration.sql);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Migration ${migration.name} failed and was rolled back: ${reason}`, { cause: error });
  }
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
     VALUES ($1, $2, clock_timestamp(), $3, now(), 1)`,
    [randomUUID(), sha256(migration.sql), migration.name],
  );
}

/** As Prisma does, either line ending counts as the same file: git may have changed them at checkout. */
function checksumsOf(sql: string): readonly string[] {
  const unix = sql.replaceAll('\r\n', '\n');
  return [sha256(sql), sha256(unix), sha256(unix.replaceAll('\n', '\r\n'))];
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
