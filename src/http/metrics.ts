// GET /metrics, for Prometheus: with a token where one is configured, open on the machine itself, and otherwise not there.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface MetricsDoor {
  /** Whether this is what whoever asks must show; always true where everybody may. Tells nothing by its time. */
  readonly isToken: (shown: string) => boolean;
  readonly scrape: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export function routeMetrics(server: FastifyInstance, { isToken, scrape }: MetricsDoor): void {
  server.get('/metrics', async (request: FastifyRequest, reply: FastifyReply) => {
    const shown = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!isToken(shown)) {
      return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'METRICS_TOKEN is needed.' });
    }
    const { contentType, text } = await scrape();
    return reply.type(contentType).header('cache-control', 'no-store').send(text);
  });
}
