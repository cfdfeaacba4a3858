// updateWebhookEndpoint: another address, other events, or nothing for a while.

import { requireScope, type Actor } from '../domain/access.ts';
import {
  changedWebhookEndpoint,
  checkWebhookEndpoint,
  type UpdateWebhookEndpointInput,
  type WebhookEndpoint,
} from '../domain/webhook-endpoint.ts';
import type { Ports } from '../ports.ts';
import { changeWebhookEndpoint } from './change-webhook-endpoint.ts';

/** What an endpoint is owed when it is disabled is given up. Throws BAD_USER_INPUT or NOT_FOUND. */
export async function updateWebhookEndpoint(
  ports: Ports,
  actor: Actor,
  { endpointId, ...input }: UpdateWebhookEndpointInput,
): Promise<WebhookEndpoint> {
  requireScope(actor, 'webhooks:manage');
  checkWebhookEndpoint(input, (url) => ports.webhookSender.urlFault(url));
  return changeWebhookEndpoint(ports, actor, endpointId, async (endpoint, transaction, now) => {
    const changed = changedWebhookEndpoint(endpoint, input, now);
    await transaction.saveWebhookEndpoint(changed);
    if (!changed.isEnabled) await transaction.endWebhookDeliveries(endpointId, 'The endpoint is disabled.');
    return changed;
  });
}
