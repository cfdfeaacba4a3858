// Where a measure runs: database servers, databases of its own, and processes of the built product.

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/adapters/embedded-postgres.ts';
import { eventually } from '../setup/eventually.ts';
import { quietLog } from '../setup/quiet-log.ts';
import { startRedis } from '../setup/redis.ts';

export const MERCHANT = 'bench';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 40_000;
const DROP_DEADLINE_MS = 120_000;

export interface Stage {
  /** For what a measure leaves behind until the end. */
  readonly folder: string;
  readonly postgres: string;
  readonly isEmbedded: boolean;
  readonly redisUrl: string | null;
  /** A database with the product's tables, a merchant and a key to it. */
  openShop(): Promise<Shop>;
  close(): Promise<void>;
}

export interface Shop {
  readonly databaseUrl: string;
  readonly apiKey: string;
  /** What every process of the product has in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Reads and writes rows past the wall between merchants. */
  readonly sql: pg.Client;
  close(): Promise<void>;
}

export interface Running {
  readonly pid: number;
  /** Where it listens; empty when it does not. */
  readonly address: string;
  stop(): Promise<void>;
}

/** `wantsRedis`: a server is started for measures that want one, where none is given. */
export async function openStage(wantsRedis: boolean): Promise<Stage> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'billhead-bench-'));
  // Under root PostgreSQL runs as another account, which must be able to pass.
  await chmod(folder, 0o711);
  const opened: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  const shops = new Set<Shop>();
  const close = async () => {
    await Promise.all([...running].map(stop));
    for (const shop of shops) await shop.close();
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  const open = async (serverUrl: string): Promise<Shop> => {
    const shop = await openShop(serverUrl, folder);
    const closable = {
      ...shop,
      close: async () => {
        // Once only, also when the benchmark is interrupted meanwhile.
        if (shops.delete(closable)) await shop.close();
      },
    };
    shops.add(closable);
    return closable;
  };
  try {
    const given = process.env['DATABASE_URL'] || null;
    // Durable, as users run it.
    const embedded = given === null ? await startEmbeddedPostgres(folder, quietLog) : null;
    if (embedded) opened.push(() => embedded.stop());
    const serverUrl = given ?? embedded?.url ?? '';
    const redis = wantsRedis && !process.env['REDIS_URL'] ? await startRedis() : null;
    if (redis) opened.push(() => redis.stop());
    const postgres = await query<{ version: string }>(serverUrl, `SELECT current_setting('server_version') AS version`);
    return {
      folder,
      postgres: postgres[0]?.version ?? 'unknown',
      isEmbedded: embedded !== null,
      redisUrl: process.env['REDIS_URL'] || (redis?.url ?? null),
      openShop: () => open(serverUrl),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openShop(serverUrl: string, folder: string): Promise<Shop> {
  const name = `billhead_bench_${randomBytes(6).toString('hex')}`;
  await query(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const databaseUrl = url.href;
  const dataDir = path.join(folder, name);
  const environment = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir, PORT: '0', PAYMENT_GATEWAY: 'none' };
  // The autovacuum of the server, which we may not end, can be in it for a while.
  const dropOnce = () => query(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).then(() => true);
  const drop = async () => void (await eventually(dropOnce, { timeoutMs: DROP_DEADLINE_MS }));
  try {
    // The product's own command brings the database up to date.
    const apiKey = (await runProgram('commands/api-key.js', environment, [...MAKE_KEY])).trim();
    const sql = new pg.Client({ connectionString: databaseUrl, options: '-c billhead.scope=all' });
    sql.on('error', () => {});
    await sql.connect();
    const close = async () => {
      await sql.end();
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    };
    return { databaseUrl, apiKey, environment, sql, close };
  } catch (error) {
    await drop();
    throw error;
  }
}

const MAKE_KEY = ['create', '--merchant', MERCHANT, '--key-name', 'bench', '--name', 'Van Dijk & Zonen B.V.'].concat(
  ['--street', 'Keizersgracht 421', '--postal-code', '1016 EK', '--city', 'Amsterdam', '--country', 'NL'],
  ['--vat-number', 'NL001234567B01', '--registration-number', '12345678', '--iban', 'NL91ABNA0417164300'],
);

async function query<Row extends object>(url: string, statement: string): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

/** A process of the built product that stays: `server.js` or `worker.js`. */
export function startProduct(
  shop: Shop,
  entry: 'server.js' | 'worker.js',
  more: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const args = [...nodeOptions(entry), path.join(ROOT, 'dist', entry)];
  return startProcess(args, { ...shop.environment, ...more }, entry === 'server.js' ? LISTENS : WORKS);
}

const LISTENS = /"address":"(http[^"]+)"/;
const WORKS = /worker\.(started)/;

/** For whoever looks for what takes the time: BENCH_CPU_PROFILE is a folder for profiles of the product's processes. */
function nodeOptions(entry: string): readonly string[] {
  const folder = process.env['BENCH_CPU_PROFILE'];
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${entry}-${Date.now()}.cpuprofile`] : [];
}

/** A program of the benchmark itself, from its source. It tells where it listens as the product does. */
export function startPeer(file: string, more: Readonly<Record<string, string>>): Promise<Running> {
  return startProcess(['--import', 'tsx', fileURLToPath(new URL(file, import.meta.url))], more, LISTENS);
}

/** What runs still, so that nothing outlives a benchmark that is interrupted. */
const running = new Set<ChildProcess>();

function launch(args: readonly string[], environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [...args], { env: minimal(environment), stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

async function startProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  ready: RegExp,
): Promise<Running> {
  const child = launch(args, environment);
  const found = await becomes(child, ready);
  return { pid: child.pid ?? 0, address: found, stop: () => stop(child) };
}

/** Reads on after that, or the process would block on a full pipe. */
function becomes(child: ChildProcess, ready: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    let isReady = false;
    const fail = (reason: string) => {
      child.kill('SIGKILL');
      reject(new Error(`${reason}:\n${output}`));
    };
    const timer = setTimeout(() => fail('A process did not start in time'), START_DEADLINE_MS);
    const read = (chunk: string) => {
      if (isReady) return;
      output += chunk;
      const [, found] = ready.exec(output) ?? [];
      if (found === undefined) return;
      isReady = true;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout?.setEncoding('utf8').on('data', read);
    child.stderr?.setEncoding('utf8').on('data', read);
    child.once('exit', () => {
      clearTimeout(timer);
      if (!isReady) fail('A process ended early');
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(timer);
}

/** Runs a program of the built product to its end and returns what it printed. `onStart` is told its process. */
export async function runProgram(
  entry: string,
  environment: Readonly<Record<string, string>>,
  args: readonly string[],
  onStart: (pid: number) => void = () => {},
): Promise<string> {
  const child = launch([path.join(ROOT, 'dist', entry), ...args], environment);
  let output = '';
  let faults = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (faults += chunk));
  if (child.pid !== undefined) onStart(child.pid);
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`${entry} ended with ${child.exitCode}:\n${faults}${output}`);
  return output;
}

/** Nothing of ours but what finds programs. */
function minimal(environment: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR, ...environment };
}
