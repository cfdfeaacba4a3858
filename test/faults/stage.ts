// What a run of a scenario plays on: PostgreSQL, Redis, a mail server, and the product's own processes, all of which a
// scenario may hurt. A stage serves one run after another; each run has a merchant of its own.

import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readConfig } from '../../src/config.ts';
import { SCOPES } from '../../src/domain/access.ts';
import { openProduct } from '../../src/product.ts';
import { DEMO_MERCHANT } from '../../src/sample-data/demo-merchant.ts';
import type { RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { quietLog } from '../setup/quiet-log.ts';
import { startSmtp, type TestSmtp } from '../setup/smtp.ts';
import { startNode, type CompiledProduct, type ProcessOptions } from './compiled-product.ts';
import { startFaultyPostgres, type FaultyPostgres } from './postgres.ts';
import { FaultyRedis } from './redis.ts';
import { Shop } from './shop.ts';

export type QueueKind = 'Redis' | 'PostgreSQL';

export interface Started {
  readonly process: RunningProcess;
  /** Where it listens; empty for a worker. */
  readonly address: string;
}

export class Stage {
  readonly queue: QueueKind;
  readonly postgres: FaultyPostgres;
  /** null when the queue is kept in PostgreSQL. */
  readonly redis: FaultyRedis | null;
  readonly smtp: TestSmtp;
  readonly dataDir: string;
  readonly #product: CompiledProduct;
  readonly #folder: string;
  readonly #lasting = new Map<string, Started>();
  readonly #starting = new Map<string, Promise<Started>>();
  readonly #passing = new Set<RunningProcess>();
  readonly #asked = new WeakSet<RunningProcess>();
  /** Processes that ended though nobody asked them to, with the last that they said. */
  #crashes: string[] = [];

  private constructor(
    product: CompiledProduct,
    folder: string,
    parts: { readonly postgres: FaultyPostgres; readonly redis: FaultyRedis | null; readonly smtp: TestSmtp },
  ) {
    this.#product = product;
    this.#folder = folder;
    this.dataDir = path.join(folder, 'data');
    this.postgres = parts.postgres;
    this.redis = parts.redis;
    this.smtp = parts.smtp;
    this.queue = parts.redis === null ? 'PostgreSQL' : 'Redis';
  }

  /** null when it should keep its queue in Redis and there is none on this machine. */
  static async open(product: CompiledProduct, queue: QueueKind): Promise<Stage | null> {
    // The prefix is the one whose leftovers the next run of the tests removes.
    const folder = await mkdtemp(path.join(os.tmpdir(), `billhead-test-${process.pid}-`));
    // Under root PostgreSQL runs as another account, which must be able to pass.
    await chmod(folder, 0o711);
    const redis = queue === 'Redis' ? await FaultyRedis.start(path.join(folder, 'redis')) : null;
    if (queue === 'Redis' && redis === null) {
      await rm(folder, { recursive: true, force: true });
      return null;
    }
    const postgres = await startFaultyPostgres(path.join(folder, 'postgres-of-stage'));
    return new Stage(product, folder, { postgres, redis, smtp: await startSmtp() });
  }

  /** The configuration of its processes. */
  env(changes: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return {
      DATA_DIR: this.dataDir,
      DATABASE_URL: this.postgres.url,
      PORT: '0',
      REDIS_URL: this.redis?.url,
      SMTP_URL: this.smtp.url,
      ...changes,
    };
  }

  /** A merchant that nobody else uses. */
  async openShop(address = () => this.server()): Promise<Shop> {
    const merchantId = `m-${randomBytes(6).toString('hex')}`;
    const product = await openProduct(readConfig(this.env()), quietLog);
    try {
      await product.app.createMerchant({ ...DEMO_MERCHANT, id: merchantId });
      const name = 'faults';
      const apiKey = await product.app.createApiKey({ merchantId, name, scopes: SCOPES, expiresAt: null });
      return new Shop(merchantId, apiKey, address);
    } finally {
      await product.close();
    }
  }

  /** The address of the server, which is started when it does not run. */
  async server(name = 'server', options: Partial<ProcessOptions> = {}): Promise<string> {
    return (await this.#lastingProcess(name, 'server.ts', options)).address;
  }

  async serverProcess(name = 'server'): Promise<RunningProcess> {
    return (await this.#lastingProcess(name, 'server.ts', {})).process;
  }

  /** The worker, which is started when it does not run. */
  async worker(): Promise<RunningProcess> {
    return (await this.#lastingProcess('worker', 'worker.ts', {})).process;
  }

  /** Ends the worker in order, for scenarios that bring their own. */
  async withoutWorker(): Promise<void> {
    const worker = this.#lasting.get('worker');
    if (worker) await this.end(worker.process, 'SIGTERM');
    this.#lasting.delete('worker');
  }

  /** Every process is ended this way, so that one which ends by itself is seen. */
  async end(running: RunningProcess, signal: NodeJS.Signals): Promise<number | string | null> {
    this.#asked.add(running);
    return running.end(signal);
  }

  /** What crashed since this was asked last. */
  takeCrashes(): readonly string[] {
    return this.#crashes.splice(0);
  }

  /** Another process for this run alone. */
  async start(entry: 'server.ts' | 'worker.ts', options: Partial<ProcessOptions> = {}): Promise<Started> {
    const started = await this.#start(entry, options);
    this.#passing.add(started.process);
    return started;
  }

  /** A worker from other sources, run as they stand. */
  async startWorkerFrom(folder: string): Promise<RunningProcess> {
    const running = startNode(['--import', 'tsx', path.join(folder, 'src', 'worker.ts')], { env: this.env() });
    this.#passing.add(running);
    this.#watch(running, 'worker of the version before');
    await running.waitFor('worker.started');
    return running;
  }

  /** A process that must not come up: how it ended, and what it said. */
  async startInVain(entry: 'server.ts' | 'worker.ts'): Promise<{ exit: number | string | null; output: string }> {
    const running = this.#product.start(entry, { env: this.env() });
    this.#passing.add(running);
    return { exit: await running.exit(), output: running.output() };
  }

  async #lastingProcess(name: string, entry: 'server.ts' | 'worker.ts', options: Partial<ProcessOptions>) {
    const known = this.#lasting.get(name);
    if (known && isAlive(known.process)) return known;
    // Many callers may find it gone at the same moment.
    const starting = this.#starting.get(name) ?? this.#start(entry, options);
    this.#starting.set(name, starting);
    const started = await starting.finally(() => this.#starting.delete(name));
    this.#lasting.set(name, started);
    return started;
  }

  async #start(entry: 'server.ts' | 'worker.ts', { env, ...options }: Partial<ProcessOptions>): Promise<Started> {
    const running = this.#product.start(entry, { ...options, env: this.env(env) });
    this.#watch(running, entry);
    const said = await running.waitFor(entry === 'server.ts' ? 'server.listening' : 'worker.started');
    return { process: running, address: /"address":"([^"]+)"/.exec(said)?.[1] ?? '' };
  }

  #watch(running: RunningProcess, what: string): void {
    running.child.once('close', (code, signal) => {
      if (this.#asked.has(running)) return;
      this.#crashes.push(`${what} ended by itself (${signal ?? code}): ${running.output().slice(-2_000)}`);
    });
  }

  /** As the next run, and the check of this one, find it: all that a run can break is whole again. */
  async restore(): Promise<void> {
    await this.redis?.restore();
    for (const running of this.#passing) {
      if (!isAlive(running)) continue;
      running.child.kill('SIGCONT');
      const exit = await this.end(running, 'SIGTERM');
      if (exit !== 0)
        this.#crashes.push(`a process did not stop in order (${exit}): ${running.output().slice(-2_000)}`);
    }
    this.#passing.clear();
    for (const { process: running } of this.#lasting.values()) running.child.kill('SIGCONT');
    await this.server();
    await this.worker();
  }

  /** Waits until the backends of a process wait for a lock. */
  async untilItWaitsForLock({ child }: RunningProcess, count = 1): Promise<void> {
    await eventually(async () => {
      const rows = await this.postgres.query(
        `SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'`,
        [`billhead:${child.pid}`],
      );
      return rows.length >= count;
    });
  }

  /** Nothing gets into or out of the queue until what this returns is called. */
  async holdQueue(): Promise<() => Promise<void>> {
    if (this.redis) {
      const { redis } = this;
      // What only reads is let through, so that the word to go on is heard as well: under ALL it would wait for the end, too.
      await redis.command('CLIENT', 'PAUSE', 60_000, 'WRITE');
      return async () => void (await redis.command('CLIENT', 'UNPAUSE'));
    }
    const client = await this.postgres.connect();
    await client.query('BEGIN');
    await client.query('LOCK TABLE bullmq.job IN ACCESS EXCLUSIVE MODE');
    return async () => {
      // What a dead process asked for while it waited is not carried out after its death.
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'billhead-queue' AND wait_event_type = 'Lock'`,
      );
      await client.end();
    };
  }

  /** The queue forgets everything. */
  async emptyQueue(): Promise<void> {
    if (this.redis) await this.redis.command('FLUSHALL');
    else await this.postgres.query('TRUNCATE bullmq.job CASCADE');
  }

  async close(): Promise<void> {
    for (const running of [...this.#passing, ...[...this.#lasting.values()].map((one) => one.process)]) {
      if (isAlive(running)) await this.end(running, 'SIGKILL');
    }
    await this.smtp.close();
    await this.redis?.stop();
    await this.postgres.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function isAlive({ child }: RunningProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
