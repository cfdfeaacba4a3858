// Subscriptions as server-sent events at /graphql/stream: the GraphQL over SSE protocol, one connection an operation.
//
// 1. The same keys, limits, costs and codes as at /graphql. Only subscriptions are taken here, and only here.
// 2. A stream that ends with `complete` has said all. One that is cut off (a server that stops, the end of its time) has not,
//    and clients of the protocol connect again by themselves.
// 3. A stream is no request under way: it never holds up the end of the process.

import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  getOperationAST,
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  specifiedRules,
  subscribe,
  validate,
  type ExecutionResult,
} from 'graphql';
import { createHandler, type RequestParams } from 'graphql-sse';
import type { App } from '../app.ts';
import { rateLimited, Refusal } from '../domain/errors.ts';
import type { Log } from '../ports.ts';
import { createContext, type Context, type Urls } from './context.ts';
import { errorFormatter, toGraphQLError } from './errors.ts';
import { LIMITS, limitShape, tooMuch } from './limits.ts';
import { chargeOperation } from './operation-cost.ts';
import { apiKeyOf } from './request.ts';
import { createSchema } from './schema.ts';

export const STREAM_PATH = '/graphql/stream';
const EVENT_STREAM = 'text/event-stream';

export interface StreamLimits {
  readonly streams: number;
  readonly streamsPerKey: number;
  readonly streamMs: number;
}

type Shown = (error: unknown) => GraphQLError;

/** Errors as they may be shown, in the way of /graphql. */
function shownThrough(log: Log): Shown {
  const format = errorFormatter(log);
  return (error) => {
    const known =
      error instanceof GraphQLError ? error : new GraphQLError(String(error), { originalError: asError(error) });
    const { message, extensions } = format(known.toJSON(), error);
    return new GraphQLError(message, { ...(known.path && { path: known.path }), ...(extensions && { extensions }) });
  };
}

function createStreamHandler(shown: Shown) {
  const schema = createSchema();
  const run = async ({ query, operationName, variables = {} }: RequestParams, contextValue: Context) => {
    if (typeof query !== 'string') throw coded('BAD_REQUEST', 'The request holds no query.');
    const document = parsed(query);
    const faults = validate(schema, document, [...specifiedRules, limitShape]);
    if (faults.length > 0) return { errors: faults.map(validationFault) };
    const operation = getOperationAST(document, operationName);
    if (!operation) throw coded('OPERATION_RESOLUTION_FAILURE', 'The request does not say which operation to run.');
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
      throw coded('BAD_REQUEST', 'Only subscriptions are taken here; send queries and mutations to /graphql.');
    }
    await chargeOperation(contextValue.app, contextValue.actor, { schema, document, operation, variables });
    return subscribe({ schema, document, contextValue, variableValues: variables, operationName });
  };
  return createHandler<FastifyRequest, Context>({
    // Without a token there is one connection an operation, and no other mode.
    authenticate: () => null,
    onSubscribe: async ({ context }, params) => {
      try {
        const result = await run(params, context);
        return formatted(Symbol.asyncIterator in result ? result : oneOf(result), shown);
      } catch (error) {
        if (error instanceof Refusal && error.code === 'RATE_LIMITED') throw error;
        return oneOf({ errors: [shown(error)] });
      }
    },
  });
}

export function routeStream(
  server: FastifyInstance,
  app: App,
  log: Log,
  urls: Urls,
  limits: StreamLimits = LIMITS,
): void {
  const shown = shownThrough(log);
  const handle = createStreamHandler(shown);
  const slots = new Slots(limits);
  const open = new Set<Readable>();

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (!request.headers.accept?.includes(EVENT_STREAM)) {
      return reply
        .code(406)
        .send({ errors: [{ message: `Accept must be ${EVENT_STREAM}.`, extensions: { code: 'BAD_REQUEST' } }] });
    }
    const credential = apiKeyOf(request);
    const actor = await app.authenticate(credential);
    const leave = slots.take(actor.keyId ?? '');
    const over = new AbortController();
    reply.raw.once('close', () => {
      leave();
      over.abort();
    });
    // Gone while its key was looked up: nobody will say so again. Answered all the same, or it would count as under way for ever.
    if (reply.raw.destroyed) {
      leave();
      over.abort();
      return reply.send('');
    }
    const checkKey = async () => void (await app.authenticate(credential));
    const context = createContext(app, actor, urls, { signal: over.signal, checkKey });
    const [body, init] = await handle({
      method: request.method,
      url: request.url,
      headers: { get: (name) => (name === 'accept' ? EVENT_STREAM : String(request.headers[name] ?? '')) },
      body: (request.body ?? null) as Record<string, unknown> | null,
      raw: request,
      context,
    });
    void reply.code(init.status).headers({ ...init.headers, 'x-accel-buffering': 'no' });
    if (body === null || typeof body === 'string') return reply.send(body ?? '');
    const events = Readable.from(body);
    open.add(events);
    const timer = setTimeout(() => events.destroy(), limits.streamMs).unref();
    events.once('close', () => {
      clearTimeout(timer);
      open.delete(events);
      over.abort();
    });
    return reply.send(events);
  }

  server.addHook('preClose', async () => {
    for (const events of open) events.destroy();
  });
  server.route({
    method: ['GET', 'POST'],
    url: STREAM_PATH,
    handler: async (request, reply) => {
      try {
        return await answer(request, reply);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { status = 400 } = (toGraphQLError(error).extensions['http'] ?? {}) as { readonly status?: number };
        if (error.retryAfterSeconds !== null) void reply.header('retry-after', error.retryAfterSeconds);
        return reply.code(status).send({ errors: [shown(error)] });
      }
    },
  });
}

/** Results with errors as they may be shown; an error of the source itself becomes the last result. */
async function* formatted(
  results: AsyncIterable<ExecutionResult>,
  shown: Shown,
): AsyncGenerator<ExecutionResult, void, undefined> {
  try {
    for await (const result of results) yield withShown(result, shown);
  } catch (error) {
    yield { errors: [shown(error)] };
  }
}

// One result is told as a stream of one: the handler would take a result without data for arguments.
async function* oneOf(result: ExecutionResult): AsyncGenerator<ExecutionResult, void, undefined> {
  yield result;
}

function withShown(result: ExecutionResult, shown: Shown): ExecutionResult {
  return result.errors ? { ...result, errors: result.errors.map((error) => shown(variableFault(error))) } : result;
}

function parsed(query: string) {
  try {
    return parse(query, { maxTokens: LIMITS.tokens });
  } catch (error) {
    if (!(error instanceof GraphQLError) || error.message.includes('tokens')) throw error;
    throw coded('GRAPHQL_PARSE_FAILED', error.message);
  }
}

function validationFault(error: GraphQLError): GraphQLError {
  return error.extensions['code'] === undefined ? coded('GRAPHQL_VALIDATION_FAILED', error.message) : error;
}

// As Apollo tells it at /graphql.
function variableFault(error: GraphQLError): GraphQLError {
  const isOfVariable = error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION && error.message.startsWith('Variable "$');
  return isOfVariable ? tooMuch(error.message) : error;
}

function coded(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** How many streams there are, of each key and together. */
class Slots {
  readonly #limits: StreamLimits;
  readonly #ofKey = new Map<string, number>();
  #all = 0;

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  /** Takes one; returns how to give it back. */
  take(keyId: string): () => void {
    const own = this.#ofKey.get(keyId) ?? 0;
    if (own >= this.#limits.streamsPerKey || this.#all >= this.#limits.streams) throw rateLimited(FULL_RETRY_SECONDS);
    this.#ofKey.set(keyId, own + 1);
    this.#all += 1;
    return () => {
      this.#all -= 1;
      const left = (this.#ofKey.get(keyId) ?? 1) - 1;
      if (left === 0) this.#ofKey.delete(keyId);
      else this.#ofKey.set(keyId, left);
    };
  }
}

const FULL_RETRY_SECONDS = 5;
