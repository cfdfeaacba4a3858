// The GraphQL door: Apollo Server over schema.graphql.

import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { Log } from '../ports.ts';
import { compiledQueries } from './compiled-queries.ts';
import type { Context } from './context.ts';
import { errorFormatter } from './errors.ts';
import { httpStatusPlugin } from './http-status.ts';
import { idempotencyPlugin } from './idempotency.ts';
import { LIMITS, limitShape } from './limits.ts';
import { limitCost } from './operation-cost.ts';
import { createSchema } from './schema.ts';
import { measureOperations } from './watched-operations.ts';

export function createGraphqlServer(log: Log): ApolloServer<Context> {
  return new ApolloServer<Context>({
    schema: createSchema(),
    formatError: errorFormatter(log),
    includeStacktraceInErrorResponses: false,
    // A key is needed to get this far, and whoever holds one may read the schema.
    introspection: true,
    // Signals are the entry's to handle: it knows what else must stop, and in which order.
    stopOnTerminationSignals: false,
    // urql and plain fetch send neither of Apollo's own headers; a browser form can send none of these either.
    csrfPrevention: {
      requestHeaders: ['authorization', 'x-api-key', 'x-apollo-operation-name', 'apollo-require-preflight'],
    },
    parseOptions: { maxTokens: LIMITS.tokens },
    validationRules: [limitShape],
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      // It would stand behind every field to find that nothing here may be cached; the route says so of all answers.
      ApolloServerPluginCacheControlDisabled(),
      httpStatusPlugin,
      idempotencyPlugin(limitCost),
      measureOperations,
      compiledQueries(),
    ],
  });
}
