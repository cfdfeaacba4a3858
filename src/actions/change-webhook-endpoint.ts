// Changing one webhook endpoint: lock it, decide, save. What the operations on an endpoint have in common.

import { requireScope, type Actor } from '../domain/access.ts';
import { notFound } from '../domain/errors.ts';
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts';
import type { Ports, Transaction } from '../ports.ts';

/** Throws NOT_FOUND when there is no such endpoint, and whatever `change` refuses with. */
export async function changeWebhookEndpoint<T>(
  ports: Ports,
  actor: Actor,
  endpointId: string,
  change: (endpoint: WebhookEndpoint, transaction: Transaction, now: Date) => Promise<T>,
): Promise<T> {
  requireScope(actor, 'webhooks:manage');
  return ports.database.transact(actor.merchantId, async (transaction) => {
    const endpoints = await transaction.lockWebhookEndpoints();
    const endpoint = endpoints.find(({ id }) => id === endpointId);
    if (!endpoint) throw notFound('webhook endpoint', endpointId);
    return change(endpoint, transaction, ports.clock.now());
  });
}
