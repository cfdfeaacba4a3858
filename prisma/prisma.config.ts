// Tells the Prisma command line where schema, migrations and database are: `prisma … --config prisma/prisma.config.ts`.

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

// `prisma generate` downloads a schema engine that it then never runs; naming any file as the engine spares the download,
// so that a build needs no network. This file cannot be executed, so a command that did need the engine would fail
// instead of doing nothing. Only for `generate`: `prisma migrate` needs the real one.
if (process.argv[2] === 'generate') {
  process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= fileURLToPath(import.meta.url);
}

export default defineConfig({
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  // The default is never connected to by `generate`; commands that connect are given DATABASE_URL.
  datasource: { url: process.env['DATABASE_URL'] || 'postgres://billhead@127.0.0.1:5432/billhead' },
});
