// What /graphql and /graphql/stream have in common: who asks, and how a field is found in a record.

import type { FastifyRequest } from 'fastify';
import type { GraphQLFieldResolver } from 'graphql';
import type { Context } from './context.ts';
import { toCamelCase } from './field-names.ts';

/** A field without a resolver is the property of the record under its camelCase name. */
export const fieldResolver: GraphQLFieldResolver<Record<string, unknown>, Context> = (source, _, __, { fieldName }) =>
  source[toCamelCase(fieldName)];

/** `Authorization: Bearer <key>`, or `X-API-Key: <key>`; null without either. */
export function apiKeyOf(request: FastifyRequest): string | null {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return bearer ?? (typeof apiKey === 'string' ? apiKey : null);
}
