// The GraphQL door on HTTP: /graphql for programs, GraphiQL on the same path for a browser on this machine.

import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app.ts';
import { Refusal } from '../domain/errors.ts';
import type { Log } from '../ports.ts';
import { createContext } from './context.ts';
import { toGraphQLError } from './errors.ts';
import { renderPage, wantsGraphiql } from './graphiql.ts';
import { createGraphqlServer } from './server.ts';

/** `pdfUrl` makes the address under which a signed PDF token opens. */
export async function routeGraphql(
  server: FastifyInstance,
  app: App,
  log: Log,
  pdfUrl: (token: string) => string,
): Promise<void> {
  const graphql = createGraphqlServer(log);
  await graphql.start();
  server.addHook('onClose', () => graphql.stop());
  const answer = fastifyApolloHandler(graphql, {
    context: async (request) => {
      try {
        return createContext(app, await app.authenticate(apiKeyOf(request)), pdfUrl);
      } catch (error) {
        throw error instanceof Refusal ? toGraphQLError(error) : error;
      }
    },
  });
  let page: string | null = null;
  server.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    errorHandler: answerInGraphql,
    handler: async function (request, reply) {
      if (!wantsGraphiql(request)) return answer.call(this, request, reply);
      page ??= renderPage();
      return reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('referrer-policy', 'no-referrer')
        .header('content-security-policy', GRAPHIQL_POLICY)
        .send(page);
    },
  });
}

// A body that cannot be read never reaches Apollo; its fault is still told the way every other one here is.
function answerInGraphql(error: FastifyError, _: FastifyRequest, reply: FastifyReply): void {
  const status = error.statusCode ?? 500;
  if (status >= 500) throw error;
  const code = status === 413 ? 'BAD_USER_INPUT' : 'BAD_REQUEST';
  void reply.code(status).send({ errors: [{ message: error.message, extensions: { code } }] });
}

// All of the page is inline, its workers are blobs; it talks to nobody but this server.
const GRAPHIQL_POLICY =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; style-src 'unsafe-inline'; " +
  "img-src data:; font-src data:; connect-src 'self'; frame-ancestors 'none'";

/** `Authorization: Bearer <key>`, or `X-API-Key: <key>`; null without either. */
function apiKeyOf(request: FastifyRequest): string | null {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return bearer ?? (typeof apiKey === 'string' ? apiKey : null);
}
