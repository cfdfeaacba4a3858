// Gives a test a PostgreSQL cluster of the machine's own packages, with its programs for dumps, where the machine has one.

import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { findServiceAccount, isRoot, run } from '../../src/adapters/embedded-postgres-account.ts';
import { findFreePort } from '../../src/adapters/embedded-postgres-server.ts';

export interface SystemPostgres {
  /** As its superuser. */
  urlOf(database: string): string;
  /** Runs one of its programs with these variables; fails when the program does. */
  program(name: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  stop(): Promise<void>;
}

const FOLDERS = ['/usr/lib/postgresql', '/opt/homebrew/opt'];
const TIMEOUT_MS = 60_000;

/** null, with a warning that nobody can overlook, when no whole PostgreSQL is installed. */
export async function startSystemPostgres(): Promise<SystemPostgres | null> {
  const programs = findPrograms();
  if (programs === null) {
    console.warn('\n!!! TESTS SKIPPED: no PostgreSQL with pg_dump is installed, so no backup was tried. !!!\n');
    return null;
  }
  const account = isRoot() ? await findServiceAccount() : null;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'billhead-system-postgres-'));
  await chmod(folder, 0o711);
  if (account) await chown(folder, account.uid, account.gid);
  const as = { account, folder, timeoutMs: TIMEOUT_MS };
  const must = async (name: string, args: readonly string[]): Promise<string> => {
    const { exitCode, output } = await run(path.join(programs, name), args, as);
    if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}: ${output}`);
    return output;
  };
  const data = path.join(folder, 'data');
  await must('initdb', ['--pgdata', data, '--auth', 'trust', '--username', 'admin', '--no-sync', '--encoding', 'UTF8']);
  const port = await findFreePort(null);
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`;
  await must('pg_ctl', ['start', '--wait', '--pgdata', data, '--log', path.join(folder, 'log'), '--options', settings]);
  return {
    urlOf: (database) => `postgres://admin@127.0.0.1:${port}/${database}`,
    program: (name, args, env = {}) => {
      const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
      return run('env', [...variables, path.join(programs, name), ...args], as).then(({ exitCode, output }) => {
        if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}: ${output}`);
        return output;
      });
    },
    stop: async () => {
      await run(path.join(programs, 'pg_ctl'), ['stop', '--wait', '--pgdata', data, '--mode', 'immediate'], as);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The newest installed. */
function findPrograms(): string | null {
  const found = FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder).map((version) => path.join(folder, version, 'bin')),
  );
  const whole = found.filter((bin) =>
    ['initdb', 'pg_ctl', 'pg_dump'].every((name) => existsSync(path.join(bin, name))),
  );
  return whole.toSorted((one, other) => (one < other ? 1 : -1))[0] ?? null;
}
