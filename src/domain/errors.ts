// Refusals: how every rule of the product says no, with a stable code and every reason at once.

import { shown } from './text.ts';

/** The closed set of codes that a caller can meet. Each door maps it once, exhaustively. */
export type ErrorCode =
  | 'BAD_USER_INPUT'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'NOT_INVOICEABLE'
  | 'INVOICE_NOT_CAPTURABLE'
  | 'INVOICE_NOT_VOIDABLE'
  | 'INVOICE_NOT_CANCELABLE'
  | 'CONFLICT'
  | 'PAYMENT_GATEWAY_ERROR'
  | 'RATE_LIMITED'
  | 'IDEMPOTENCY_KEY_IN_USE'
  | 'IDEMPOTENCY_KEY_REUSED';

/** Why an order item cannot be invoiced now. */
export type BlockerCode =
  | 'NOT_SHIPPED'
  | 'ALREADY_INVOICED'
  | 'CANCELLED'
  | 'ON_HOLD'
  | 'PAYMENT_REVIEW'
  | 'NOT_REFUNDED'
  | 'UNKNOWN_ITEM'
  | 'OTHER_CUSTOMER'
  | 'OTHER_CURRENCY'
  | 'OTHER_VAT_MODE'
  | 'DUPLICATE_ITEM';

/** One blocker: the code for programs, the message for people, and what it is about. */
export interface Blocker {
  readonly code: BlockerCode;
  readonly message: string;
  readonly orderId: string | null;
  readonly itemId: string | null;
}

/**
 * One fault of an input. `path` leads to the value, in our own (camelCase) names: `['items', 0, 'unitPrice']`.
 * `message` goes on from there, as in "must not be negative": each door names the value in its own way.
 */
export interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** A rule said no. Nothing was changed. Anything else that is thrown is a defect and is never shown to a caller. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly faults: readonly Fault[];
  readonly blockers: readonly Blocker[];
  /** When the same request may fare better; null where time changes nothing. */
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    details: {
      readonly faults?: readonly Fault[];
      readonly blockers?: readonly Blocker[];
      readonly retryAfterSeconds?: number | null;
    } = {},
  ) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.faults = details.faults ?? [];
    this.blockers = details.blockers ?? [];
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
  }
}

/** The key has used up what it may ask for a minute. */
export function rateLimited(retryAfterSeconds: number): Refusal {
  const message = `This key has asked for too much; come back in ${retryAfterSeconds} seconds.`;
  return new Refusal('RATE_LIMITED', message, { retryAfterSeconds });
}

/** A refusal that names every fault of an input. */
export function badInput(faults: readonly Fault[]): Refusal {
  return new Refusal('BAD_USER_INPUT', describeFaults(faults, String), { faults });
}

/** The faults as sentences, each value named by its path; `nameOf` gives the door's name of a field. */
export function describeFaults(faults: readonly Fault[], nameOf: (field: string) => string): string {
  const sentences = faults.slice(0, MAX_SENTENCES).map(({ path, message }) => {
    const named = path.map((part) => (typeof part === 'number' ? String(part) : nameOf(part))).join('.');
    return `${named} ${message}.`;
  });
  const more = faults.length - sentences.length;
  return more > 0 ? `${sentences.join(' ')} (and ${more} more)` : sentences.join(' ');
}

/** A message stays readable; the list of faults beside it is complete. */
const MAX_SENTENCES = 5;

/** What is not there, or belongs to another merchant: the two are told apart by nobody. */
export function notFound(what: string, id: string): Refusal {
  return new Refusal('NOT_FOUND', `There is no ${what} "${shown(id)}".`);
}
