// The executable schema: schema.graphql with its resolvers and scalars.

import { readFileSync } from 'node:fs';
import { makeExecutableSchema } from '@graphql-tools/schema';
import type { GraphQLSchema } from 'graphql';
import type { Context } from './context.ts';
import { resolvers } from './resolvers.ts';
import { traceRootFields } from './watched-operations.ts';

// Two folders up from src/graphql as well as from dist/graphql.
const SCHEMA_FILE = new URL('../../schema.graphql', import.meta.url);

export function createSchema(): GraphQLSchema {
  return traceRootFields(makeExecutableSchema<Context>({ typeDefs: readFileSync(SCHEMA_FILE, 'utf8'), resolvers }));
}
