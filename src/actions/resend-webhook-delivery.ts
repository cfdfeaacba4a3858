// resendWebhookDelivery: an endpoint is told of an event once more, under the same id.

import { requireScope, type Actor } from '../domain/access.ts';
import { notFound, Refusal } from '../domain/errors.ts';
import type { WebhookDelivery } from '../domain/webhook-delivery.ts';
import type { Ports } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';

/** A delivery of its own; the first one stays as it is. Throws NOT_FOUND, or CONFLICT unless its endpoint is there and enabled. */
export async function resendWebhookDelivery(ports: Ports, actor: Actor, deliveryId: string): Promise<WebhookDelivery> {
  requireScope(actor, 'webhooks:manage');
  const { merchantId } = actor;
  const resent = await ports.database.transact(merchantId, async (transaction) => {
    const delivery = await transaction.findWebhookDelivery(deliveryId);
    if (!delivery) throw notFound('webhook delivery', deliveryId);
    const endpoints = await transaction.lockWebhookEndpoints();
    const endpoint = endpoints.find(({ id }) => id === delivery.endpointId);
    if (!endpoint) throw new Refusal('CONFLICT', 'The webhook endpoint of this delivery was deleted.');
    if (!endpoint.isEnabled) throw new Refusal('CONFLICT', 'The webhook endpoint of this delivery is disabled.');
    return transaction.repeatWebhookDelivery(deliveryId, { id: ports.ids.next(), now: ports.clock.now() });
  });
  await askForWebhooks(ports, merchantId);
  return resent;
}
