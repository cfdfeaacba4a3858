// Webhook endpoints on PostgreSQL, and what they are owed. Triggers write the deliveries; here they are read and moved on.
//
// 1. Taking deliveries up is a single UPDATE that moves due_at: of many who try at once, each has its own.
//    Materialized, or PostgreSQL may look for more of them while it moves some, and take up more than the limit.
// 2. A message is put together from what never changes of its invoice and from what the delivery kept of it.

import type { WebhookSnapshot } from '../domain/webhook-event.ts';
import type { OwedWebhook, OwedWebhooks, WebhookEndpointReference } from '../ports.ts';
import { webhookDeliveryCount, webhookDeliveryIds } from './prisma-lists.ts';
import { prismaInvoices } from './prisma-reads.ts';
import type { StoreClient } from './prisma-rows.ts';
import { endDeliveries, OLDEST_FIRST, toDelivery, toEndpoint } from './prisma-webhook-endpoints.ts';

/** How long a merchant that had no endpoint is taken to have none, and one that had some to have some. */
const NONE_KNOWN_FOR_MS = 5_000;
const SOME_KNOWN_FOR_MS = 600_000;

interface EndpointRow {
  readonly merchant_id: string;
  readonly id: string;
}

export function prismaWebhooks(client: StoreClient): OwedWebhooks {
  const hasEndpoints = rememberedEndpoints(client);
  return {
    endpoints: async (merchantId) => {
      const where = { merchantId, deletedAt: null };
      return (await client.webhookEndpoint.findMany({ where, orderBy: OLDEST_FIRST })).map(toEndpoint);
    },
    page: async (merchantId, query, window) => {
      const ids = await webhookDeliveryIds(client, merchantId, query, window);
      const rows = await client.webhookDelivery.findMany({ where: { merchantId, id: { in: [...ids] } } });
      const found = new Map(rows.map((row) => [row.id, toDelivery(row)]));
      return ids.flatMap((id) => found.get(id) ?? []);
    },
    count: (merchantId, filter) => webhookDeliveryCount(client, merchantId, filter),
    dueOf: async (merchantId, now) => {
      if (!(await hasEndpoints(merchantId))) return [];
      return toReferences(
        await client.$queryRaw<EndpointRow[]>`
          SELECT merchant_id, id FROM webhook_endpoints AS endpoint
          WHERE merchant_id = ${merchantId} AND rests_until IS NULL AND EXISTS (
            SELECT FROM webhook_deliveries AS delivery
            WHERE delivery.merchant_id = endpoint.merchant_id AND delivery.endpoint_id = endpoint.id
              AND delivery.status = 'PENDING' AND delivery.due_at <= ${now})`,
      );
    },
    claimDue: (now, askAgainAt, limit) => claimDue(client, now, askAgainAt, limit),
    claimRested: (now, askAgainAt, limit) => claimRested(client, now, askAgainAt, limit),
    begin: (reference, now, overAt, limit) => begin(client, reference, now, overAt, limit),
    markSucceeded: async ({ merchantId, deliveryId }, { status, response, durationMs }) => {
      const data = { status: 'SUCCEEDED', error: null, dueAt: null };
      await client.webhookDelivery.updateMany({
        where: { merchantId, id: deliveryId, status: { not: 'SUCCEEDED' } },
        data: { ...data, responseStatus: status, response, durationMs },
      });
    },
    markFailed: async ({ merchantId, deliveryId }, attempt, answer, nextAttemptAt) => {
      const { status: responseStatus, response, durationMs, error } = answer;
      const status = nextAttemptAt === null ? 'FAILED' : 'PENDING';
      await client.webhookDelivery.updateMany({
        where: { merchantId, id: deliveryId, status: 'PENDING', attempts: attempt },
        data: { status, dueAt: nextAttemptAt, responseStatus, response, durationMs, error },
      });
    },
    rest: async ({ merchantId, endpointId: id }, url, restsUntil) => {
      await client.webhookEndpoint.updateMany({ where: { merchantId, id, url }, data: { restsUntil } });
    },
    disable: async ({ merchantId, endpointId }, url, reason, now) => {
      const { count } = await client.webhookEndpoint.updateMany({
        where: { merchantId, id: endpointId, url, isEnabled: true },
        data: { isEnabled: false, disabledReason: reason, updatedAt: now },
      });
      if (count > 0) await endDeliveries(client, merchantId, endpointId, reason);
    },
    ...whatIsOld(client),
  };
}

/** Deliveries that waited too long, and those that ended long ago. */
function whatIsOld(client: StoreClient): Pick<OwedWebhooks, 'giveUp' | 'forget'> {
  return {
    giveUp: (oldest, limit) => client.$executeRaw`
      WITH late AS MATERIALIZED (
        SELECT merchant_id, id FROM webhook_deliveries
        WHERE status = 'PENDING' AND created_at <= ${oldest} LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      UPDATE webhook_deliveries AS delivery
      SET status = 'FAILED', due_at = NULL, error = 'Its turn never came: the endpoint took too few messages.'
      FROM late WHERE delivery.merchant_id = late.merchant_id AND delivery.id = late.id`,
    forget: (oldest, limit) => client.$executeRaw`
      WITH old AS MATERIALIZED (
        SELECT merchant_id, id FROM webhook_deliveries
        WHERE status <> 'PENDING' AND created_at <= ${oldest} LIMIT ${limit})
      DELETE FROM webhook_deliveries AS delivery USING old
      WHERE delivery.merchant_id = old.merchant_id AND delivery.id = old.id`,
  };
}

// Asked after every event of every merchant, and nearly no merchant has any: that must cost nothing.
function rememberedEndpoints(client: StoreClient): (merchantId: string) => Promise<boolean> {
  const known = new Map<string, { readonly some: boolean; readonly until: number }>();
  return async (merchantId) => {
    const last = known.get(merchantId);
    if (last && last.until > performance.now()) return last.some;
    const some = (await client.webhookEndpoint.findFirst({ where: { merchantId }, select: { id: true } })) !== null;
    known.set(merchantId, { some, until: performance.now() + (some ? SOME_KNOWN_FOR_MS : NONE_KNOWN_FOR_MS) });
    return some;
  };
}

async function claimDue(
  client: StoreClient,
  now: Date,
  askAgainAt: Date,
  limit: number,
): Promise<readonly WebhookEndpointReference[]> {
  // Nearly always nothing is due, and then no endpoint is looked at.
  const due = await client.$queryRaw`
        SELECT 1 FROM webhook_deliveries WHERE status = 'PENDING' AND due_at <= ${now} LIMIT 1`;
  if ((due as unknown[]).length === 0) return [];
  return toReferences(
    await client.$queryRaw<EndpointRow[]>`
          WITH due AS MATERIALIZED (
            SELECT merchant_id, id FROM webhook_endpoints AS endpoint
            WHERE rests_until IS NULL AND (ask_again_at IS NULL OR ask_again_at <= ${now}) AND EXISTS (
              SELECT FROM webhook_deliveries AS delivery
              WHERE delivery.merchant_id = endpoint.merchant_id AND delivery.endpoint_id = endpoint.id
                AND delivery.status = 'PENDING' AND delivery.due_at <= ${now})
            LIMIT ${limit} FOR NO KEY UPDATE SKIP LOCKED)
          UPDATE webhook_endpoints AS endpoint SET ask_again_at = ${askAgainAt}
          FROM due WHERE endpoint.merchant_id = due.merchant_id AND endpoint.id = due.id
          RETURNING endpoint.merchant_id, endpoint.id`,
  );
}

async function claimRested(
  client: StoreClient,
  now: Date,
  askAgainAt: Date,
  limit: number,
): Promise<readonly WebhookEndpointReference[]> {
  return toReferences(
    await client.$queryRaw<EndpointRow[]>`
          WITH due AS MATERIALIZED (
            SELECT merchant_id, id FROM webhook_endpoints AS endpoint
            WHERE rests_until <= ${now} AND (ask_again_at IS NULL OR ask_again_at <= ${now}) AND EXISTS (
              SELECT FROM webhook_deliveries AS delivery
              WHERE delivery.merchant_id = endpoint.merchant_id AND delivery.endpoint_id = endpoint.id
                AND delivery.status = 'PENDING' AND delivery.due_at <= ${now})
            ORDER BY rests_until LIMIT ${limit} FOR NO KEY UPDATE SKIP LOCKED)
          UPDATE webhook_endpoints AS endpoint SET ask_again_at = ${askAgainAt}
          FROM due WHERE endpoint.merchant_id = due.merchant_id AND endpoint.id = due.id
          RETURNING endpoint.merchant_id, endpoint.id`,
  );
}

async function begin(
  client: StoreClient,
  { merchantId, endpointId }: WebhookEndpointReference,
  now: Date,
  overAt: Date,
  limit: number,
): Promise<readonly OwedWebhook[]> {
  const endpoint = await client.webhookEndpoint.findFirst({ where: { merchantId, id: endpointId } });
  if (!endpoint?.isEnabled) {
    // It was disabled in the moment of the event.
    await endDeliveries(client, merchantId, endpointId, endpoint?.disabledReason ?? 'The endpoint is disabled.');
    return [];
  }
  const { restsUntil } = endpoint;
  if (restsUntil !== null && restsUntil > now) return [];
  const wasSilent = restsUntil !== null;
  const begun = await client.$queryRaw<{ id: string }[]>`
    WITH due AS MATERIALIZED (
      SELECT id FROM webhook_deliveries
      WHERE merchant_id = ${merchantId} AND endpoint_id = ${endpointId} AND status = 'PENDING' AND due_at <= ${now}
      ORDER BY due_at, created_at, id LIMIT ${wasSilent ? 1 : limit} FOR UPDATE SKIP LOCKED)
    UPDATE webhook_deliveries AS delivery
    SET attempts = attempts + 1, due_at = ${overAt}, last_attempt_at = ${now},
        first_attempt_at = coalesce(first_attempt_at, ${now})
    FROM due WHERE delivery.merchant_id = ${merchantId} AND delivery.id = due.id
    RETURNING delivery.id`;
  if (begun.length === 0) return [];
  const rows = await client.webhookDelivery.findMany({
    where: { merchantId, id: { in: begun.map(({ id }) => id) } },
    orderBy: OLDEST_FIRST,
  });
  const invoices = prismaInvoices(client);
  const ids = [...new Set(rows.map(({ invoiceId }) => invoiceId))];
  const found = new Map((await invoices.findById(merchantId, ids)).map((invoice) => [invoice.id, invoice]));
  const links = await invoices.ordersOn(merchantId, ids);
  return rows.flatMap((row): OwedWebhook[] => {
    const invoice = found.get(row.invoiceId);
    if (!invoice) return [];
    const orderIds = links.filter(({ invoiceId }) => invoiceId === invoice.id).map(({ orderId }) => orderId);
    const event = row.event as OwedWebhook['message']['event'];
    const { eventId: id, happenedAt } = row;
    return [
      {
        deliveryId: row.id,
        attempt: row.attempts,
        firstAttemptAt: row.firstAttemptAt ?? now,
        endpoint: toEndpoint(endpoint),
        wasSilent,
        message: { id, event, happenedAt, invoice, orderIds, snapshot: toSnapshot(row.snapshot) },
      },
    ];
  });
}

function toReferences(rows: readonly EndpointRow[]): readonly WebhookEndpointReference[] {
  return rows.map(({ merchant_id: merchantId, id: endpointId }) => ({ merchantId, endpointId }));
}

type StoredSnapshot = Omit<WebhookSnapshot, 'amountPaid' | 'amountRefunded' | 'amountCredited'> &
  Readonly<Record<'amountPaid' | 'amountRefunded' | 'amountCredited', number>>;

function toSnapshot(stored: unknown): WebhookSnapshot {
  const { amountPaid, amountRefunded, amountCredited, ...rest } = stored as StoredSnapshot;
  return {
    ...rest,
    amountPaid: BigInt(amountPaid),
    amountRefunded: BigInt(amountRefunded),
    amountCredited: BigInt(amountCredited),
  };
}
