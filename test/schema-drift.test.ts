// Holds schema.prisma and the migrations together, and our migration runner and Prisma's: judged by Prisma's engine.

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg';
import { Client } from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from './setup/database.ts';
import { withSchemaEngine } from './setup/schema-engine.ts';

const FOLDER = fileURLToPath(new URL('../prisma/migrations/', import.meta.url));
const NO_FILTERS = { externalTables: [], externalEnums: [] };

let database: TestDatabase;
let schema: string;

beforeAll(async () => {
  schema = await readFile(new URL('../prisma/schema.prisma', import.meta.url), 'utf8');
});

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

/** What would have to be done to the database to make it what schema.prisma says. */
function drift(): Promise<string | null> {
  return withSchemaEngine(database.url, schema, async (engine) => {
    const files = [{ path: 'schema.prisma', content: schema }];
    const result = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '.' },
      to: { tag: 'schemaDatamodel', files },
      script: false,
      exitCode: true,
      filters: NO_FILTERS,
    });
    return result.stdout;
  });
}

async function listMigrations(): Promise<MigrationList> {
  const entries = await readdir(FOLDER, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const migrationDirectories = await Promise.all(
    names.toSorted().map(async (name) => {
      const value = await readFile(path.join(FOLDER, name, 'migration.sql'), 'utf8');
      return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
    }),
  );
  const lockfile = { path: 'migration_lock.toml', content: null };
  return { baseDir: FOLDER, lockfile, shadowDbInitScript: '', migrationDirectories };
}

async function execute(statement: string): Promise<void> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

describe('schema.prisma', () => {
  it('is what the migrations make', async () => {
    expect(await drift()).toBe('No difference detected.\n');
  });

  it.each([
    ['column', 'ALTER TABLE merchants ADD COLUMN shoe_size int', 'shoe_size'],
    ['table', 'CREATE TABLE shoes (id int PRIMARY KEY)', 'shoes'],
    ['nullability', 'ALTER TABLE merchants ALTER COLUMN time_zone DROP NOT NULL', 'time_zone'],
  ])('would be caught missing a %s', async (_, statement, name) => {
    await execute(statement);
    expect(await drift()).toContain(name);
  });
});

describe("Prisma's migrate", () => {
  it('finds what our runner applied in order, with nothing left to do', async () => {
    const migrationsList = await listMigrations();
    await withSchemaEngine(database.url, schema, async (engine) => {
      const input = { migrationsList, optInToShadowDatabase: false, filters: NO_FILTERS };
      expect(await engine.diagnoseMigrationHistory(input)).toEqual({
        editedMigrationNames: [],
        failedMigrationNames: [],
        hasMigrationsTable: true,
        history: null,
      });
      const deployed = await engine.applyMigrations({ migrationsList, filters: NO_FILTERS });
      expect(deployed.appliedMigrationNames).toEqual([]);
    });
  });
});
