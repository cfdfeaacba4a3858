// Idempotency keys: a request that is sent again under the same key takes effect once, and is answered as it was.
//
// After draft-ietf-httpapi-idempotency-key-header-07. A key belongs to a merchant and an operation.
// 1. While the first request runs, the others are told so.
// 2. Under a key stands one request: another one is refused.
// 3. An answer that is final is given again, whoever asks, for 24 hours.

import { badInput, Refusal, type ErrorCode } from './errors.ts';

/** A request under a key. */
export interface KeyedRequest {
  readonly merchantId: string;
  readonly operation: string;
  readonly key: string;
  /** Tells this request from another one under the same key. */
  readonly requestHash: string;
}

/** What the database holds under a key. */
export interface StoredKey {
  readonly requestHash: string;
  /** null while the request runs, or when whoever ran it has gone. */
  readonly answer: string | null;
  /** The scopes that the answer was made with. */
  readonly scopes: readonly string[];
}

export const KEY_LIFE_HOURS = 24;
const LONGEST_KEY = 255;
/** Asking again sooner than this finds the same. */
const COME_BACK_SECONDS = 1;

// A structured field's string (RFC 8941), as the draft has it; and, for the many who send it so, the bare value.
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/;
const BARE = /^[^\s",;\\]+$/;
const VISIBLE = /^[ -~]+$/;

/** Refusals that say something about the request and what it met. The others say that it can be tried again. */
const FINAL: Readonly<Record<ErrorCode, boolean>> = {
  BAD_USER_INPUT: true,
  NOT_FOUND: true,
  NOT_INVOICEABLE: true,
  INVOICE_NOT_CAPTURABLE: true,
  INVOICE_NOT_VOIDABLE: true,
  INVOICE_NOT_CANCELABLE: true,
  CONFLICT: true,
  UNAUTHENTICATED: false,
  FORBIDDEN: false,
  PAYMENT_GATEWAY_ERROR: false,
  RATE_LIMITED: false,
  IDEMPOTENCY_KEY_IN_USE: false,
  IDEMPOTENCY_KEY_REUSED: false,
};

/** The key in a header's value. Throws BAD_USER_INPUT. */
export function readIdempotencyKey(header: string): string {
  const value = header.trim();
  const quoted = QUOTED.exec(value)?.[1];
  const key = quoted === undefined ? value : quoted.replaceAll(/\\(["\\])/g, '$1');
  const isReadable = (quoted !== undefined || BARE.test(value)) && VISIBLE.test(key);
  if (isReadable && key.length <= LONGEST_KEY) return key;
  const message = `must be one string of 1 to ${LONGEST_KEY} visible ASCII characters, such as "8e03978e-40d5-43e8"`;
  throw badInput([{ path: ['idempotencyKey'], message }]);
}

/**
 * The answer that stands under the key for this request. Throws IDEMPOTENCY_KEY_REUSED for another request,
 * IDEMPOTENCY_KEY_IN_USE while the first one runs, FORBIDDEN when the answer holds more than the asker may see.
 */
export function answerUnderKey(stored: StoredKey, request: KeyedRequest, scopes: readonly string[]): string {
  if (stored.requestHash !== request.requestHash) {
    const message = 'This Idempotency-Key stands for another request. A new request needs a new key.';
    throw new Refusal('IDEMPOTENCY_KEY_REUSED', message);
  }
  if (stored.answer === null) throw keyInUse();
  if (stored.scopes.every((scope) => scopes.includes(scope))) return stored.answer;
  throw new Refusal('FORBIDDEN', 'The request under this Idempotency-Key was made with scopes that this key lacks.');
}

export function keyInUse(): Refusal {
  const message = 'The request with this Idempotency-Key is still running. Ask again in a moment for its answer.';
  return new Refusal('IDEMPOTENCY_KEY_IN_USE', message, { retryAfterSeconds: COME_BACK_SECONDS });
}

/** Whether a refusal with this code is the answer to the request for good. What is no refusal of ours never is. */
export function isFinal(code: unknown): boolean {
  return FINAL[code as ErrorCode] ?? false;
}
