// One event on its way to one endpoint: what an answer makes of it, and when it is tried again.

import type { WebhookEvent } from './webhook-event.ts';

export type WebhookDeliveryStatus = 'PENDING' | 'SUCCEEDED' | 'FAILED';

export interface WebhookDelivery {
  readonly id: string;
  /** The id of the event, by which a consumer knows it again. */
  readonly webhookId: string;
  readonly endpointId: string;
  readonly event: WebhookEvent;
  readonly invoiceId: string;
  readonly happenedAt: Date;
  readonly status: WebhookDeliveryStatus;
  readonly attempts: number;
  /** Not before; null once it has ended. */
  readonly nextAttemptAt: Date | null;
  readonly lastAttemptAt: Date | null;
  readonly durationMs: number | null;
  readonly responseStatus: number | null;
  /** How the last response began. */
  readonly response: string | null;
  readonly error: string | null;
  readonly createdAt: Date;
}

/** What came back from an endpoint; a status of null when nothing did, and then `error` says why. */
export interface WebhookAnswer {
  readonly status: number | null;
  readonly response: string | null;
  readonly error: string | null;
  /** How long the endpoint asks to be left alone. */
  readonly retryAfterMs: number | null;
  readonly durationMs: number;
}

/** null for an answer that means yes. */
export function answerFault({ status, error }: WebhookAnswer): string | null {
  if (status === null) return error ?? 'It did not answer.';
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `It answered ${status}; redirects are not followed.`;
  return `It answered ${status}.`;
}

/** 410: there is nobody there any more, says the endpoint itself. */
export function isGone({ status }: WebhookAnswer): boolean {
  return status === 410;
}

/** A delivery is tried again for so long after its first attempt. */
const LIFE_MS = 24 * 3_600_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 3 * 3_600_000;
/** Each pause is up to so much shorter or longer, lest all that failed together come back together. */
const JITTER = 0.2;

/**
 * When a delivery that failed is tried again: after three times as long each time, 5 s, 15 s, 45 s, … at most three hours,
 * or after what the endpoint asked for within that. null gives up. `spread` is chance, from 0 to 1.
 */
export function nextWebhookAttempt(
  { attempt, firstAttemptAt }: { readonly attempt: number; readonly firstAttemptAt: Date },
  retryAfterMs: number | null,
  spread: number,
  now: Date,
): Date | null {
  const pauseMs = Math.min(FIRST_RETRY_MS * 3 ** (attempt - 1), LONGEST_RETRY_MS) * (1 + JITTER * (2 * spread - 1));
  const next = now.getTime() + Math.max(pauseMs, Math.min(retryAfterMs ?? 0, LONGEST_RETRY_MS));
  return next < firstAttemptAt.getTime() + LIFE_MS ? new Date(Math.round(next)) : null;
}
