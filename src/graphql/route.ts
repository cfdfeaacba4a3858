// The GraphQL door on HTTP: /graphql for programs, GraphiQL on the same path for a browser on this machine.

import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app.ts';
import { Refusal } from '../domain/errors.ts';
import type { Log } from '../ports.ts';
import { createContext, type Urls } from './context.ts';
import { toGraphQLError } from './errors.ts';
import { renderPage, wantsGraphiql } from './graphiql.ts';
import { GRAPHQL_MEDIA_TYPE } from './http-status.ts';
import { LIMITS, mayChange, tooMuch } from './limits.ts';
import { apiKeyOf } from './request.ts';
import { createGraphqlServer } from './server.ts';
import { routeStream } from './stream.ts';

export async function routeGraphql(
  server: FastifyInstance,
  app: App,
  log: Log,
  urls: Urls,
  durations: Durations = LIMITS,
): Promise<void> {
  const graphql = createGraphqlServer(log);
  await graphql.start();
  server.addHook('onClose', () => graphql.stop());
  const answer = fastifyApolloHandler(graphql, {
    context: async (request) => {
      try {
        const actor = await app.authenticate(apiKeyOf(request));
        if (Array.isArray(request.body)) throw tooMuch('One request holds one operation.');
        return createContext(app, actor, urls);
      } catch (error) {
        throw error instanceof Refusal ? toGraphQLError(error) : error;
      }
    },
  });
  routeStream(server, app, log, urls);
  let page: string | null = null;
  server.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    errorHandler: answerInGraphql,
    handler: async function (request, reply) {
      // Answers tell of people and money, and of this moment.
      void reply.header('cache-control', 'no-store');
      if (!wantsGraphiql(request)) return inTime(answer.call(this, request, reply), durations, request, reply);
      page ??= renderPage();
      return reply
        .type('text/html; charset=utf-8')
        .header('referrer-policy', 'no-referrer')
        .header('content-security-policy', GRAPHIQL_POLICY)
        .send(page);
    },
  });
}

interface Durations {
  readonly queryMs: number;
  readonly mutationMs: number;
}

/** Answers without the operation once its time is up. What it changes it still changes, all or nothing. */
async function inTime(
  answer: unknown,
  { queryMs, mutationMs }: Durations,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  // A plain timer: one that a signal aborts makes an error with its stack for every request.
  const timeIsUp = new Promise<null>((resolve) => {
    const giveUp = () => resolve(null);
    timer = setTimeout(() => {
      if (mayChange(request.method, request.body)) timer = setTimeout(giveUp, mutationMs - queryMs);
      else giveUp();
    }, queryMs);
  });
  const body = await Promise.race([answer, timeIsUp]).finally(() => clearTimeout(timer));
  if (body !== null) return body;
  // Nobody waits for it any more; its fault would be an unhandled one.
  Promise.resolve(answer).catch(() => undefined);
  const message = 'The operation took too long. It may still take effect: read again, or repeat it with the same id.';
  const type = request.headers.accept?.includes(GRAPHQL_MEDIA_TYPE) ? GRAPHQL_MEDIA_TYPE : 'application/json';
  return reply
    .code(503)
    .type(`${type}; charset=utf-8`)
    .send(JSON.stringify({ errors: [{ message, extensions: { code: 'OPERATION_TIMED_OUT' } }] }));
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
