// The queue's connection to PostgreSQL: BullMQ's tables live in the schema `bullmq` of the product's own database.
//
// 1. Nothing in the schema is worth keeping: what is owed stands on the invoices' rows. So commits do not wait for
//    the disk, and a schema that lost its list of migrations is dropped and made again.
// 2. LISTEN and session locks are used: behind a pooler the URL must lead to a session, not to a transaction.

import {
  assertSchemaCompatibility,
  createPostgresBackend,
  DEFAULT_SCHEMA,
  LATEST_SCHEMA_VERSION,
  MIGRATION_ADVISORY_LOCK_KEY,
  type PgPool,
  runMigrations,
  SchemaMigrationRequiredError,
} from 'bullmq';
import pg from 'pg';
import { ASK_TIMEOUT_MS, type QueueConnection, type QueueConnectionOptions } from './bullmq-connection.ts';

const WORK_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** A worker's LISTEN holds one connection of its pool for itself. */
const POOL_SIZE = { ask: 2, work: 4 };
/** Seconds. BullMQ's own limit is an hour, which is how long a job could wait when a notification got lost. */
const LONGEST_WAIT_S = 5;

export async function connectToPostgres(options: QueueConnectionOptions): Promise<QueueConnection> {
  await migrate(options.databaseUrl, options.onError);
  const timeoutMs = options.purpose === 'ask' ? ASK_TIMEOUT_MS : WORK_TIMEOUT_MS;
  const pool = new pg.Pool({
    ...sessionSettings(options.databaseUrl),
    max: POOL_SIZE[options.purpose],
    connectionTimeoutMillis: options.purpose === 'ask' ? ASK_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
    query_timeout: timeoutMs,
    keepAlive: true,
    application_name: 'billhead-queue',
  });
  pool.on('error', options.onError);
  // The pool listens to idle clients only; one that dies while it is checked out would end the process.
  pool.on('connect', (client) => client.on('error', options.onError));
  return {
    createBackend(name, queueOptions, extra) {
      const backend = createPostgresBackend(name, { ...queueOptions, connection: pool as PgPool }, extra);
      Object.defineProperty(backend, 'maximumBlockTimeout', { value: LONGEST_WAIT_S });
      return backend;
    },
    repair: () => migrate(options.databaseUrl, options.onError),
    probe: async () => {
      // So it is on a standby, and where somebody has set it so.
      const { rows } = await pool.query<{ readOnly: string }>(
        `SELECT current_setting('transaction_read_only') AS "readOnly"`,
      );
      if (rows[0]?.readOnly !== 'off') throw new Error('PostgreSQL takes nothing that is written');
      return 'ok';
    },
    close: () => pool.end(),
  };
}

/** Creates or updates BullMQ's tables. Reads only, when they are there already. */
async function migrate(databaseUrl: string, onError: (error: unknown) => void): Promise<void> {
  const client = new pg.Client({
    ...sessionSettings(databaseUrl),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // Long: it may have to wait for another process that is migrating.
    query_timeout: 60_000,
  });
  client.on('error', onError);
  await client.connect();
  try {
    if (await isMigrated(client)) return;
    // The same lock that BullMQ's migrations take, but for the session: no other process migrates or drops meanwhile.
    await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [MIGRATION_ADVISORY_LOCK_KEY, DEFAULT_SCHEMA]);
    if (await isOutOfStep(client)) await client.query(`DROP SCHEMA "${DEFAULT_SCHEMA}" CASCADE`);
    await runMigrations(client, DEFAULT_SCHEMA);
  } finally {
    // Not awaited: a connection that died never answers the goodbye.
    void client.end().catch(onError);
  }
}

async function isMigrated(client: pg.Client): Promise<boolean> {
  try {
    if ((await assertSchemaCompatibility(client, DEFAULT_SCHEMA)) < LATEST_SCHEMA_VERSION) return false;
    return await hasTable(client, 'job');
  } catch (error) {
    if (error instanceof SchemaMigrationRequiredError) return false;
    throw error;
  }
}

/** After a TRUNCATE of everything the migrations would run again from the first, and fail on what exists. */
async function isOutOfStep(client: pg.Client): Promise<boolean> {
  const hasJobs = await hasTable(client, 'job');
  if (!(await hasTable(client, 'migration'))) return hasJobs;
  const { rowCount } = await client.query(`SELECT 1 FROM "${DEFAULT_SCHEMA}".migration LIMIT 1`);
  const wasMigrated = rowCount === 1;
  return hasJobs !== wasMigrated;
}

async function hasTable(client: pg.Client, table: string): Promise<boolean> {
  const { rows } = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
    `"${DEFAULT_SCHEMA}".${table}`,
  ]);
  return rows[0]?.exists ?? false;
}

/** The driver lets `options` in the URL win over those beside it, so they are taken out of it and put together. */
function sessionSettings(databaseUrl: string): pg.ClientConfig {
  const url = new URL(databaseUrl);
  const ofUrl = url.searchParams.get('options');
  url.searchParams.delete('options');
  const ours = `-c search_path="${DEFAULT_SCHEMA}" -c synchronous_commit=off`;
  return { connectionString: url.toString(), options: ofUrl === null ? ours : `${ofUrl} ${ours}` };
}
