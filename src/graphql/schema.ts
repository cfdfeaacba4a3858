// The executable schema: schema.graphql with its resolvers and scalars.

import { readFileSync } from 'node:fs';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { isIntrospectionType, isObjectType, type GraphQLSchema } from 'graphql';
import type { Context } from './context.ts';
import { toCamelCase } from './field-names.ts';
import { resolvers } from './resolvers.ts';
import { traceRootFields } from './watched-operations.ts';

// Two folders up from src/graphql as well as from dist/graphql.
const SCHEMA_FILE = new URL('../../schema.graphql', import.meta.url);

export function createSchema(): GraphQLSchema {
  const typeDefs = readFileSync(SCHEMA_FILE, 'utf8');
  return traceRootFields(resolveByName(makeExecutableSchema<Context>({ typeDefs, resolvers })));
}

/** A field without a resolver is the property of the record under its camelCase name. */
function resolveByName(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const property = toCamelCase(field.name);
      // What has the same name in both needs no function: graphql finds it by itself.
      if (property !== field.name) field.resolve ??= (source: Readonly<Record<string, unknown>>) => source[property];
    }
  }
  return schema;
}
