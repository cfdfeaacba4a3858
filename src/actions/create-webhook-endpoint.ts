// createWebhookEndpoint: from now on an address is told of events.

import { requireScope, type Actor } from '../domain/access.ts';
import {
  checkWebhookEndpoint,
  newWebhookEndpoint,
  webhookSecret,
  type CreateWebhookEndpointInput,
  type WebhookEndpoint,
} from '../domain/webhook-endpoint.ts';
import type { Ports } from '../ports.ts';

/** An endpoint, with the secret that is shown this once. */
export interface EndpointWithSecret {
  readonly endpoint: WebhookEndpoint;
  readonly secret: string;
}

const SECRET_BYTES = 32;

/** Throws BAD_USER_INPUT, or CONFLICT when there are as many as may be. */
export async function createWebhookEndpoint(
  ports: Ports,
  actor: Actor,
  input: CreateWebhookEndpointInput,
): Promise<EndpointWithSecret> {
  requireScope(actor, 'webhooks:manage');
  checkWebhookEndpoint(input, (url) => ports.webhookSender.urlFault(url));
  const { merchantId } = actor;
  return ports.database.transact(merchantId, async (transaction) => {
    const others = await transaction.lockWebhookEndpoints();
    const made = { merchantId, id: ports.ids.next(), secret: newSecret(ports), now: ports.clock.now() };
    const endpoint = newWebhookEndpoint(input, others, made);
    await transaction.saveWebhookEndpoint(endpoint);
    return { endpoint, secret: endpoint.secret };
  });
}

export function newSecret({ digests }: Ports): string {
  return webhookSecret(digests.randomText(SECRET_BYTES));
}
