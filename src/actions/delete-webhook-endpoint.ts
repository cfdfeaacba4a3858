// deleteWebhookEndpoint: an address is told nothing any more, and its secrets are forgotten.

import type { Actor } from '../domain/access.ts';
import { droppedSecrets } from '../domain/webhook-endpoint.ts';
import type { Ports } from '../ports.ts';
import { changeWebhookEndpoint } from './change-webhook-endpoint.ts';

/** What the endpoint is owed is given up; what was delivered stays listed. Throws NOT_FOUND. */
export async function deleteWebhookEndpoint(ports: Ports, actor: Actor, endpointId: string): Promise<void> {
  await changeWebhookEndpoint(ports, actor, endpointId, async (endpoint, transaction, now) => {
    await transaction.deleteWebhookEndpoint(endpointId, now);
    await transaction.forgetSecrets(droppedSecrets(endpoint, null));
    await transaction.endWebhookDeliveries(endpointId, 'The endpoint was deleted.');
  });
}
