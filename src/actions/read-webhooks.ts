// webhookEndpoints, webhookDeliveries: who is told of events, and what became of it.

import { requireScope, type Actor } from '../domain/access.ts';
import {
  webhookDeliveryList,
  type WebhookDeliveryListInput,
  type WebhookDeliveryQuery,
} from '../domain/list-filter.ts';
import { pageOf, type Page } from '../domain/page.ts';
import type { WebhookDelivery } from '../domain/webhook-delivery.ts';
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts';
import type { Ports } from '../ports.ts';

/** Oldest first. */
export async function webhookEndpoints(ports: Ports, actor: Actor): Promise<readonly WebhookEndpoint[]> {
  requireScope(actor, 'webhooks:manage');
  return ports.database.webhooks.endpoints(actor.merchantId);
}

/** A page of those that the filter lets through, and the checked query, by which they can be counted. */
export async function webhookDeliveryPage(
  ports: Ports,
  actor: Actor,
  input: WebhookDeliveryListInput,
): Promise<{ readonly page: Page<WebhookDelivery>; readonly query: WebhookDeliveryQuery }> {
  requireScope(actor, 'webhooks:manage');
  const { query, window } = webhookDeliveryList(input);
  return { page: pageOf(await ports.database.webhooks.page(actor.merchantId, query, window), window), query };
}

export async function webhookDeliveryCount(
  ports: Ports,
  actor: Actor,
  { filter }: WebhookDeliveryQuery,
): Promise<number> {
  requireScope(actor, 'webhooks:manage');
  return ports.database.webhooks.count(actor.merchantId, filter);
}
