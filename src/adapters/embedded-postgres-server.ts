// Starts, finds and stops the PostgreSQL server process of a cluster.

import { randomBytes } from 'node:crypto';
import { link, readFile, readlink, realpath, rename, stat, unlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { hasCode, run, type ProgramResult } from './embedded-postgres-account.ts';
import type { Cluster } from './embedded-postgres-cluster.ts';

export const HOST = '127.0.0.1';

/** What PostgreSQL notes about itself in its data folder while it runs, and leaves behind when it is killed. */
export interface Postmaster {
  readonly processId: number;
  readonly port: number;
  readonly note: string;
}

const PG_CTL_WAIT_SECONDS = 60;
const PG_CTL_TIMEOUT_MS = 90_000;
const LOG_TAIL_BYTES = 4_000;

// What must hold whatever postgresql.conf says. No value may need quoting: pg_ctl hands all of it to a shell.
const FIXED_SETTINGS = [`listen_addresses=${HOST}`, 'unix_socket_directories='];
// Many products at once work on one server of tests, each with pools of its own.
const EPHEMERAL_SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=400'];

export async function readPostmaster({ home }: Cluster): Promise<Postmaster | null> {
  const note = await readFile(noteOf(home), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (note === null) return null;
  // Lines: process id, data folder, start time, port, socket folder, address.
  const lines = note.split('\n');
  return { processId: Number(lines[0]), port: Number(lines[3] ?? 0), note };
}

/** Whether the process of the note runs and is the server of this cluster, not one that got its number later. */
export async function isRunning({ home }: Cluster, { processId }: Postmaster): Promise<boolean> {
  if (!(processId > 0)) return false;
  try {
    process.kill(processId, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
  }
  if (process.platform !== 'linux') return true;
  // The server works in its data folder. A dead one that nobody has waited for yet (as in a container) has no folder.
  try {
    return (await readlink(`/proc/${processId}/cwd`)) === (await realpath(path.join(home, 'data')));
  } catch (error) {
    return hasCode(error, 'EACCES', 'EPERM');
  }
}

/**
 * Takes a note of a dead server away. PostgreSQL does that itself, except when another process of the same account
 * has got the number of the dead one. Moved aside first, so that a note written meanwhile is put back.
 */
export async function removeStaleNote({ home }: Cluster, stale: Postmaster): Promise<void> {
  const file = noteOf(home);
  const aside = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== stale.note) await link(aside, file).catch(() => undefined);
  await unlink(aside);
}

/** Starts the server, and waits until it answers. Fails as well when another process starts it at the same time. */
export async function startServer(cluster: Cluster, port: number, isEphemeral: boolean): Promise<ProgramResult> {
  const settings = [`port=${port}`, ...FIXED_SETTINGS, ...(isEphemeral ? EPHEMERAL_SETTINGS : [])];
  const logFile = path.join(cluster.home, 'server.log');
  const logSize = await sizeOf(logFile);
  const serverOptions = settings.map((setting) => `-c ${setting}`).join(' ');
  const result = await runPgCtl(cluster, 'start', ['-l', 'server.log', '-o', serverOptions]);
  if (result.exitCode === 0) return result;
  const said = (await readFile(logFile).catch(() => Buffer.alloc(0))).subarray(logSize).subarray(-LOG_TAIL_BYTES);
  return { exitCode: result.exitCode, output: `${result.output}\n${said.toString()}`.trim() };
}

/** Ends the open transactions and stops the server; waits until it is gone. */
export function stopServer(cluster: Cluster): Promise<ProgramResult> {
  return runPgCtl(cluster, 'stop', ['-m', 'fast']);
}

function runPgCtl(cluster: Cluster, command: string, parameters: readonly string[]): Promise<ProgramResult> {
  // Paths are relative to the home because pg_ctl hands them to a shell, and homes can have any name.
  return run(
    cluster.programs.pgCtl,
    [command, '-D', 'data', '-w', '-t', String(PG_CTL_WAIT_SECONDS), '-s', ...parameters],
    { account: cluster.account, folder: cluster.home, timeoutMs: PG_CTL_TIMEOUT_MS },
  );
}

/** The wanted port if nobody has it, else any that is free. */
export async function findFreePort(wanted: number | null): Promise<number> {
  if (wanted !== null && wanted > 0 && (await tryPort(wanted)) !== null) return wanted;
  const port = await tryPort(0);
  if (port === null) throw new Error(`No free port was found on ${HOST}.`);
  return port;
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}

function noteOf(home: string): string {
  return path.join(home, 'data', 'postmaster.pid');
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => ({ size: 0 }))).size;
}
