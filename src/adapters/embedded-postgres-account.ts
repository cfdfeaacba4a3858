// Runs PostgreSQL's programs under an account that they accept: PostgreSQL refuses to run as root.

import { spawn } from 'node:child_process';

/** An account of the machine. Only root ever switches to one; everybody else runs PostgreSQL as themselves. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface ProgramResult {
  /** null when the program could not be started, was killed or took too long. */
  readonly exitCode: number | null;
  /** All that it wrote, and why it could not run. */
  readonly output: string;
}

export interface ProgramRun {
  /** null runs the program as ourselves. */
  readonly account: Account | null;
  readonly folder: string;
  readonly timeoutMs: number;
}

const PROBE_TIMEOUT_MS = 20_000;
// A started server can keep the pipes of the program that started it open; what was written is read long before this.
const PIPE_GRACE_MS = 1_000;

// The account of a PostgreSQL package when there is one, then the one that we make.
const ACCOUNT_NAMES = ['postgres', 'billhead'];

/** Whether the operating system gave one of these reasons. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The account that root runs PostgreSQL as, made when the machine has none. */
export async function findServiceAccount(): Promise<Account> {
  const account = (await findFirst(ACCOUNT_NAMES)) ?? (await makeAccount());
  if (await canEnter(account, '/')) return account;
  throw new Error(
    `PostgreSQL refuses to run as root, and root may not switch to another account (number ${account.uid}) here: is this ` +
      'a container without the right to? Run as an ordinary user, or set DATABASE_URL to a PostgreSQL server.',
  );
}

async function makeAccount(): Promise<Account> {
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  const made = await run('useradd', [...options, '--shell', '/usr/sbin/nologin', 'billhead'], ourselves());
  // `nobody` is there on every machine; when two processes made the account at once, the loser finds it here as well.
  const account = await findFirst(['billhead', 'nobody']);
  if (account !== null) return account;
  throw new Error(
    'PostgreSQL refuses to run as root, and no other account was found or could be made. ' +
      `Run as an ordinary user, or set DATABASE_URL to a PostgreSQL server. useradd said: ${made.output}`,
  );
}

async function findFirst(names: readonly string[]): Promise<Account | null> {
  for (const name of names) {
    const account = await findAccount(name);
    if (account !== null) return account;
  }
  return null;
}

async function findAccount(name: string): Promise<Account | null> {
  const uid = await run('id', ['-u', name], ourselves());
  const gid = await run('id', ['-g', name], ourselves());
  if (uid.exitCode !== 0 || gid.exitCode !== 0) return null;
  const account = { uid: Number(uid.output), gid: Number(gid.output) };
  return account.uid > 0 ? account : null;
}

/** Whether the account can go into the folder: every folder above it counts, so it is tried out. */
export async function canEnter(account: Account, folder: string): Promise<boolean> {
  const result = await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...ourselves(), account });
  return result.exitCode === 0;
}

function ourselves(): ProgramRun {
  return { account: null, folder: '/', timeoutMs: PROBE_TIMEOUT_MS };
}

/** Runs a program to its end. Never rejects: what went wrong stands in the result. */
export function run(program: string, parameters: readonly string[], how: ProgramRun): Promise<ProgramResult> {
  const isWindows = process.platform === 'win32';
  return new Promise((resolve) => {
    const child = spawn(program, parameters, {
      cwd: how.folder,
      env: isWindows ? windowsEnvironment() : { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: how.timeoutMs,
      windowsHide: true,
      // A session of its own: Ctrl-C in the terminal must not reach the database before the server has drained.
      detached: !isWindows,
      ...(how.account === null ? {} : { uid: how.account.uid, gid: how.account.gid }),
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.on('error', (error) => resolve({ exitCode: null, output: `${output}${error.message}` }));
    child.on('close', (exitCode) => resolve({ exitCode, output: output.trim() }));
    child.on('exit', (exitCode) => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ exitCode, output: output.trim() });
      }, PIPE_GRACE_MS).unref();
    });
  });
}

/** Windows programs need much of their environment, but PG* variables would bend what we ask for. */
function windowsEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/i.test(name)));
}
