// Gives a test a migrated database of its own, as a copy of the template of the run.

import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';
import { SUPERUSER } from '../../src/adapters/embedded-postgres-cluster.ts';
import { eventually } from './eventually.ts';

export interface TestDatabase {
  readonly url: string;
  /** Removes the database, whoever is still connected to it. */
  drop(): Promise<void>;
}

export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(new URL(inject('templateDatabaseUrl')).pathname.slice(1));
}

/** A database with nothing in it, for tests of the migrations themselves. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template0');
}

/** The same database as its cluster's superuser, whom row-level security leaves alone. */
export function asSuperuser(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.username = SUPERUSER;
  url.password = inject('superuserPassword');
  return url.href;
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await execute(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: urlOf(name),
    drop: async () => {
      // The autovacuum of the server, which we may not end, can be in it for a moment.
      await eventually(() => execute(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).then(() => true));
    },
  };
}

async function execute(statement: string): Promise<void> {
  // Not over the template: while somebody is connected to it, it cannot be copied.
  const client = new Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function urlOf(database: string): string {
  const url = new URL(inject('templateDatabaseUrl'));
  url.pathname = `/${database}`;
  return url.href;
}
