// The PostgreSQL of a DATA_DIR, tried out for real: shared, adopted, restarted, and run under root from closed folders.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  cp,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPackageFolder } from '../../src/adapters/embedded-postgres-programs.ts';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../src/adapters/embedded-postgres.ts';
import type { Log } from '../../src/ports.ts';
import { eventually } from '../setup/eventually.ts';
import { quietLog } from '../setup/quiet-log.ts';

const IS_ROOT = process.getuid?.() === 0;

let folder: string;
let dataDir: string;
let started: EmbeddedPostgres[];

beforeEach(async () => {
  // A name that a shell would take apart.
  folder = await mkdtemp(path.join(os.tmpdir(), 'billhead test "$HOME" \'-'));
  await chmod(folder, 0o711);
  dataDir = path.join(folder, '.data');
  started = [];
});

afterEach(async () => {
  for (const postgres of started) await postgres.stop();
  await rm(folder, { recursive: true, force: true });
});

async function start(options: EmbeddedPostgresOptions = {}, log: Log = quietLog): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(dataDir, log, { isEphemeral: true, ...options });
  started.push(postgres);
  return postgres;
}

async function query(url: string, sql: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

function isReachable(url: string): Promise<boolean> {
  return query(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
}

async function postmasterId(): Promise<number> {
  return Number((await readFile(path.join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

/** Starts a process that runs the database until it is killed, and returns its URL. */
async function startInAnotherProcess(): Promise<{ readonly url: string; kill(): Promise<void> }> {
  const module = new URL('../../src/adapters/embedded-postgres.ts', import.meta.url).href;
  const script = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const log = { info() {}, warn() {}, error: console.error };
    const { url } = await startEmbeddedPostgres(${JSON.stringify(dataDir)}, log, { isEphemeral: true });
    console.log(url);
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const output = await new Promise<string>((resolve) => child.stdout.setEncoding('utf8').once('data', resolve));
  return {
    url: output.trim(),
    kill: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('the embedded PostgreSQL', () => {
  it('keeps its data from one start to the next, and is gone in between', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    expect(await isReachable(first.url)).toBe(false);
    const second = await start();
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([[42]]);
  });

  it('is a UTF-8 database with checksums, durable by default, for an account that is no superuser', async () => {
    const { url } = await start({ isEphemeral: false });
    const settings = ['server_encoding', 'data_checksums', 'fsync', 'synchronous_commit', 'full_page_writes'];
    const shown = await Promise.all(settings.map((name) => query(url, `SHOW ${name}`)));
    expect(shown.flat(2)).toEqual(['UTF8', 'on', 'on', 'on', 'on']);
    expect(await query(url, "SELECT upper('straße ñ')")).toEqual([['STRAßE Ñ']]);
    expect(await query(url, 'SELECT usename, usesuper FROM pg_user WHERE usename = current_user')).toEqual([
      ['billhead', false],
    ]);
  });

  it('lets nobody in without the password, which only its owner can read', async () => {
    const { url } = await start();
    const wrong = new URL(url);
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect((await stat(path.join(dataDir, 'postgres-passwords.json'))).mode & 0o077).toBe(0);
  });

  it('is shared by all who start it at once, and only the last one stops it', async () => {
    const [first, second, third] = await Promise.all([start(), start(), start()]);
    expect(second.url).toBe(first.url);
    expect(third.url).toBe(first.url);
    await first.stop();
    await third.stop();
    expect(await isReachable(second.url)).toBe(true);
    await second.stop();
    expect(await isReachable(second.url)).toBe(false);
  });

  it('survives users that come while others leave', async () => {
    await start().then((postgres) => postgres.stop());
    const comeAndGo = async (): Promise<void> => {
      for (let round = 0; round < 6; round += 1) {
        const postgres = await start();
        expect(await query(postgres.url, 'SELECT 1')).toEqual([[1]]);
        await postgres.stop();
      }
    };
    await Promise.all([comeAndGo(), comeAndGo(), comeAndGo()]);
  });

  it('outlives a process that was killed, and is adopted by the next', async () => {
    const killed = await startInAnotherProcess();
    const orphan = await postmasterId();
    await killed.kill();
    expect(await isReachable(killed.url)).toBe(true);
    const adopted = await start();
    expect(adopted.url).toBe(killed.url);
    expect(await postmasterId()).toBe(orphan);
    await adopted.stop();
    expect(await isReachable(adopted.url)).toBe(false);
  });

  it('stays while another process uses it', async () => {
    const other = await startInAnotherProcess();
    const ours = await start();
    expect(ours.url).toBe(other.url);
    await ours.stop();
    expect(await isReachable(other.url)).toBe(true);
    await other.kill();
    await start().then((postgres) => postgres.stop());
    expect(await isReachable(other.url)).toBe(false);
  });

  it('comes back at the same address when the server dies under a running process', async () => {
    const errors: string[] = [];
    const { url } = await start({}, { ...quietLog, error: (event) => void errors.push(event) });
    process.kill(await postmasterId(), 'SIGKILL');
    await eventually(() => errors.length > 0);
    await eventually(() => isReachable(url));
    expect(errors).toEqual(['database.connection_lost']);
  });

  it('starts over the note of a dead server whose process number belongs to somebody else now', async () => {
    await start().then((postgres) => postgres.stop());
    const note = path.join(dataDir, 'postgres', 'data', 'postmaster.pid');
    await writeFile(note, `${process.pid}\n${path.dirname(note)}\n1\n5432\n\n127.0.0.1\n`);
    const { url } = await start();
    expect(await query(url, 'SELECT 1')).toEqual([[1]]);
    expect(await readdir(path.dirname(note))).not.toContainEqual(expect.stringMatching(/postmaster\.pid\./));
  });

  it('refuses a data folder of another major version, in words', async () => {
    await start().then((postgres) => postgres.stop());
    await writeFile(path.join(dataDir, 'postgres', 'data', 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow(/made by PostgreSQL 17, but this installation has PostgreSQL 18/);
  });

  it('tells what PostgreSQL said when it does not start', async () => {
    await start().then((postgres) => postgres.stop());
    await writeFile(path.join(dataDir, 'postgres', 'data', 'postgresql.conf'), 'shoe_size = 46\n');
    await expect(start()).rejects.toThrow(/unrecognized configuration parameter "shoe_size"/);
  });

  it('tells when the passwords belong to another database', async () => {
    const { stop } = await start();
    const file = path.join(dataDir, 'postgres-passwords.json');
    const right = await readFile(file, 'utf8');
    await writeFile(file, JSON.stringify({ superuser: 'wrong', billhead: 'wrong' }));
    await expect(start()).rejects.toThrow(/refuses the passwords of postgres-passwords.json/);
    await writeFile(file, right);
    await stop();
  });

  it('runs when npm skipped install scripts and file modes, from node_modules that can be written', async () => {
    const writable = await mkdtemp(path.join(os.tmpdir(), 'billhead-package-'));
    try {
      await chmod(writable, 0o755);
      const packageFolder = await copyPackageAsNpmUnpacksIt(writable);
      const { url, stop } = await start({ packageFolder });
      expect(await query(url, 'SELECT 1')).toEqual([[1]]);
      expect(await realpath(path.join(packageFolder, 'native/lib/libpq.so.5'))).toMatch(/libpq\.so\.5\.\d+$/);
      await stop();
    } finally {
      await rm(writable, { recursive: true });
    }
  });

  it.runIf(!IS_ROOT)('copies the programs from node_modules that cannot be written', async () => {
    const locked = await mkdtemp(path.join(os.tmpdir(), 'billhead-package-'));
    dataDir = path.join(locked, '.data');
    const packageFolder = await copyPackageAsNpmUnpacksIt(locked);
    const folders = ['native/bin', 'native/lib'].map((name) => path.join(packageFolder, name));
    for (const each of folders) await chmod(each, 0o555);
    try {
      // Their owner could still change the mode of the files, so these are made whole but for the links.
      const { url, stop } = await start({ packageFolder });
      expect(await query(url, 'SELECT 1')).toEqual([[1]]);
      expect(await readdir(path.join(dataDir, 'postgres-programs'))).toHaveLength(1);
      await stop();
    } finally {
      for (const each of folders) await chmod(each, 0o755);
      await rm(locked, { recursive: true });
    }
  });
});

if (!IS_ROOT) console.warn('\n!!! TESTS SKIPPED: how PostgreSQL is run under root can only be tested as root. !!!\n');

describe.runIf(IS_ROOT)('the embedded PostgreSQL under root', () => {
  let systemFolder: string;

  beforeEach(async () => {
    await chmod(folder, 0o700);
    systemFolder = await mkdtemp(path.join(os.tmpdir(), 'billhead-system-'));
    await chmod(systemFolder, 0o755);
  });

  afterEach(async () => {
    for (const postgres of started) await postgres.stop();
    await rm(systemFolder, { recursive: true });
  });

  it('works in a folder of mode 700, with programs and cluster where its account can reach them', async () => {
    const packageFolder = await copyPackageAsNpmUnpacksIt(folder);
    const first = await start({ packageFolder, systemFolder });
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    const second = await start({ packageFolder, systemFolder });
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([[42]]);
    const home = await realpath(path.join(dataDir, 'postgres'));
    expect(path.dirname(home)).toBe(path.join(systemFolder, 'clusters'));
    const { uid, mode } = await stat(home);
    expect(uid).not.toBe(0);
    expect(mode & 0o077).toBe(0);
    expect(await readdir(path.join(systemFolder, 'clusters'))).toHaveLength(1);
  });

  it('does not trust a copy of the programs that others could have changed, and makes it anew', async () => {
    const packageFolder = await copyPackageAsNpmUnpacksIt(folder);
    await start({ packageFolder, systemFolder }).then((postgres) => postgres.stop());
    const [version = ''] = await readdir(path.join(systemFolder, 'postgres-programs'));
    const program = path.join(systemFolder, 'postgres-programs', version, 'bin', 'initdb');
    await chmod(program, 0o777);
    await start({ packageFolder, systemFolder }).then((postgres) => postgres.stop());
    expect((await lstat(program)).mode & 0o777).toBe(0o755);
    expect(await readdir(path.join(systemFolder, 'postgres-programs'))).toEqual([version]);
  });

  it('refuses a place for programs that others can write to', async () => {
    const packageFolder = await copyPackageAsNpmUnpacksIt(folder);
    await chmod(systemFolder, 0o777);
    await expect(start({ packageFolder, systemFolder })).rejects.toThrow(/Others than root could write to/);
  });

  it('follows no link to a place that it did not make', async () => {
    await start({ systemFolder }).then((postgres) => postgres.stop());
    await unlink(path.join(dataDir, 'postgres'));
    await symlink('/var/tmp', path.join(dataDir, 'postgres'));
    await expect(start({ systemFolder })).rejects.toThrow(/did not make/);
  });
});

/** npm packages hold no links, and an install script that was skipped makes none; some tools lose the mode as well. */
async function copyPackageAsNpmUnpacksIt(parent: string): Promise<string> {
  const packageFolder = path.join(parent, 'package');
  await cp(findPackageFolder(), packageFolder, { recursive: true, filter: isNoLink });
  for (const name of await readdir(path.join(packageFolder, 'native/bin'))) {
    await chmod(path.join(packageFolder, 'native/bin', name), 0o644);
  }
  return packageFolder;
}

async function isNoLink(file: string): Promise<boolean> {
  return !(await lstat(file)).isSymbolicLink();
}
