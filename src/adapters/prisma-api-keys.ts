// API keys on PostgreSQL.

import type { Scope } from '../domain/access.ts';
import type * as Row from '../generated/prisma/client.ts';
import type { ApiKeys, NewApiKey, StoredApiKey } from '../ports.ts';
import type { Columns } from './prisma-records.ts';
import { insert, type StoreClient } from './prisma-rows.ts';

export function prismaApiKeys(client: StoreClient): Omit<ApiKeys, 'findByPrefixes'> {
  return {
    insert: async (key) => {
      await insert(client, 'api_keys', [apiKeyColumns(key)]);
    },
    find: async (merchantId, id) => {
      const row = await client.apiKey.findFirst({ where: { merchantId, id } });
      return row && toApiKey(row);
    },
    list: async (merchantId) => {
      const rows = await client.apiKey.findMany({ where: { merchantId }, orderBy: { createdAt: 'desc' } });
      return rows.map(toApiKey);
    },
    noteUse: async ({ merchantId, id, lastUsedAt }, now) => {
      // Requests that come at the same time all find it due. One notes it; the others neither wait for that one nor write again.
      await client.$executeRaw`
        UPDATE api_keys SET last_used_at = ${now} WHERE (merchant_id, id) IN (
          SELECT merchant_id, id FROM api_keys
          WHERE merchant_id = ${merchantId} AND id = ${id} AND last_used_at IS NOT DISTINCT FROM ${lastUsedAt}
          FOR NO KEY UPDATE SKIP LOCKED)`;
    },
    revoke: async (merchantId, prefix, now) => {
      const where = { merchantId, prefix, revokedAt: null };
      return (await client.apiKey.updateMany({ where, data: { revokedAt: now } })).count;
    },
  };
}

export function toApiKey(row: Row.ApiKey): StoredApiKey {
  return { ...row, scopes: row.scopes as Scope[] };
}

function apiKeyColumns(key: NewApiKey): Columns {
  return {
    merchant_id: key.merchantId,
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    sha256: key.sha256,
    scopes: key.scopes,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
  };
}
