// Delivering what a webhook endpoint is owed: the worker's third job.
//
// 1. The rows decide: a job for an endpoint that is owed nothing (any more) does nothing, so jobs may come twice.
// 2. Whoever takes a delivery up has it alone until its lease ends, and an attempt ends before its lease does. Where a worker
//    dies in between, the message is sent again under the same id.
// 3. A job is about one endpoint and ends soon. An endpoint that did not answer rests, whatever it is owed, and then one message
//    alone is tried: however much is owed to those that hang, it does not take the workers' places from the others.

import { answerFault, isGone, nextWebhookAttempt } from '../domain/webhook-delivery.ts';
import { liveSecrets } from '../domain/webhook-endpoint.ts';
import { webhookBody } from '../domain/webhook-event.ts';
import type { OwedWebhook, Ports, WebhookEndpointReference } from '../ports.ts';

const TIMEOUT_MS = 10_000;
/** Longer than an attempt can take, with writing the outcome. */
const LEASE_MS = 20_000;
/** Messages that are under way to one endpoint at a time. */
const AT_ONCE = 4;
/** After this a job takes nothing more up: others wait for its place. */
const JOB_MS = 5_000;
/** How long an endpoint that did not answer is left alone. */
const REST_MS = 30_000;

export async function deliverWebhooks(ports: Ports, reference: WebhookEndpointReference): Promise<void> {
  const { database, clock } = ports;
  const until = clock.now().getTime() + JOB_MS;
  for (;;) {
    const now = clock.now();
    const owed = await database.webhooks.begin(reference, now, new Date(now.getTime() + LEASE_MS), AT_ONCE);
    const [first] = owed;
    if (!first) return;
    const outcomes = await Promise.all(owed.map((one) => deliver(ports, reference, one)));
    const { endpoint, wasSilent } = first;
    if (outcomes.includes('SILENT')) {
      await database.webhooks.rest(reference, endpoint.url, new Date(clock.now().getTime() + REST_MS));
    } else if (wasSilent) {
      await database.webhooks.rest(reference, endpoint.url, null);
    }
    const isAnswering = outcomes.every((outcome) => outcome === 'ANSWERED');
    const isMoreOwed = wasSilent || owed.length === AT_ONCE;
    // The sweep comes back for what is left.
    if (!isMoreOwed || !isAnswering || clock.now().getTime() >= until) return;
  }
}

async function deliver(
  { database, webhookSender, clock, digests, log }: Ports,
  reference: WebhookEndpointReference,
  { deliveryId, attempt, firstAttemptAt, endpoint, message }: OwedWebhook,
): Promise<'ANSWERED' | 'SILENT' | 'GONE'> {
  const sentAt = clock.now();
  const { url } = endpoint;
  const secrets = liveSecrets(endpoint, sentAt);
  const body = webhookBody(message);
  const answer = await webhookSender.send({ url, id: message.id, sentAt, body, secrets }, TIMEOUT_MS);
  const delivery = { merchantId: reference.merchantId, deliveryId };
  const fault = answerFault(answer);
  if (fault === null) {
    await database.webhooks.markSucceeded(delivery, answer);
    return 'ANSWERED';
  }
  const now = clock.now();
  const spread = chance(digests.sha256(`${deliveryId} ${attempt}`));
  const next = isGone(answer)
    ? null
    : nextWebhookAttempt({ attempt, firstAttemptAt }, answer.retryAfterMs, spread, now);
  log.warn('webhook.not_delivered', { ...reference, deliveryId, attempt, retryAt: next, reason: fault });
  await database.webhooks.markFailed(delivery, attempt, { ...answer, error: fault }, next);
  if (isGone(answer)) {
    await database.webhooks.disable(reference, url, 'The endpoint answered 410 Gone.', now);
    return 'GONE';
  }
  return answer.status === null ? 'SILENT' : 'ANSWERED';
}

/** From 0 to 1, out of a digest: no two deliveries are tried again in step. */
function chance(sha256: string): number {
  return Number.parseInt(sha256.slice(0, 8), 16) / 0xffffffff;
}
