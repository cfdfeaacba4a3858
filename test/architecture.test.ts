// Who may import whom: the layers hold, and every file says what it is for.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SOURCE = fileURLToPath(new URL('../src/', import.meta.url));
const ENTRIES = new Set([
  'product.ts',
  'production.ts',
  'ready-checks.ts',
  'run.ts',
  'server.ts',
  'start.ts',
  'worker.ts',
]);

/** What each layer may import besides itself. `packages` stands for node_modules and Node's own modules. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  ports: ['domain'],
  actions: ['domain', 'ports'],
  app: ['actions', 'domain', 'ports'],
  config: ['domain', 'packages'],
  adapters: ['domain', 'ports', 'config', 'generated', 'packages'],
  graphql: ['domain', 'ports', 'app', 'generated', 'packages'],
  http: ['domain', 'ports', 'app', 'packages'],
  'sample-data': ['domain', 'ports', 'app', 'graphql', 'packages'],
  entry: ['domain', 'ports', 'app', 'config', 'adapters', 'graphql', 'http', 'sample-data', 'packages'],
};

interface SourceFile {
  readonly name: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function readSources(): readonly SourceFile[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll(path.sep, '/'))
    .filter((name) => name.endsWith('.ts') && !name.startsWith('generated/'))
    .map((name) => {
      const text = readFileSync(path.join(SOURCE, name), 'utf8');
      const imports = [...text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)'|import\('([^']+)'\)/gms)].map(
        (match) => match[1] ?? match[2] ?? '',
      );
      return { name, text, imports };
    });
}

function layerOf(name: string): string {
  if (ENTRIES.has(name) || name.startsWith('commands/')) return 'entry';
  // The port to the database has files of its own.
  return (
    name
      .split('/')[0]
      ?.replace(/\.ts$/, '')
      .replace(/^(database|owed-work)-ports$/, 'ports') ?? ''
  );
}

function targetLayer(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return 'packages';
  return layerOf(path.posix.normalize(path.posix.join(path.posix.dirname(from), specifier)));
}

const sources = readSources();

test('the scan sees the tree: every layer, and hundreds of imports', () => {
  expect(new Set(sources.map(({ name }) => layerOf(name)))).toEqual(new Set(Object.keys(ALLOWED)));
  expect(sources.length).toBeGreaterThan(60);
  expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(200);
  for (const { name, text, imports } of sources) {
    expect({ name, imports: imports.length }).toEqual({
      name,
      imports: text.match(/\bfrom '[^']+';|\bimport\('/g)?.length ?? 0,
    });
  }
});

describe('imports point inwards only', () => {
  test.each(sources)('$name', ({ name, imports }) => {
    const layer = layerOf(name);
    const forbidden = imports.filter((specifier) => {
      const target = targetLayer(name, specifier);
      return target !== layer && !ALLOWED[layer]?.includes(target);
    });
    expect(forbidden).toEqual([]);
  });
});

test('a door imports no action: it is given the app', () => {
  const doors = sources.filter(({ name }) => ['graphql', 'http'].includes(layerOf(name)));
  expect(doors.flatMap(({ imports }) => imports.filter((specifier) => specifier.includes('/actions/')))).toEqual([]);
});

test('the domain has no clock, no randomness and no input or output', () => {
  const impure = /\b(Date\.now|new Date\(\)|Math\.random|process\.|console\.|fetch\(|setTimeout)/;
  const found = sources.filter(({ name, text }) => layerOf(name) === 'domain' && impure.test(text));
  expect(found.map(({ name }) => name)).toEqual([]);
});

test('every file begins with a sentence on what it is for, has at most 400 lines, and a name that says something', () => {
  for (const { name, text } of sources) {
    expect({ name, first: text.split('\n')[0] }).toEqual({ name, first: expect.stringMatching(/^\/\/ .{20,}/) });
    expect({ name, isLong: text.split('\n').length > 401 }).toEqual({ name, isLong: false });
    expect(name).not.toMatch(/util|helper|manager|common|impl\b/i);
  }
});

test('every type, field, argument and enum value of the schema is described', async () => {
  const { buildSchema, isEnumType, isInputObjectType, isObjectType } = await import('graphql');
  const schema = buildSchema(readFileSync(path.join(SOURCE, '../schema.graphql'), 'utf8'));
  const silent: string[] = [];
  const check = (name: string, { description }: { readonly description?: string | null | undefined }) => {
    if (!description && name !== 'Query' && name !== 'Mutation') silent.push(name);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    check(type.name, type);
    if (isEnumType(type)) for (const value of type.getValues()) check(`${type.name}.${value.name}`, value);
    if (!isObjectType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      check(`${type.name}.${field.name}`, field);
      if ('args' in field)
        for (const argument of field.args) check(`${type.name}.${field.name}(${argument.name})`, argument);
    }
  }
  expect(silent).toEqual([]);
});
