// A PostgreSQL for fault tests alone: they restart it, cut its connections and end its processes.

import { rm } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { run } from '../../src/adapters/embedded-postgres-account.ts';
import { defaultPlaces, prepareCluster, SUPERUSER } from '../../src/adapters/embedded-postgres-cluster.ts';
import { findFreePort, startServer, stopServer } from '../../src/adapters/embedded-postgres-server.ts';
import { eventually } from '../setup/eventually.ts';
import { quietLog } from '../setup/quiet-log.ts';

export interface FaultyPostgres {
  /** As the product connects. */
  readonly url: string;
  /** One statement on a connection of its own, as superuser: no wall, and rights over other connections. */
  query<Row extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** A superuser's connection to hold locks with. Its owner ends it. */
  connect(): Promise<pg.Client>;
  /** `fast` ends open transactions and shuts down in order; `immediate` is a crash with recovery. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  stop(): Promise<void>;
}

const DATABASE = 'faults';
const ROLE = 'billhead';

/** Safe data on a real disk, as users have it: what is confirmed must survive `immediate`. */
export async function startFaultyPostgres(folder: string): Promise<FaultyPostgres> {
  const cluster = await prepareCluster(folder, defaultPlaces(), false, quietLog);
  const port = await findFreePort(null);
  const started = await startServer(cluster, port, false);
  if (started.exitCode !== 0) throw new Error(`PostgreSQL did not start: ${started.output}`);
  const { superuser, billhead } = cluster.passwords;
  const asSuperuser = (database: string) => `postgres://${SUPERUSER}:${superuser}@127.0.0.1:${port}/${database}`;
  const connect = async (database = DATABASE) => {
    const client = new pg.Client({ connectionString: asSuperuser(database), connectionTimeoutMillis: 10_000 });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const first = await connect('postgres');
  await first.query(`CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD ${first.escapeLiteral(billhead)}`);
  await first.query(`CREATE DATABASE ${DATABASE} OWNER ${ROLE}`);
  await first.end();
  return {
    url: `postgres://${ROLE}:${billhead}@127.0.0.1:${port}/${DATABASE}`,
    connect,
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
      const client = await connect();
      try {
        return (await client.query<Row>(text, [...values])).rows;
      } finally {
        await client.end();
      }
    },
    restart: async (mode) => {
      const how = { account: cluster.account, folder: cluster.home, timeoutMs: 90_000 };
      const words = ['restart', '-D', 'data', '-m', mode, '-w', '-t', '60', '-s', '-l', 'server.log'];
      const { exitCode, output } = await run(cluster.programs.pgCtl, words, how);
      if (exitCode !== 0) throw new Error(`PostgreSQL did not restart: ${output}`);
      await eventually(async () => (await connect()).end().then(() => true));
    },
    stop: async () => {
      await stopServer(cluster);
      // Where its account cannot enter our folder, it lies elsewhere.
      await rm(path.join(cluster.home, 'data'), { recursive: true, force: true });
      await rm(cluster.home, { recursive: true, force: true });
    },
  };
}
