// Idempotency keys on PostgreSQL: a row a request, taken by one runner at a time.

import type { KeyedRequest } from '../domain/idempotency-key.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { IdempotencyKeys, KeyRunner, TakenKey, Transaction } from '../ports.ts';
import { toJson, type StoreClient } from './prisma-rows.ts';

export function prismaIdempotencyKeys(client: StoreClient): IdempotencyKeys {
  return {
    take: async (request, as) => {
      const { merchantId, operation, key } = request;
      for (;;) {
        const [taken] = await takeUp(client, request, as);
        if (taken) return { ...request, runner: as.runner, ...taken };
        if ((await removeIfOld(client, request, as.lifeHours)) === 1) continue;
        const stored = await client.idempotencyKey.findFirst({
          where: { merchantId, operation, key },
          select: { requestHash: true, answer: true, scopes: true },
        });
        // Removed between the two: free again.
        if (stored) return stored;
      }
    },
    renew: async (taken, leaseMs) => {
      const rows = taken.map(({ merchantId, operation, key, runner }) => ({
        merchant_id: merchantId,
        operation,
        key,
        runner,
      }));
      // A row that is locked is about to be finished; waiting for it would let the other leases run out.
      await client.$executeRaw`
        UPDATE idempotency_keys SET leased_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        WHERE (merchant_id, operation, key) IN (
          SELECT merchant_id, operation, key
          FROM idempotency_keys JOIN json_populate_recordset(NULL::idempotency_keys, ${toJson(rows)}::json) AS mine
            USING (merchant_id, operation, key, runner)
          WHERE idempotency_keys.answer IS NULL
          FOR UPDATE OF idempotency_keys SKIP LOCKED)`;
    },
    keepAnswer: async ({ merchantId, operation, key, runner }, answer) => {
      const data = { answer, leasedUntil: null, steps: [] };
      await client.idempotencyKey.updateMany({ where: { merchantId, operation, key, runner, answer: null }, data });
    },
    letGo: async ({ merchantId, operation, key, runner }) => {
      const where = { merchantId, operation, key, runner, answer: null };
      await client.idempotencyKey.updateMany({ where, data: { leasedUntil: null } });
    },
    forget: async ({ merchantId, operation, key, runner }) => {
      const where = { merchantId, operation, key, runner, answer: null, steps: { isEmpty: true } };
      await client.idempotencyKey.deleteMany({ where });
    },
    removeOld: (lifeHours) => client.$executeRaw`
      DELETE FROM idempotency_keys WHERE created_at < clock_timestamp() - ${lifeHours} * interval '1 hour'
        AND (leased_until IS NULL OR leased_until < clock_timestamp())`,
  };
}

/** The operations that an endpoint comes out of. */
const WITH_SECRETS = ['createWebhookEndpoint', 'updateWebhookEndpoint', 'rotateWebhookSecret'];

/** What this part of a transaction adds to those of prisma-transaction.ts. */
export function idempotencyKeysIn(
  client: Prisma.TransactionClient,
  ofMerchant: string,
): Pick<Transaction, 'noteStep' | 'forgetSecrets'> {
  return {
    noteStep: async ({ merchantId, operation, key, runner }: TakenKey, step) => {
      const noted = await client.$executeRaw`
        UPDATE idempotency_keys SET steps = array_append(steps, ${step})
        WHERE merchant_id = ${merchantId} AND operation = ${operation} AND key = ${key} AND runner = ${runner}`;
      return noted === 1;
    },
    forgetSecrets: async (secrets) => {
      for (const secret of secrets) {
        await client.$executeRaw`
          UPDATE idempotency_keys SET answer = replace(answer, ${secret}, ''),
            steps = ARRAY(SELECT replace(step, ${secret}, '') FROM unnest(steps) WITH ORDINALITY AS noted (step, place) ORDER BY place)
          WHERE merchant_id = ${ofMerchant} AND operation = ANY(${WITH_SECRETS})
            AND (strpos(answer, ${secret}) > 0 OR strpos(array_to_string(steps, ' '), ${secret}) > 0)`;
      }
    },
  };
}

// Waits for a transaction of the former runner that is about to commit, and sees what it noted.
function takeUp(
  client: StoreClient,
  { merchantId, operation, key, requestHash }: KeyedRequest,
  { runner, seed, scopes, leaseMs }: KeyRunner,
): Promise<readonly { readonly seed: string; readonly steps: readonly string[] }[]> {
  return client.$queryRaw`
    INSERT INTO idempotency_keys AS stored
      (merchant_id, operation, key, request_hash, scopes, seed, runner, leased_until, created_at)
    VALUES (${merchantId}, ${operation}, ${key}, ${requestHash}, ${scopes}, ${seed}, ${runner},
      clock_timestamp() + ${leaseMs} * interval '1 millisecond', clock_timestamp())
    ON CONFLICT (merchant_id, operation, key) DO UPDATE SET
      runner = excluded.runner, leased_until = excluded.leased_until, scopes = excluded.scopes
    WHERE stored.request_hash = excluded.request_hash AND stored.answer IS NULL
      AND (stored.leased_until IS NULL OR stored.leased_until < clock_timestamp())
    RETURNING seed, steps`;
}

// In any state but running.
function removeIfOld(
  client: StoreClient,
  { merchantId, operation, key }: KeyedRequest,
  lifeHours: number,
): Promise<number> {
  return client.$executeRaw`
    DELETE FROM idempotency_keys
    WHERE merchant_id = ${merchantId} AND operation = ${operation} AND key = ${key}
      AND created_at < clock_timestamp() - ${lifeHours} * interval '1 hour'
      AND (leased_until IS NULL OR leased_until < clock_timestamp())`;
}
