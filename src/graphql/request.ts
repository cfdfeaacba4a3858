// What /graphql and /graphql/stream have in common: who asks.

import type { FastifyRequest } from 'fastify';

/** `Authorization: Bearer <key>`, or `X-API-Key: <key>`; null without either. */
export function apiKeyOf(request: FastifyRequest): string | null {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return bearer ?? (typeof apiKey === 'string' ? apiKey : null);
}
