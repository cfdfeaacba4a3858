// Finds PostgreSQL's programs in the npm package of this platform, and makes them usable for the account that runs them.
//
// 1. Programs run from node_modules when the account can use them there, made whole first where npm skipped that.
// 2. Otherwise from a copy. A copy is trusted only when nobody but its owner, ourselves, could have written to it.

import { randomBytes } from 'node:crypto';
import { access, chmod, copyFile, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import type { Log } from '../ports.ts';
import { canEnter, hasCode, run, type Account } from './embedded-postgres-account.ts';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly pgCtl: string;
  /** Major version, as it stands in PG_VERSION of a cluster. */
  readonly majorVersion: string;
}

const packageFile = z.object({ version: z.string().regex(/^[\w.-]+$/) });
const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

const SUFFIX = process.platform === 'win32' ? '.exe' : '';
const PROBE_TIMEOUT_MS = 20_000;
const OTHERS_MAY_WRITE = 0o022;

/** The folder of the package with the programs of this platform; it holds `native/bin`, `native/lib`, `native/share`. */
export function findPackageFolder(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new Error(
      `No PostgreSQL came with this installation: the package ${name} is missing. It exists for Linux, macOS and ` +
        'Windows on the common processors; install without "--omit=optional", or set DATABASE_URL to a PostgreSQL server.',
      { cause: error },
    );
  }
}

/** Programs that `account` can run. `copyFolder` gives the folder, ours alone, for a copy if there must be one. */
export async function preparePrograms(
  packageFolder: string,
  account: Account | null,
  copyFolder: () => Promise<string>,
  log: Log,
): Promise<PostgresPrograms> {
  const original = path.join(packageFolder, 'native');
  let probe = await probePrograms(original, account);
  if (!probe.isUsable) {
    // Where npm skipped install scripts this is all that is missing; where we may not write, the copy is made whole.
    await makeWhole(original).catch(() => undefined);
    probe = await probePrograms(original, account);
  }
  if (probe.isUsable) return programsIn(original, probe.output);

  const { version } = packageFile.parse(JSON.parse(await readFile(path.join(packageFolder, 'package.json'), 'utf8')));
  const copy = path.join(await copyFolder(), version);
  if (!(await isFaithfulCopy(original, copy))) {
    log.info('database.copying_programs', { from: original, to: copy });
    await placeCopy(original, copy);
  }
  const copyProbe = await probePrograms(copy, account);
  if (copyProbe.isUsable) return programsIn(copy, copyProbe.output);
  throw new Error(`The PostgreSQL programs cannot be run, neither in ${original} nor in ${copy}: ${copyProbe.output}`);
}

/** initdb and pg_ctl hand the path of the server to a shell in double quotes, where these do not stand for themselves. */
function hasShellCharacters(file: string): boolean {
  return process.platform !== 'win32' && /["$`\\]/.test(file);
}

function programsIn(folder: string, versionOutput: string): PostgresPrograms {
  const majorVersion = /PostgreSQL\) (\d+)/.exec(versionOutput)?.[1];
  if (majorVersion === undefined) throw new Error(`PostgreSQL did not tell its version: ${versionOutput}`);
  return {
    initdb: path.join(folder, 'bin', `initdb${SUFFIX}`),
    pgCtl: path.join(folder, 'bin', `pg_ctl${SUFFIX}`),
    majorVersion,
  };
}

/** Runs what can be run without a cluster: this loads every shared library and passes every folder on the way. */
async function probePrograms(
  folder: string,
  account: Account | null,
): Promise<{ readonly isUsable: boolean; readonly output: string }> {
  const outputs: string[] = [];
  if (account !== null && !(await canEnter(account, path.join(folder, 'share')))) {
    return { isUsable: false, output: `its account cannot enter ${folder}` };
  }
  if (hasShellCharacters(folder)) {
    return {
      isUsable: false,
      output: 'the path has one of the characters " $ ` \\ that these programs cannot run under',
    };
  }
  for (const program of ['initdb', 'pg_ctl', 'postgres']) {
    const file = path.join(folder, 'bin', `${program}${SUFFIX}`);
    const result = await run(file, ['--version'], {
      account,
      folder: path.parse(folder).root,
      timeoutMs: PROBE_TIMEOUT_MS,
    });
    outputs.push(result.output);
    if (result.exitCode !== 0) return { isUsable: false, output: result.output };
  }
  return { isUsable: await hasAllLinks(folder), output: outputs.join('\n') };
}

type Link = z.infer<typeof linkList>[number];

/** Links that npm packages cannot hold: the package lists them, and its install script would make them. */
async function readLinks(folder: string): Promise<readonly Link[]> {
  const text = await readFile(path.join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return linkList.parse(JSON.parse(text)).map(({ source, target }) => ({
    source: path.join(path.dirname(folder), source),
    target: path.join(path.dirname(folder), target),
  }));
}

async function hasAllLinks(folder: string): Promise<boolean> {
  const links = await readLinks(folder);
  const found = await Promise.all(
    links.map((link) =>
      access(moved(link.target, folder)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

/** Links are listed from `native/…`; a copy of that folder has another name. */
function moved(file: string, folder: string): string {
  return path.join(folder, path.relative(path.join(path.dirname(folder), 'native'), file));
}

/** Does what the install script of the package would have done. */
async function makeWhole(folder: string): Promise<void> {
  for (const { source, target } of await readLinks(folder)) {
    const file = moved(target, folder);
    await symlink(path.relative(path.dirname(file), moved(source, folder)), file).catch(unlessCode('EEXIST'));
  }
  for (const name of await readdir(path.join(folder, 'bin'))) await chmod(path.join(folder, 'bin', name), 0o755);
}

async function placeCopy(original: string, copy: string): Promise<void> {
  const suffix = randomBytes(6).toString('hex');
  const incoming = `${copy}.${suffix}.incoming`;
  await copyTree(original, incoming);
  await makeWhole(incoming);
  // One that is not faithful (torn by a crash, say) makes room; a process that was quicker with a good one keeps it.
  if (!(await isFaithfulCopy(original, copy))) {
    await rename(copy, `${copy}.${suffix}.broken`).catch(unlessCode('ENOENT'));
    await rename(incoming, copy).catch(unlessCode('ENOTEMPTY', 'EEXIST'));
  }
  await rm(incoming, { recursive: true, force: true });
  await rm(`${copy}.${suffix}.broken`, { recursive: true, force: true });
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  // mkdir is subject to the umask, and the account must be able to enter.
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = path.join(to, entry.name);
    if (entry.isDirectory()) await copyTree(source, target);
    if (!entry.isFile()) continue;
    await copyFile(source, target);
    await chmod(target, path.basename(from) === 'bin' ? 0o755 : 0o644);
  }
}

/** Whether the copy holds every file at its size, and nobody else owns it or may write to it. */
async function isFaithfulCopy(original: string, copy: string): Promise<boolean> {
  const folder = await lstat(copy).catch(() => null);
  if (folder === null || !folder.isDirectory() || !isOursAlone(folder)) return false;
  for (const entry of await readdir(original, { withFileTypes: true })) {
    const source = path.join(original, entry.name);
    const target = path.join(copy, entry.name);
    if (entry.isDirectory() && !(await isFaithfulCopy(source, target))) return false;
    if (!entry.isFile()) continue;
    const [there, here] = await Promise.all([lstat(source), lstat(target).catch(() => null)]);
    if (here === null || !here.isFile() || here.size !== there.size || !isOursAlone(here)) return false;
  }
  return true;
}

function isOursAlone(entry: { readonly uid: number; readonly mode: number }): boolean {
  if (process.getuid === undefined) return true;
  return entry.uid === process.getuid() && (entry.mode & OTHERS_MAY_WRITE) === 0;
}

function unlessCode(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error;
  };
}
