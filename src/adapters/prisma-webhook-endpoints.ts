// Webhook endpoints in a transaction on PostgreSQL, and how their rows and those of their deliveries are read and written.

import type { WebhookDelivery } from '../domain/webhook-delivery.ts';
import type { WebhookEndpoint } from '../domain/webhook-endpoint.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type * as Row from '../generated/prisma/client.ts';
import type { Transaction } from '../ports.ts';
import { storable, type Columns } from './prisma-records.ts';
import { insert, type StoreClient } from './prisma-rows.ts';

export const OLDEST_FIRST = [{ createdAt: 'asc' as const }, { id: 'asc' as const }];

/** Gives up what an endpoint was not told yet. */
export async function endDeliveries(
  client: Pick<Prisma.TransactionClient, 'webhookDelivery'> | StoreClient,
  merchantId: string,
  endpointId: string,
  reason: string,
): Promise<void> {
  await client.webhookDelivery.updateMany({
    where: { merchantId, endpointId, status: 'PENDING' },
    data: { status: 'FAILED', dueAt: null, error: reason },
  });
}

type WebhooksOfTransaction = Pick<
  Transaction,
  | 'lockWebhookEndpoints'
  | 'saveWebhookEndpoint'
  | 'deleteWebhookEndpoint'
  | 'endWebhookDeliveries'
  | 'findWebhookDelivery'
  | 'repeatWebhookDelivery'
>;

export function webhooksIn(client: Prisma.TransactionClient, merchantId: string): WebhooksOfTransaction {
  return {
    lockWebhookEndpoints: async () => {
      // The merchant's row stands for endpoints that are not there yet. Not the key: issuing refers to both all the time.
      await client.$queryRaw`SELECT 1 FROM merchants WHERE merchant_id = ${merchantId} FOR NO KEY UPDATE`;
      await client.$queryRaw`SELECT 1 FROM webhook_endpoints WHERE merchant_id = ${merchantId} FOR NO KEY UPDATE`;
      const where = { merchantId, deletedAt: null };
      return (await client.webhookEndpoint.findMany({ where, orderBy: OLDEST_FIRST })).map(toEndpoint);
    },
    saveWebhookEndpoint: async (endpoint) => {
      await insert(
        client,
        'webhook_endpoints',
        [endpointColumns(endpoint)],
        `ON CONFLICT (merchant_id, id) DO UPDATE SET
           url = excluded.url, description = excluded.description, events = excluded.events,
           is_enabled = excluded.is_enabled, disabled_reason = excluded.disabled_reason, secret = excluded.secret,
           former_secret = excluded.former_secret, former_secret_expires_at = excluded.former_secret_expires_at,
           updated_at = excluded.updated_at,
           rests_until = CASE WHEN webhook_endpoints.url = excluded.url THEN webhook_endpoints.rests_until END`,
      );
    },
    deleteWebhookEndpoint: async (endpointId, now) => {
      const secretless = { secret: '', formerSecret: null, formerSecretExpiresAt: null };
      await client.webhookEndpoint.updateMany({
        where: { merchantId, id: endpointId },
        data: { ...secretless, isEnabled: false, disabledReason: 'The endpoint was deleted.', deletedAt: now },
      });
    },
    endWebhookDeliveries: (endpointId, reason) => endDeliveries(client, merchantId, endpointId, reason),
    findWebhookDelivery: async (deliveryId) => {
      const row = await client.webhookDelivery.findFirst({ where: { merchantId, id: storable(deliveryId) } });
      return row && toDelivery(row);
    },
    repeatWebhookDelivery: async (deliveryId, { id, now }) => {
      await client.$executeRaw`
        INSERT INTO webhook_deliveries
          (merchant_id, id, endpoint_id, event_id, event, happened_at, invoice_id, snapshot, created_at)
        SELECT merchant_id, ${id}, endpoint_id, event_id, event, happened_at, invoice_id, snapshot, ${now}
        FROM webhook_deliveries WHERE merchant_id = ${merchantId} AND id = ${deliveryId}`;
      return toDelivery(await client.webhookDelivery.findFirstOrThrow({ where: { merchantId, id } }));
    },
  };
}

export function toEndpoint({
  askAgainAt: _,
  deletedAt: __,
  restsUntil: ___,
  ...row
}: Row.WebhookEndpoint): WebhookEndpoint {
  return { ...row, events: row.events as WebhookEndpoint['events'] };
}

function endpointColumns(endpoint: WebhookEndpoint): Columns {
  return {
    merchant_id: endpoint.merchantId,
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    events: endpoint.events,
    is_enabled: endpoint.isEnabled,
    disabled_reason: endpoint.disabledReason,
    secret: endpoint.secret,
    former_secret: endpoint.formerSecret,
    former_secret_expires_at: endpoint.formerSecretExpiresAt,
    created_at: endpoint.createdAt,
    updated_at: endpoint.updatedAt,
  };
}

export function toDelivery(row: Row.WebhookDelivery): WebhookDelivery {
  const { id, endpointId, invoiceId, happenedAt, attempts, createdAt, lastAttemptAt, dueAt } = row;
  const { durationMs, responseStatus, response, error } = row;
  return {
    id,
    webhookId: row.eventId,
    endpointId,
    event: row.event as WebhookDelivery['event'],
    invoiceId,
    happenedAt,
    status: row.status as WebhookDelivery['status'],
    attempts,
    // Before its first attempt it is due since ever.
    nextAttemptAt: dueAt !== null && attempts === 0 ? createdAt : dueAt,
    lastAttemptAt,
    durationMs,
    responseStatus,
    response,
    error,
    createdAt,
  };
}
