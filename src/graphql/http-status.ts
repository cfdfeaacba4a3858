// The HTTP status of answers as GraphQL over HTTP has it: a request that was read is answered with 200 in plain JSON.

import type { ApolloServerPlugin } from '@apollo/server';

/** Only in this media type may a status tell of GraphQL's own errors: nobody but the server itself can have sent it. */
export const GRAPHQL_MEDIA_TYPE = 'application/graphql-response+json';

/** What is wrong with the document or its variables; the request around it was well-formed. */
const DOCUMENT_CODES: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

/** Apollo says 400 of a faulty document in either media type; the specification wants 200 in `application/json`. */
export const httpStatusPlugin: ApolloServerPlugin = {
  requestDidStart: async () => ({
    willSendResponse: async ({ request, response: { body, http } }) => {
      if (body.kind !== 'single' || http.status !== 400) return;
      if (request.http?.headers.get('accept')?.includes(GRAPHQL_MEDIA_TYPE)) return;
      const { errors = [] } = body.singleResult;
      if (errors.every(({ extensions }) => DOCUMENT_CODES.has(extensions?.['code']))) http.status = 200;
    },
  }),
};
