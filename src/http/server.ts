// The HTTP server: hosts the doors, and tells whether it lives and whether requests are welcome.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Log } from '../ports.ts';
import { routeHealth, withDeadline, type ReadyChecks } from './health.ts';
import { routeMetrics, type MetricsDoor } from './metrics.ts';
import { watchRequests, type RequestWatch } from './watched-requests.ts';

// An order of 2,500 rows is about 700 kB.
const MOST_BODY_BYTES = 4 * 1024 * 1024;
// A signed link holds the ids of merchant and invoice, which may be 100 characters of any script each.
const LONGEST_PARAMETER = 4_000;

// How long a caller may take. Fastify as shipped waits for a request for ever, and every connection that waits is one
// that others lack.
const PATIENCE: Patience = {
  // Headers fit into a few packets; nobody sends them slowly in earnest.
  headersMs: 10_000,
  // The largest body over a slow mobile line, 35 kB a second.
  requestMs: 120_000,
  // Nothing moves in either direction. Longer than the longest operation (60 s) and than a connection is kept for reuse.
  silenceMs: 90_000,
  checkEveryMs: 5_000,
};
const DRAIN_DEADLINE_MS = 15_000;

export interface HttpServer {
  /** Where it listens, such as http://127.0.0.1:4000. */
  readonly address: string;
  /** From now on it says that it is not ready, and ends each connection with its next answer. */
  drain(): void;
  /** Drains for as long as it was told, then stops listening and waits for the requests that run. */
  close(): Promise<void>;
}

export interface Patience {
  /** 408 when the headers are not there by then. */
  readonly headersMs: number;
  /** 408 when the body is not there by then. */
  readonly requestMs: number;
  /** A connection on which nothing moves for so long is cut, also one whose answer is not read. */
  readonly silenceMs: number;
  readonly checkEveryMs: number;
}

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Log;
  /** Each adds its routes. */
  readonly doors: readonly ((server: FastifyInstance) => Promise<void>)[];
  /** What requests stand on, by name. */
  readonly readyChecks: ReadyChecks;
  /** How long requests are taken after the close began; not at all unless told. */
  readonly drainMs?: number;
  /** null where the metrics are nobody's business. */
  readonly metrics?: MetricsDoor | null;
  readonly watch?: RequestWatch;
  readonly patience?: Patience;
}

export async function startHttpServer(options: HttpOptions): Promise<HttpServer> {
  const { host, port, log, doors, readyChecks, drainMs = 0, metrics = null, watch, patience = PATIENCE } = options;
  let isStopping = false;
  const server = Fastify({
    http: { headersTimeout: patience.headersMs, connectionsCheckingInterval: patience.checkEveryMs },
    requestTimeout: patience.requestMs,
    connectionTimeout: patience.silenceMs,
    bodyLimit: MOST_BODY_BYTES,
    // An address that cannot be read is not repeated, as the answer of Fastify's own would.
    frameworkErrors: (error, _, reply: FastifyReply) => {
      void reply
        .code(error.statusCode ?? 400)
        .header('x-content-type-options', 'nosniff')
        .send({ error: 'This address cannot be read.' });
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
  });
  maskErrors(server, log);
  // Nothing of the request is repeated: an address can hold a token.
  server.setNotFoundHandler(async (_, reply) => reply.code(404).send({ error: 'There is nothing at this address.' }));
  server.addHook('onSend', async (_, reply) => {
    void reply.header('x-content-type-options', 'nosniff');
    // The next request on this connection would find nobody; the caller is told to make another one, elsewhere.
    if (isStopping) void reply.header('connection', 'close');
  });
  const drained = countRequests(server);
  if (watch) watchRequests(server, watch);
  for (const door of doors) await door(server);
  routeHealth(server, log, readyChecks, () => isStopping);
  if (metrics) routeMetrics(server, metrics);
  const address = await server.listen({ host, port });
  return {
    address,
    drain: () => {
      isStopping = true;
    },
    close: async () => {
      isStopping = true;
      // Whoever sends requests here needs time to notice.
      await pause(drainMs);
      const closed = server.close();
      // Node waits a minute for connections on which nothing was ever asked; browsers open such ones ahead of need.
      await withDeadline(drained(), DRAIN_DEADLINE_MS).catch((error: unknown) =>
        log.warn('http.requests_cut_off', { cause: String(error) }),
      );
      server.server.closeAllConnections();
      await closed;
    },
  };
}

// What a caller did wrong is told; what we did wrong is told by an id that the log knows, too.
function maskErrors(server: FastifyInstance, log: Log): void {
  server.setErrorHandler<FastifyError>(async (error, _, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send({ error: error.message });
    const correlationId = randomUUID();
    log.error('http.internal_error', { correlationId, cause: error.stack });
    // Headers that were meant for the answer that failed say nothing true about this one.
    for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
    return reply.code(500).send({ error: `Something went wrong on our side. Tell us this id: ${correlationId}` });
  });
}

/**
 * Resolves, once asked, as soon as no request is under way. One whose caller has gone is over once what it asked for is
 * done, and at once when its handler never began: Fastify tells the end only of answers that went out whole.
 */
function countRequests(server: FastifyInstance): () => Promise<void> {
  const underWay = new Set<FastifyRequest>();
  const handled = new Set<FastifyRequest>();
  const closed = new WeakSet<FastifyRequest>();
  let onIdle: (() => void) | null = null;
  const leave = (request: FastifyRequest) => {
    if (handled.has(request) || !closed.has(request)) return;
    underWay.delete(request);
    if (underWay.size === 0) onIdle?.();
  };
  server.addHook('onRequest', async (request, reply) => {
    underWay.add(request);
    reply.raw.once('close', () => {
      closed.add(request);
      leave(request);
    });
  });
  server.addHook('preHandler', async (request) => {
    handled.add(request);
  });
  server.addHook('onSend', async (request) => {
    handled.delete(request);
    leave(request);
  });
  return () => new Promise((resolve) => (underWay.size === 0 ? resolve() : (onIdle = resolve)));
}
