// Once for the whole test run: a PostgreSQL, with a migrated database that every test database is a copy of, and the product,
// compiled as users run it.

import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/adapters/embedded-postgres.ts';
import { migrate } from '../../src/adapters/migrations.ts';
import { compileProduct } from '../faults/compiled-product.ts';
import { quietLog } from './quiet-log.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The migrated database. Copy it, never connect to it: PostgreSQL copies no database that is in use. */
    readonly templateDatabaseUrl: string;
    readonly superuserPassword: string;
    /** The folder with the entries of the product. */
    readonly compiledProduct: string;
  }
}

interface Passwords {
  readonly superuser: string;
}

const FOLDER_PREFIX = 'billhead-test-';

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const folder = await mkdtemp(path.join(os.tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  // Under root PostgreSQL runs as another account, which must be able to pass.
  await chmod(folder, 0o711);
  const [product, postgres] = await Promise.all([
    compileProduct(),
    startEmbeddedPostgres(folder, quietLog, { isEphemeral: true }),
  ]);
  await migrate(postgres.url, quietLog);
  project.provide('templateDatabaseUrl', postgres.url);
  const passwords = JSON.parse(await readFile(path.join(folder, 'postgres-passwords.json'), 'utf8')) as Passwords;
  project.provide('superuserPassword', passwords.superuser);
  project.provide('compiledProduct', product.folder);
  return async () => {
    await product.remove();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** A killed run leaves its PostgreSQL behind, which stops by itself within a minute once its folder is gone. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    const processId = Number(new RegExp(`^${FOLDER_PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (Number.isNaN(processId) || isAlive(processId)) continue;
    // Another user's leftovers are not ours to remove.
    await rm(path.join(os.tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
