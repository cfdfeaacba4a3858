// Makes, once, the cluster (PostgreSQL's word for its data folder) of a DATA_DIR, where its account can reach it.
//
// 1. DATA_DIR/postgres is the cluster's home, or a link to it where the account cannot enter DATA_DIR.
// 2. A home, the passwords and the cluster each appear whole, by one atomic step: processes that start at the same time
//    may prepare twice, but all of them use what was there first.
// 3. What is there is never changed or removed: a database is somebody's books.

import { randomBytes } from 'node:crypto';
import { chmod, chown, link, lstat, mkdir, open, readFile, readlink, realpath, rename, rm } from 'node:fs/promises';
import { symlink, unlink } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Log } from '../ports.ts';
import { canEnter, findServiceAccount, hasCode, isRoot, run, type Account } from './embedded-postgres-account.ts';
import { findPackageFolder, preparePrograms, type PostgresPrograms } from './embedded-postgres-programs.ts';
import { flushFolder } from './flushed-file.ts';

export const SUPERUSER = 'postgres';

export interface Cluster {
  /** Holds the cluster (`data`), its log (`server.log`) and a note on whose it is. */
  readonly home: string;
  readonly account: Account | null;
  readonly programs: PostgresPrograms;
  readonly passwords: Passwords;
}

export interface Passwords {
  readonly superuser: string;
  readonly billhead: string;
}

export interface ClusterPlaces {
  /** Where root keeps what lies out of reach of the account otherwise. */
  readonly systemFolder: string;
  readonly packageFolder: string;
}

const INITDB_TIMEOUT_MS = 120_000;
const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;

const passwordFile = z.object({ superuser: z.string().min(1), billhead: z.string().min(1) });

const INITDB_PARAMETERS = [
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--data-checksums',
  '--no-instructions',
];

// What a shopkeeper may want to change later in postgresql.conf. Errors of statements are not logged: the server that
// sent them logs what went wrong, and their text holds names and addresses of customers.
const SETTINGS = [
  'max_connections=100',
  'shared_buffers=128MB',
  'jit=off',
  'cluster_name=billhead',
  'timezone=UTC',
  'log_timezone=UTC',
  'log_min_messages=log',
  'log_checkpoints=off',
];

export function defaultPlaces(): ClusterPlaces {
  return { systemFolder: '/var/lib/billhead', packageFolder: findPackageFolder() };
}

/** The cluster of this DATA_DIR, made if it is not there yet. */
export async function prepareCluster(
  dataDir: string,
  places: ClusterPlaces,
  isEphemeral: boolean,
  log: Log,
): Promise<Cluster> {
  // Others may pass through root's folder to the cluster, which its own mode protects, but not look into it.
  await mkdir(dataDir, { recursive: true, mode: isRoot() ? 0o711 : 0o700 });
  const folder = await realpath(dataDir);
  const { home, account } = isRoot() ? await findHomeAsRoot(folder, places, log) : await findHome(folder);
  const copyFolder = () => makePrivateFolder(isRoot() ? places.systemFolder : folder, 'postgres-programs');
  const programs = await preparePrograms(places.packageFolder, account, copyFolder, log);
  const cluster = { home, account, programs, passwords: await readPasswords(folder) };
  await initialise(cluster, isEphemeral, log);
  await refuseOtherVersion(cluster);
  return cluster;
}

interface Home {
  readonly home: string;
  readonly account: Account | null;
}

async function findHome(dataDir: string): Promise<Home> {
  const home = path.join(dataDir, 'postgres');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const { uid } = await lstat(await realpath(home));
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new Error(
      `The database in ${home} belongs to another user of this machine (number ${uid}): it was probably made by root. ` +
        'Start as that user or as root, or choose another DATA_DIR.',
    );
  }
  return { home: await realpath(home), account: null };
}

async function findHomeAsRoot(dataDir: string, places: ClusterPlaces, log: Log): Promise<Home> {
  const place = path.join(dataDir, 'postgres');
  const found = (await openHome(place, places)) ?? (await makeHome(place, places, log));
  if (!(await canEnter(found.account, found.home))) {
    throw new Error(
      `The account of the database (number ${found.account.uid}) cannot enter its folder ${found.home} any more: ` +
        'one of the folders above it was closed to others. Open it again (chmod o+x).',
    );
  }
  return found;
}

/** A home that is there: its owner is the account that runs it, whoever that is. */
async function openHome(place: string, places: ClusterPlaces): Promise<{ home: string; account: Account } | null> {
  const entry = await lstat(place).catch(() => null);
  if (entry === null) return null;
  let home = place;
  if (entry.isSymbolicLink()) {
    home = await readlink(place);
    // Only where we put homes ourselves: root follows no link that somebody else may have made.
    const [there, ours] = await Promise.all([path.dirname(home), clustersIn(places)].map(realpathOrNull));
    if (there === null || there !== ours) {
      throw new Error(
        `${place} is a link to ${home}, which Billhead did not make. Remove it or choose another DATA_DIR.`,
      );
    }
  }
  const folder = await lstat(home).catch(() => null);
  if (folder === null) throw new Error(`The database of ${path.dirname(place)} is gone: ${place} leads to ${home}.`);
  if (!folder.isDirectory() || folder.uid === 0) {
    throw new Error(`${home} is not the folder of a database of Billhead. Remove it or choose another DATA_DIR.`);
  }
  return { home, account: { uid: folder.uid, gid: folder.gid } };
}

function clustersIn(places: ClusterPlaces): string {
  return path.join(places.systemFolder, 'clusters');
}

function realpathOrNull(file: string): Promise<string | null> {
  return realpath(file).catch(() => null);
}

async function makeHome(place: string, places: ClusterPlaces, log: Log): Promise<{ home: string; account: Account }> {
  const account = await findServiceAccount();
  const suffix = randomBytes(8).toString('hex');
  const near = `${place}.${suffix}`;
  await makeHomeFolder(near, account, path.dirname(place));
  if (await canEnter(account, near)) {
    // It holds a note already, so this fails when another process was quicker.
    await rename(near, place).catch(() => rm(near, { recursive: true }));
  } else {
    await rm(near, { recursive: true });
    const far = path.join(await makePrivateFolder(places.systemFolder, 'clusters'), suffix);
    await makeHomeFolder(far, account, path.dirname(place));
    const isFirst = await symlink(far, place).then(
      () => true,
      () => false,
    );
    if (isFirst) log.warn('database.outside_data_dir', { database: far });
    else await rm(far, { recursive: true });
  }
  const made = await openHome(place, places);
  if (made === null) throw new Error(`The folder of the database, ${place}, could not be made.`);
  return made;
}

async function makeHomeFolder(home: string, account: Account, dataDir: string): Promise<void> {
  await mkdir(home, { mode: 0o700 });
  await writeNew(path.join(home, 'about.txt'), `The PostgreSQL database of Billhead for DATA_DIR ${dataDir}.\n`, null);
  await chown(home, account.uid, account.gid);
}

/** A folder below `parent` that only we can write to and everybody can enter; refused when others could write above it. */
async function makePrivateFolder(parent: string, name: string): Promise<string> {
  const folder = path.join(parent, name);
  for (const each of [parent, folder]) {
    const made = await mkdir(each, { recursive: true });
    if (made !== undefined) await chmod(each, 0o755);
  }
  const real = await realpath(folder);
  if (!isRoot()) return real;
  for (let each = real; ; each = path.dirname(each)) {
    const { uid, gid, mode } = await lstat(each);
    const mayOthersWrite = (mode & (gid === 0 ? 0o002 : OTHERS_MAY_WRITE)) !== 0 && (mode & STICKY) === 0;
    if (uid !== 0 || mayOthersWrite) {
      throw new Error(`Others than root could write to ${each}: it cannot hold programs or databases of root.`);
    }
    if (each === path.dirname(each)) return real;
  }
}

async function readPasswords(dataDir: string): Promise<Passwords> {
  const file = path.join(dataDir, 'postgres-passwords.json');
  const made: Passwords = { superuser: randomBytes(24).toString('hex'), billhead: randomBytes(24).toString('hex') };
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (text !== null) return parsePasswords(text, file);
  const incoming = `${file}.${randomBytes(8).toString('hex')}`;
  await writeNew(incoming, `${JSON.stringify(made, null, 2)}\n`, null);
  // A link fails where a rename would replace the passwords that a quicker process has already given to the cluster.
  await link(incoming, file).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error;
  });
  await unlink(incoming);
  // The home was made in the same folder before: its name is safe with this, too.
  await flushFolder(dataDir);
  return parsePasswords(await readFile(file, 'utf8'), file);
}

function parsePasswords(text: string, file: string): Passwords {
  try {
    return passwordFile.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${file}, the key to the database, is damaged. Put it back from a backup.`, { cause: error });
  }
}

/** Writes a file that must not be there, for its owner's eyes only. */
async function writeNew(file: string, content: string, owner: Account | null): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
    if (owner !== null) await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
}

async function initialise(cluster: Cluster, isEphemeral: boolean, log: Log): Promise<void> {
  const { home, account, programs, passwords } = cluster;
  const data = path.join(home, 'data');
  if ((await lstat(data).catch(() => null)) !== null) return;
  log.info('database.making', { database: home });
  const suffix = randomBytes(6).toString('hex');
  const incoming = `data.${suffix}`;
  const initialPassword = path.join(home, `password.${suffix}`);
  await writeNew(initialPassword, passwords.superuser, account);
  const parameters = [
    `--pgdata=${incoming}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${path.basename(initialPassword)}`,
    ...INITDB_PARAMETERS,
    ...SETTINGS.map((setting) => `--set=${setting}`),
    ...(isEphemeral ? ['--no-sync'] : []),
  ];
  const made = await run(programs.initdb, parameters, { account, folder: home, timeoutMs: INITDB_TIMEOUT_MS });
  await unlink(initialPassword);
  if (made.exitCode !== 0) {
    throw new Error(`PostgreSQL could not make its database in ${home}. It said:\n${made.output}`);
  }
  const isFirst = await rename(path.join(home, incoming), data).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'EPERM')) return false;
      throw error;
    },
  );
  // What is committed must not be found under a name that is gone.
  if (isFirst) await flushFolder(home);
  else await discard(path.join(home, incoming), account);
}

/** Removes what we made, as the account: root deletes nothing in a folder where another account could swap a link in. */
async function discard(folder: string, account: Account | null): Promise<void> {
  if (account === null) await rm(folder, { recursive: true });
  else await run('rm', ['-rf', folder], { account, folder: '/', timeoutMs: INITDB_TIMEOUT_MS });
}

async function refuseOtherVersion({ home, programs }: Cluster): Promise<void> {
  const version = (await readFile(path.join(home, 'data', 'PG_VERSION'), 'utf8')).trim();
  if (version === programs.majorVersion) return;
  throw new Error(
    `The database in ${home} was made by PostgreSQL ${version}, but this installation has PostgreSQL ` +
      `${programs.majorVersion}. Bring the data over with pg_dump and pg_restore, or go back to the former version.`,
  );
}
