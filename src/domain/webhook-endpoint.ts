// Where a merchant wants to be told of events: what an endpoint may be, and how its secret changes.
//
// 1. A secret is shown once, when it is made. Two can be live: the former one goes on signing beside the new one for a while.
// 2. An endpoint that is disabled is told nothing, and not later either.

import { badInput, Refusal } from './errors.ts';
import { Faults } from './text.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from './webhook-event.ts';

export const MAX_WEBHOOK_ENDPOINTS = 10;
const MAX_URL = 2_000;
const MAX_DESCRIPTION = 200;
const HOUR_MS = 3_600_000;
const FORMER_SECRET_LIFE_MS = 24 * HOUR_MS;
const LONGEST_FORMER_SECRET_LIFE_MS = 7 * 24 * HOUR_MS;

export interface WebhookEndpoint {
  readonly merchantId: string;
  readonly id: string;
  readonly url: string;
  readonly description: string | null;
  readonly events: readonly WebhookEvent[];
  readonly isEnabled: boolean;
  /** Why it is disabled, where nobody did so by hand. */
  readonly disabledReason: string | null;
  readonly secret: string;
  readonly formerSecret: string | null;
  readonly formerSecretExpiresAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

type Given<T> = T | null | undefined;

export interface CreateWebhookEndpointInput {
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly description?: Given<string>;
  readonly isEnabled?: Given<boolean>;
}

/** What is left out, or null, stays as it is; but a description that is null is taken away. */
export interface UpdateWebhookEndpointInput {
  readonly endpointId: string;
  readonly url?: Given<string>;
  readonly events?: Given<readonly WebhookEvent[]>;
  readonly description?: Given<string>;
  readonly isEnabled?: Given<boolean>;
}

/** `urlFault` tells what no message can be sent to. Throws BAD_USER_INPUT with every fault. */
export function checkWebhookEndpoint(
  { url, events, description }: Omit<UpdateWebhookEndpointInput, 'endpointId'>,
  urlFault: (url: string) => string | null,
): void {
  const faults = new Faults();
  if (typeof url === 'string') {
    const fault = url.length > MAX_URL ? `must have at most ${MAX_URL} characters` : urlFault(url);
    if (fault !== null) faults.add(['url'], fault);
  }
  if (events?.length === 0) faults.add(['events'], 'must name at least one event');
  faults.text(['description'], description, MAX_DESCRIPTION);
  if (faults.list.length > 0) throw badInput(faults.list);
}

/** Throws CONFLICT when there are as many already as may be. */
export function newWebhookEndpoint(
  input: CreateWebhookEndpointInput,
  others: readonly WebhookEndpoint[],
  made: { readonly merchantId: string; readonly id: string; readonly secret: string; readonly now: Date },
): WebhookEndpoint {
  if (others.length >= MAX_WEBHOOK_ENDPOINTS) {
    throw new Refusal('CONFLICT', `There are ${others.length} webhook endpoints already, and no more can be.`);
  }
  const { merchantId, id, secret, now } = made;
  return {
    merchantId,
    id,
    url: input.url,
    description: input.description ?? null,
    events: inOrder(input.events),
    isEnabled: input.isEnabled ?? true,
    disabledReason: null,
    secret,
    formerSecret: null,
    formerSecretExpiresAt: null,
    createdAt: now,
    updatedAt: now,
  };
}

export function changedWebhookEndpoint(
  endpoint: WebhookEndpoint,
  input: Omit<UpdateWebhookEndpointInput, 'endpointId'>,
  now: Date,
): WebhookEndpoint {
  return {
    ...endpoint,
    url: input.url ?? endpoint.url,
    events: input.events ? inOrder(input.events) : endpoint.events,
    description: input.description === undefined ? endpoint.description : input.description,
    isEnabled: input.isEnabled ?? endpoint.isEnabled,
    disabledReason: typeof input.isEnabled === 'boolean' ? null : endpoint.disabledReason,
    updatedAt: now,
  };
}

function inOrder(events: readonly WebhookEvent[]): readonly WebhookEvent[] {
  return WEBHOOK_EVENTS.filter((event) => events.includes(event));
}

/**
 * The endpoint with a new secret; the one it had signs beside it until `formerExpiresAt`, a day from now unless told, at
 * most a week. One that was former already signs no more. Throws BAD_USER_INPUT.
 */
export function rotatedSecret(
  endpoint: WebhookEndpoint,
  secret: string,
  formerExpiresAt: Given<Date>,
  now: Date,
): WebhookEndpoint {
  const expiresAt = formerExpiresAt ?? new Date(now.getTime() + FORMER_SECRET_LIFE_MS);
  if (expiresAt.getTime() > now.getTime() + LONGEST_FORMER_SECRET_LIFE_MS) {
    throw badInput([{ path: ['formerSecretExpiresAt'], message: 'must be at most seven days from now' }]);
  }
  const isLive = expiresAt > now;
  return {
    ...endpoint,
    secret,
    formerSecret: isLive ? endpoint.secret : null,
    formerSecretExpiresAt: isLive ? expiresAt : null,
    updatedAt: now,
  };
}

/** The secrets that an endpoint had and has no more; all of them when it is gone. */
export function droppedSecrets(before: WebhookEndpoint, after: WebhookEndpoint | null): readonly string[] {
  const had = [before.secret, before.formerSecret].filter((secret) => secret !== null);
  return had.filter((secret) => secret !== after?.secret && secret !== after?.formerSecret);
}

/** What a message is signed with now, the newest first. */
export function liveSecrets(
  { secret, formerSecret, formerSecretExpiresAt }: WebhookEndpoint,
  now: Date,
): readonly string[] {
  const isFormerLive = formerSecret !== null && formerSecretExpiresAt !== null && formerSecretExpiresAt > now;
  return isFormerLive ? [secret, formerSecret] : [secret];
}

/** A secret as Standard Webhooks writes it, from 32 random bytes in base64url. */
export function webhookSecret(random: string): string {
  const base64 = random.replaceAll('-', '+').replaceAll('_', '/');
  return `whsec_${base64.padEnd(Math.ceil(base64.length / 4) * 4, '=')}`;
}
