// Measures GraphQL operations by the field at their root, and traces those fields. Labels come from the schema alone.

import type { ApolloServerPlugin } from '@apollo/server';
import {
  defaultFieldResolver,
  Kind,
  type DocumentNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Context } from './context.ts';
import { isKnownCode } from './errors.ts';

export const measureOperations: ApolloServerPlugin<Context> = {
  requestDidStart: async () => {
    const begun = performance.now();
    return {
      willSendResponse: async ({ schema, document, operation, response: { body }, contextValue: { app } }) => {
        const [error] = body.kind === 'single' ? (body.singleResult.errors ?? []) : [];
        const type = operation?.operation ?? 'none';
        const field = operation && document ? rootFieldOf(schema, document, operation) : 'none';
        app.measures.took('operation', (performance.now() - begun) / 1_000, { type, field });
        app.measures.happened('operation', 1, { type, field, outcome: error ? codeOf(error.extensions) : 'ok' });
      },
    };
  },
};

function codeOf(extensions: Readonly<Record<string, unknown>> | undefined): string {
  const code = extensions?.['code'];
  return typeof code === 'string' && isKnownCode(code) ? code : 'other';
}

/** The field at the root, as the schema names it, whatever alias it was given; "several" where there are more. */
function rootFieldOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): string {
  const fields = schema.getRootType(operation.operation)?.getFields() ?? {};
  const found = new Set<string>();
  const seen = new Set<string>();
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const node of selections) {
      if (node.kind === Kind.FIELD) {
        found.add(Object.hasOwn(fields, node.name.value) ? node.name.value : 'introspection');
      } else if (node.kind === Kind.INLINE_FRAGMENT) {
        collect(node.selectionSet);
      } else if (!seen.has(node.name.value)) {
        seen.add(node.name.value);
        const spread = document.definitions.find(
          (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === node.name.value,
        );
        if (spread?.kind === Kind.FRAGMENT_DEFINITION) collect(spread.selectionSet);
      }
    }
  };
  collect(operation.selectionSet);
  const [only = 'none'] = found;
  return found.size > 1 ? 'several' : only;
}

/** Makes each field at the root a step of the trace, with all that its action does below it. */
export function traceRootFields(schema: GraphQLSchema): GraphQLSchema {
  for (const type of [schema.getQueryType(), schema.getMutationType()]) if (type) traceFields(type);
  return schema;
}

function traceFields(type: GraphQLObjectType): void {
  for (const field of Object.values(type.getFields())) {
    const { resolve = defaultFieldResolver } = field;
    const name = `${type.name.toLowerCase()} ${field.name}`;
    field.resolve = (source, args, context: Context, info) =>
      context.app.tracing.step(name, {}, async () => resolve(source, args, context, info));
  }
}
