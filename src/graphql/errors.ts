// Refusals as GraphQL errors: one code each, with faults and blockers beside it. What is no refusal is never shown.

import { randomUUID } from 'node:crypto';
import { HeaderMap } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { describeFaults, Refusal, type ErrorCode } from '../domain/errors.ts';
import type { Log } from '../ports.ts';
import { toSnakeCase } from './field-names.ts';
import { tokenFault } from './limits.ts';

// What HTTP is told where a refusal meets the whole request. A refusal of one field leaves the status alone.
const HTTP_STATUS: Readonly<Record<ErrorCode, number | null>> = {
  BAD_USER_INPUT: null,
  UNAUTHENTICATED: 401,
  FORBIDDEN: null,
  NOT_FOUND: null,
  NOT_INVOICEABLE: null,
  INVOICE_NOT_CAPTURABLE: null,
  INVOICE_NOT_VOIDABLE: null,
  INVOICE_NOT_CANCELABLE: null,
  CONFLICT: null,
  PAYMENT_GATEWAY_ERROR: null,
  RATE_LIMITED: 429,
  IDEMPOTENCY_KEY_IN_USE: 409,
  IDEMPOTENCY_KEY_REUSED: 422,
};

// Typed as another package, which declares extensions for all, knows it: for Apollo headers are a map of its own.
function httpHead(status: number, retryAfterSeconds: number | null): { readonly status: number } {
  const headers = new HeaderMap();
  if (retryAfterSeconds !== null) headers.set('retry-after', String(retryAfterSeconds));
  return Object.assign({ status }, { headers });
}

/** The error that a client sees of a refusal. Field names are the API's own. */
export function toGraphQLError(refusal: Refusal): GraphQLError {
  const status = HTTP_STATUS[refusal.code];
  const { faults, blockers, retryAfterSeconds: wait } = refusal;
  return new GraphQLError(faults.length > 0 ? describeFaults(faults, toSnakeCase) : refusal.message, {
    extensions: {
      code: refusal.code,
      ...(wait !== null && { retry_after_seconds: wait }),
      ...(status !== null && { http: httpHead(status, wait) }),
      ...(faults.length > 0 && {
        faults: faults.map(({ path, message }) => ({
          path: path.map((part) => (typeof part === 'number' ? part : toSnakeCase(part))),
          message,
        })),
      }),
      ...(blockers.length > 0 && {
        blockers: blockers.map(({ code, message, orderId, itemId }) => ({
          code,
          message,
          order_id: orderId,
          item_id: itemId,
        })),
      }),
    },
  });
}

// What graphql-js and Apollo say of a faulty request: about the caller's own document, safe to show.
const PROTOCOL_CODES = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

/** Shows refusals and protocol errors; masks everything else behind an id that the log knows, too. */
export function errorFormatter(log: Log) {
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const cause = unwrapResolverError(error);
    if (cause instanceof Refusal) {
      const { message, extensions } = toGraphQLError(cause);
      const { http: _, ...shown } = extensions;
      return { ...formatted, message, extensions: shown };
    }
    const tooLong = tokenFault(error);
    if (tooLong) return { ...formatted, message: tooLong.message, extensions: { code: tooLong.extensions['code'] } };
    const code = formatted.extensions?.['code'];
    if (typeof code === 'string' && (PROTOCOL_CODES.has(code) || isOwnCode(code))) {
      const { stacktrace: _, ...shown } = formatted.extensions ?? {};
      return { ...formatted, extensions: { ...shown, code: isScalarFault(error) ? 'BAD_USER_INPUT' : code } };
    }
    if (isRequestFault(error)) return { ...formatted, extensions: { code: 'BAD_REQUEST' } };
    const correlationId = randomUUID();
    log.error('graphql.internal_error', { correlationId, cause: cause instanceof Error ? cause.stack : String(cause) });
    return {
      message: `Something went wrong on our side. Tell us this id: ${correlationId}`,
      ...(formatted.path && { path: formatted.path }),
      extensions: { code: 'INTERNAL_SERVER_ERROR', correlation_id: correlationId },
    };
  };
}

// What graphql-js says of the operation itself, such as a subscription where there are none: it has no cause and no path.
function isRequestFault(error: unknown): boolean {
  return error instanceof GraphQLError && error.originalError === undefined && error.path === undefined;
}

/** Whether a code is one of those that this door answers with. */
export function isKnownCode(code: string): boolean {
  return isOwnCode(code) || PROTOCOL_CODES.has(code) || code === 'INTERNAL_SERVER_ERROR';
}

function isOwnCode(code: string): boolean {
  return Object.hasOwn(HTTP_STATUS, code);
}

// A value that a scalar refuses has one code wherever it stands; Apollo has another one for literals in the document.
function isScalarFault(error: unknown): boolean {
  if (!(error instanceof GraphQLError)) return false;
  return error.originalError instanceof GraphQLError && error.originalError.extensions['code'] === 'BAD_USER_INPUT';
}
