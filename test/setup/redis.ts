// Gives a test a Redis of its own, where the machine has one.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from '../../src/adapters/embedded-postgres-server.ts';

export interface TestRedis {
  readonly url: string;
  /** Lets it end in order. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

const START_ATTEMPTS = 5;

/** null, with a warning that nobody can overlook, when there is no redis-server on the PATH. */
export async function startRedis(): Promise<TestRedis | null> {
  for (let attempt = 1; attempt <= START_ATTEMPTS; attempt += 1) {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'billhead-redis-'));
    const port = await findFreePort(null);
    // No fork, so that the process is ours; no saving, so that nothing is left.
    const settings = ['--bind', '127.0.0.1', '--maxmemory-policy', 'noeviction', '--save', '', '--appendonly', 'no'];
    const server = spawn('redis-server', ['--port', String(port), '--dir', folder, ...settings]);
    const outcome = await outcomeOf(server);
    if (outcome === 'ready') return describe(server, port, folder);
    await rm(folder, { recursive: true, force: true });
    if (outcome === 'missing') {
      console.warn(
        '\n!!! TESTS SKIPPED: redis-server is not on the PATH, so nothing that needs Redis was tested. !!!\n',
      );
      return null;
    }
  }
  throw new Error(`redis-server did not start in ${START_ATTEMPTS} attempts.`);
}

function describe(server: ChildProcess, port: number, folder: string): TestRedis {
  const endWithTests = (): void => void server.kill('SIGKILL');
  process.once('exit', endWithTests);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'exit');
      server.kill(signal);
      await ended;
    }
    process.off('exit', endWithTests);
    await rm(folder, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}

function outcomeOf(server: ChildProcess): Promise<'ready' | 'missing' | 'failed'> {
  return new Promise((resolve) => {
    let output = '';
    server.on('error', () => resolve('missing'));
    server.on('exit', () => resolve('failed'));
    server.stdout?.setEncoding('utf8').on('data', (text: string) => {
      // Read on after that, or Redis would block on a full pipe.
      if (output.length < 100_000) output += text;
      if (/ready to accept connections/i.test(output)) resolve('ready');
    });
    server.stderr?.resume();
  });
}
