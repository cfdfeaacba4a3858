// A real PostgreSQL that belongs to a DATA_DIR: nothing to install, shared by all processes that use the folder.
//
// 1. Whoever comes first starts it, whoever leaves last stops it. Each process holds, on a connection of its own, a
//    shared advisory lock; only who gets that lock alone may stop the server. A killed process leaves no lock behind.
// 2. The server outlives the process that started it: its next user adopts it as it is.
// 3. It listens on 127.0.0.1 alone, on a port that was free, and lets nobody in without a password.

import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import type { Log } from '../ports.ts';
import {
  defaultPlaces,
  prepareCluster,
  SUPERUSER,
  type Cluster,
  type ClusterPlaces,
} from './embedded-postgres-cluster.ts';
import {
  findFreePort,
  HOST,
  isRunning,
  readPostmaster,
  removeStaleNote,
  startServer,
  stopServer,
} from './embedded-postgres-server.ts';

export interface EmbeddedPostgres {
  readonly url: string;
  /** Lets go of the server, and stops it when no other process uses it. Close your own connections first. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions extends Partial<ClusterPlaces> {
  /** For tests only: gives up the safety of data against a crash of the machine, for speed. */
  readonly isEphemeral?: boolean;
}

const DATABASE = 'billhead';
// Advisory locks in the database `postgres`, where nobody else takes any. The numbers mean nothing.
const USERS_LOCK = 7_266_001;
const SETUP_LOCK = 7_266_002;

const ATTACH_TIMEOUT_MS = 300_000;
const CONNECT_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
const REATTACH_PAUSE_MS = 2_000;
const START_ATTEMPTS = 5;

// SQLSTATEs of a server that is coming up or going down.
const PASSING_STATES = new Set(['57P01', '57P02', '57P03']);
const WRONG_PASSWORD = '28P01';

/** A connection that counts us among the users of the server as long as it lives. */
interface Hold {
  readonly client: Client;
  readonly port: number;
}

/** Starts the PostgreSQL of this DATA_DIR, or joins the one that runs already. */
export async function startEmbeddedPostgres(
  dataDir: string,
  log: Log,
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const { isEphemeral = false, ...places } = options;
  const cluster = await prepareCluster(dataDir, { ...defaultPlaces(), ...places }, isEphemeral, log);
  const hold = await attach(cluster, isEphemeral, null);
  try {
    await makeDatabase(hold.client, cluster);
  } catch (error) {
    await leave(cluster, hold, log);
    throw error;
  }
  log.info('database.running', { port: hold.port, folder: cluster.home });
  return {
    url: `postgres://${DATABASE}:${cluster.passwords.billhead}@${HOST}:${hold.port}/${DATABASE}`,
    stop: keepHold(cluster, hold, isEphemeral, log),
  };
}

/** Joins the running server, starting one if there is none, until we are counted among its users. */
async function attach(cluster: Cluster, isEphemeral: boolean, wantedPort: number | null): Promise<Hold> {
  const deadline = performance.now() + ATTACH_TIMEOUT_MS;
  let attempts = 0;
  let lastFault = '';
  while (performance.now() < deadline) {
    const postmaster = await readPostmaster(cluster);
    if (postmaster !== null && (await isRunning(cluster, postmaster))) {
      const joined = await join(cluster, postmaster.port);
      if (typeof joined !== 'string') return joined;
      lastFault = joined;
      await sleep(POLL_MS);
      continue;
    }
    if (postmaster !== null) await removeStaleNote(cluster, postmaster);
    // After a crash the former port comes first, so that connections of other processes find the server again.
    const port = await findFreePort(wantedPort ?? postmaster?.port ?? null);
    const started = await startServer(cluster, port, isEphemeral);
    if (started.exitCode === 0) continue;
    lastFault = started.output;
    const other = await readPostmaster(cluster);
    const isOtherRunning = other !== null && (await isRunning(cluster, other));
    // Another process was quicker, or somebody took the port; anything else will not get better by itself.
    attempts += 1;
    if (!isOtherRunning && attempts === START_ATTEMPTS) break;
  }
  throw new Error(`PostgreSQL in ${cluster.home} does not start or does not answer. It said:\n${lastFault}`);
}

/** The reason, when the server cannot be joined now but perhaps later. */
async function join(cluster: Cluster, port: number): Promise<Hold | string> {
  const client = new Client({
    host: HOST,
    port,
    user: SUPERUSER,
    password: cluster.passwords.superuser,
    database: 'postgres',
    application_name: `billhead:${process.pid}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ssl: false,
  });
  // A broken connection rejects the query that runs on it; without a listener it would end the process as well.
  client.on('error', () => undefined);
  let folder = '';
  try {
    await client.connect();
    const { rows } = await client.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder");
    folder = rows[0]?.folder ?? '';
    if (await isSameFolder(folder, path.join(cluster.home, 'data'))) {
      // Waits while the last user of the server is stopping it; that breaks the connection, and we start it anew.
      await client.query('SELECT pg_advisory_lock_shared($1)', [USERS_LOCK]);
      return { client, port };
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    return reasonToWait(error, cluster);
  }
  await client.end();
  throw new Error(
    `${cluster.home} names, as its running server, the one of ${folder}: it was copied while that one ran. ` +
      `Remove ${path.join(cluster.home, 'data', 'postmaster.pid')} from the copy.`,
  );
}

async function isSameFolder(left: string, right: string): Promise<boolean> {
  const [one, other] = await Promise.all([left, right].map((folder) => realpath(folder).catch(() => folder)));
  return path.relative(one ?? left, other ?? right) === '';
}

/** What the server says for good is thrown; a connection that broke or never came is worth another look at what runs. */
function reasonToWait(error: unknown, cluster: Cluster): string {
  if (!(error instanceof DatabaseError)) return error instanceof Error ? error.message : String(error);
  if (PASSING_STATES.has(error.code ?? '')) return error.message;
  if (error.code !== WRONG_PASSWORD) throw error;
  throw new Error(
    `PostgreSQL in ${cluster.home} refuses the passwords of postgres-passwords.json in DATA_DIR: that file was made ` +
      'for another database. Put the right one back.',
    { cause: error },
  );
}

async function makeDatabase(client: Client, { passwords }: Cluster): Promise<void> {
  const exists = 'SELECT FROM pg_database WHERE datname = $1';
  await client.query('SELECT pg_advisory_lock($1)', [SETUP_LOCK]);
  try {
    if ((await client.query(exists, [DATABASE])).rowCount !== 0) return;
    // The server that serves requests is no superuser: a hole in it must not open the machine.
    if ((await client.query('SELECT FROM pg_roles WHERE rolname = $1', [DATABASE])).rowCount === 0) {
      await client.query(`CREATE ROLE ${DATABASE} LOGIN CREATEDB PASSWORD ${client.escapeLiteral(passwords.billhead)}`);
    }
    await client.query(`CREATE DATABASE ${DATABASE} OWNER ${DATABASE} TEMPLATE template0`);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [SETUP_LOCK]);
  }
}

/** Takes the hold again whenever it is lost, starting the server when it died; returns what lets go of it for good. */
function keepHold(cluster: Cluster, first: Hold, isEphemeral: boolean, log: Log): () => Promise<void> {
  let hold = first;
  let regaining: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | null = null;
  const isStopping = (): boolean => stopping !== null;

  const regain = async (): Promise<void> => {
    log.error('database.connection_lost', { port: first.port });
    while (!isStopping()) {
      try {
        hold = await attach(cluster, isEphemeral, first.port);
        watch();
        log.info('database.running_again', { port: hold.port });
        if (hold.port !== first.port) log.error('database.moved_to_another_port');
        return;
      } catch (error) {
        log.error('database.restart_failed', { error });
        await sleep(REATTACH_PAUSE_MS);
      }
    }
  };
  const watch = (): void => {
    hold.client.once('end', () => {
      if (!isStopping()) regaining = regain();
    });
  };
  const stop = async (): Promise<void> => {
    await regaining;
    await leave(cluster, hold, log);
  };
  watch();
  return () => (stopping ??= stop());
}

/** Stops the server if nobody else holds it. */
async function leave(cluster: Cluster, { client }: Hold, log: Log): Promise<void> {
  try {
    await client.query('SELECT pg_advisory_unlock_shared($1)', [USERS_LOCK]);
    const { rows } = await client.query<{ is_last: boolean }>('SELECT pg_try_advisory_lock($1) AS is_last', [
      USERS_LOCK,
    ]);
    if (rows[0]?.is_last !== true) return;
    const stopped = await stopServer(cluster);
    if (stopped.exitCode !== 0) log.error('database.stop_failed', { output: stopped.output });
  } catch (error) {
    log.warn('database.gone_before_stop', { error });
  } finally {
    await client.end().catch(() => undefined);
  }
}
