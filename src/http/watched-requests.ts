// Measures and traces every request: which route, how long, which class of status. Nothing of its address or body.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { BegunStep, Measures, Tracing } from '../ports.ts';

export interface RequestWatch {
  readonly measures: Measures;
  readonly tracing: Tracing;
}

/** Asked every few seconds by machines: a trace of each would hide all others. */
const NOT_TRACED: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);

export function watchRequests(server: FastifyInstance, { measures, tracing }: RequestWatch): void {
  const steps = new WeakMap<FastifyRequest, BegunStep>();
  server.addHook('onRequest', async (request, reply) => {
    const begun = performance.now();
    // The pattern; an address itself is what a caller sent.
    const route = request.routeOptions.url ?? 'none';
    const method = METHODS.has(request.method) ? request.method : 'other';
    const step = NOT_TRACED.has(route)
      ? null
      : tracing.begin(
          `${method} ${route}`,
          { 'http.request.method': method, 'http.route': route },
          traceparentOf(request),
        );
    if (step) steps.set(request, step);
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw;
      // The caller went away before it had all of the answer.
      const status = writableFinished ? `${Math.trunc(statusCode / 100)}xx` : 'aborted';
      measures.took('httpRequest', (performance.now() - begun) / 1_000, { method, route, status });
      step?.end({
        isFailed: !writableFinished || statusCode >= 500,
        attributes: { 'http.response.status_code': statusCode },
      });
    });
  });
  // As late as this, because reading the body loses what runs along the call.
  server.addHook('preHandler', (request, _, done) => {
    const step = steps.get(request);
    if (step) step.within(done);
    else done();
  });
}

function traceparentOf({ headers }: FastifyRequest): string | null {
  const { traceparent } = headers;
  return typeof traceparent === 'string' ? traceparent : null;
}
