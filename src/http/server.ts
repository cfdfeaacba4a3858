// The HTTP server: hosts the doors, and tells whether it lives and whether requests are welcome.

import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Log } from '../ports.ts';

// An order of 2,500 rows is about 700 kB.
const MOST_BODY_BYTES = 4 * 1024 * 1024;
// A signed link holds the ids of merchant and invoice, which may be 100 characters of any script each.
const LONGEST_PARAMETER = 4_000;
const READY_DEADLINE_MS = 2_000;
const DRAIN_DEADLINE_MS = 15_000;

export interface HttpServer {
  /** Where it listens, such as http://127.0.0.1:4000. */
  readonly address: string;
  /** Stops listening and waits for the requests that run. */
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Log;
  /** Each adds its routes. */
  readonly doors: readonly ((server: FastifyInstance) => Promise<void>)[];
  /** What must answer before requests are welcome, by name. */
  readonly readyChecks: Readonly<Record<string, () => Promise<void>>>;
}

export async function startHttpServer({ host, port, log, doors, readyChecks }: HttpOptions): Promise<HttpServer> {
  const server = Fastify({
    bodyLimit: MOST_BODY_BYTES,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
  });
  maskErrors(server, log);
  server.addHook('onSend', async (_, reply) => {
    void reply.header('x-content-type-options', 'nosniff');
  });
  const drained = watchRequests(server);
  for (const door of doors) await door(server);
  routeHealth(server, log, readyChecks);
  const address = await server.listen({ host, port });
  return {
    address,
    close: async () => {
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

/** Resolves, once asked, as soon as no request is under way. */
function watchRequests(server: FastifyInstance): () => Promise<void> {
  let underWay = 0;
  let onIdle: (() => void) | null = null;
  server.addHook('onRequest', async () => {
    underWay += 1;
  });
  server.addHook('onResponse', async () => {
    underWay -= 1;
    if (underWay === 0) onIdle?.();
  });
  return () => new Promise((resolve) => (underWay === 0 ? resolve() : (onIdle = resolve)));
}

function routeHealth(server: FastifyInstance, log: Log, checks: HttpOptions['readyChecks']): void {
  // The process is alive, whatever becomes of what it depends on.
  server.get('/healthz', async (_, reply) => reply.send({ status: 'ok' }));
  // Requests are welcome.
  server.get('/readyz', async (_, reply) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        try {
          await withDeadline(check(), READY_DEADLINE_MS);
          return [name, 'ok'] as const;
        } catch (error) {
          log.warn('http.not_ready', { check: name, cause: String(error) });
          return [name, 'unavailable'] as const;
        }
      }),
    );
    const isReady = results.every(([, state]) => state === 'ok');
    const status = isReady ? 'ok' : 'unavailable';
    return reply.code(isReady ? 200 : 503).send({ status, ...Object.fromEntries(results) });
  });
}

async function withDeadline(work: Promise<void>, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${deadlineMs} ms`)), deadlineMs);
  });
  await Promise.race([work, deadline]).finally(() => clearTimeout(timer));
}
