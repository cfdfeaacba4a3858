// Prisma's own schema engine, as WebAssembly over the adapter of the product: needs no download.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import * as engineModule from '@prisma/schema-engine-wasm/schema_engine_bg';
import { __wbg_set_wasm as setWasm } from '@prisma/schema-engine-wasm/schema_engine_bg';
import { Pool, type QueryResult } from 'pg';

// Object ids of types in pg_type.
const CHARACTER = 18;
const CHARACTER_ARRAY = 1002;

// Where the engine tells why it gave up; its call never ends then, so the reason must be seen beside the timeout.
Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => console.error(message) } });

/** Lets `use` work with the engine on a database. */
export async function withSchemaEngine<T>(
  databaseUrl: string,
  schema: string,
  use: (engine: engineModule.SchemaEngine) => Promise<T>,
): Promise<T> {
  loading ??= loadEngine();
  await loading;
  const { factory, pool } = createAdapter(databaseUrl);
  const adapter = bindMigrationAwareSqlAdapterFactory(factory);
  const engine = await engineModule.SchemaEngine.new(
    { datamodels: [['schema.prisma', schema]] },
    () => undefined,
    adapter,
  );
  try {
    return await use(engine);
  } finally {
    engine.free();
    await pool.end();
  }
}

// Node has WebAssembly; its types come with those of browsers, which the project does without.
declare const WebAssembly: {
  instantiate(
    file: Uint8Array,
    imports: Readonly<Record<string, object>>,
  ): Promise<{ readonly instance: { readonly exports: Readonly<Record<string, () => void>> } }>;
};

let loading: Promise<void> | null = null;

/** Does what the package's entry would do: Node imports no WebAssembly by itself. */
async function loadEngine(): Promise<void> {
  const folder = path.dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
  const file = await readFile(path.join(folder, 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(file, { './schema_engine_bg.js': { ...engineModule } });
  setWasm(instance.exports);
  instance.exports['__wbindgen_start']?.();
}

/**
 * The adapter of the product, taught PostgreSQL's internal type "char", which only the system tables have: the adapter
 * refuses it, so it is announced as an array of it, and what the engine gets to see is a plain character again.
 */
function createAdapter(databaseUrl: string): { readonly factory: PrismaPg; readonly pool: Pool } {
  const pool = new Pool({ connectionString: databaseUrl });
  const query = pool.query.bind(pool) as (...parameters: readonly unknown[]) => Promise<QueryResult>;
  const announce = async (...parameters: readonly unknown[]): Promise<QueryResult> => {
    const result = await query(...parameters);
    for (const field of result.fields) if (field.dataTypeID === CHARACTER) field.dataTypeID = CHARACTER_ARRAY;
    return result;
  };
  pool.query = announce as typeof pool.query;

  const factory = new PrismaPg(pool);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (statement) => {
      const result = await queryRaw(statement);
      const columnTypes = result.columnTypes.map((type) =>
        type === ColumnTypeEnum.CharacterArray ? ColumnTypeEnum.Character : type,
      );
      return { ...result, columnTypes };
    };
    return adapter;
  };
  return { factory, pool };
}
