// The scope that each operation needs, as the schema says it. The actions enforce it; a test holds the two together.

import { getDirectiveValues, type GraphQLSchema } from 'graphql';
import { SCOPES, type Scope } from '../domain/access.ts';

/** Operation → the scopes of which a key needs one. Throws when the schema leaves an operation without, or names one that is none. */
export function operationScopes(schema: GraphQLSchema): ReadonlyMap<string, readonly Scope[]> {
  const directive = schema.getDirective('scope');
  const operations = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}),
  );
  return new Map(
    operations.map(({ name, astNode }) => {
      const values = directive && astNode ? getDirectiveValues(directive, astNode) : undefined;
      const named = (values?.['anyOf'] ?? []) as readonly string[];
      const scopes = SCOPES.filter((scope) => named.includes(scope));
      if (scopes.length === 0 || scopes.length !== named.length) {
        throw new Error(`schema.graphql: ${name} needs @scope(anyOf: […]) with scopes of ${SCOPES.join(', ')}`);
      }
      return [name, scopes] as const;
    }),
  );
}
