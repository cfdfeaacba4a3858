// A Redis for fault tests: it can be killed and come back on its port, with or without what it knew, freeze, and be full.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { findFreePort } from '../../src/adapters/embedded-postgres-server.ts';
import { eventually } from '../setup/eventually.ts';

export class FaultyRedis {
  readonly #folder: string;
  readonly #port: number;
  #server: ChildProcess | null = null;
  #isPersistent = false;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
    process.once('exit', () => this.#server?.kill('SIGKILL'));
  }

  /** null where there is no redis-server on the PATH. */
  static async start(folder: string): Promise<FaultyRedis | null> {
    const redis = new FaultyRedis(folder, await findFreePort(null));
    const isThere = await redis.start({ isPersistent: false }).then(
      () => true,
      (error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
        throw error;
      },
    );
    return isThere ? redis : null;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** With persistence every write is on the disk before it is answered. */
  async start({ isPersistent = this.#isPersistent } = {}): Promise<void> {
    this.#isPersistent = isPersistent;
    await mkdir(this.#folder, { recursive: true });
    const keeping = isPersistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
    const settings = ['--bind', '127.0.0.1', '--maxmemory-policy', 'noeviction', '--save', '', ...keeping];
    const server = spawn('redis-server', ['--port', String(this.#port), '--dir', this.#folder, ...settings], {
      stdio: 'ignore',
    });
    this.#server = server;
    const missing = once(server, 'error').then(([error]) => Promise.reject(error as Error));
    const ready = eventually(() => this.command('PING').then(() => true), { timeoutMs: 20_000 });
    // Whichever comes second has nobody who listens.
    for (const outcome of [missing, ready]) outcome.catch(() => {});
    await Promise.race([missing, ready]);
  }

  async command(name: string, ...words: (string | number)[]): Promise<unknown> {
    const client = new Redis(this.url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(name, ...words);
    } finally {
      client.disconnect();
    }
  }

  /** As a power cut would. What it knew is gone unless it is persistent. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    if (!this.#isPersistent) await rm(this.#folder, { recursive: true, force: true });
  }

  /** Takes connections and bytes, and answers nothing. */
  freeze(): void {
    this.#server?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#server?.kill('SIGCONT');
  }

  get isRunning(): boolean {
    return this.#server !== null && this.#server.exitCode === null && this.#server.signalCode === null;
  }

  /** Back to how a run finds it, whatever the last one did: running, empty, not full, not evicting. */
  async restore(): Promise<void> {
    if (this.isRunning) this.thaw();
    else await this.start({ isPersistent: false });
    await this.command('CLIENT', 'UNPAUSE');
    await this.command('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
  }

  async stop(): Promise<void> {
    await this.#end('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const server = this.#server;
    if (!server || !this.isRunning) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }
}
