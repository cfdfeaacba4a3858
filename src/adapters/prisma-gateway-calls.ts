// Calls of the payment gateway on PostgreSQL.

import type { GatewayCall, PlannedIssue } from '../domain/gateway-call.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type * as Row from '../generated/prisma/client.ts';
import type { GatewayCalls, Transaction } from '../ports.ts';
import { storable, storableList, type Columns } from './prisma-records.ts';
import { insert, type StoreClient } from './prisma-rows.ts';

export function prismaGatewayCalls(client: StoreClient): GatewayCalls {
  return {
    find: async ({ merchantId, callId }) => {
      const row = await client.gatewayCall.findFirst({ where: { merchantId, id: storable(callId) } });
      return row && toGatewayCall(row);
    },
    claimDue: async (gateway, now, leasedUntil, limit) => {
      const rows = await client.$queryRaw<{ merchant_id: string; id: string }[]>`
        UPDATE gateway_calls SET due_at = ${leasedUntil}
        WHERE (merchant_id, id) IN (
          SELECT merchant_id, id FROM gateway_calls WHERE gateway = ${gateway} AND due_at <= ${now}
          ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING merchant_id, id`;
      return rows.map(({ merchant_id: merchantId, id: callId }) => ({ merchantId, callId }));
    },
    countUnsettledElsewhere: async (gateway) => {
      const [row] = await client.$queryRaw<{ count: bigint }[]>`
        SELECT count(*) FROM gateway_calls WHERE due_at IS NOT NULL AND gateway IS DISTINCT FROM ${gateway}`;
      return Number(row?.count ?? 0);
    },
  };
}

type CallsOfTransaction = Pick<Transaction, 'findGatewayCalls' | 'saveGatewayCalls'>;

export function gatewayCallsIn(client: Prisma.TransactionClient, merchantId: string): CallsOfTransaction {
  return {
    findGatewayCalls: async ({ invoiceIds = [], orderIds = [] }) => {
      // Each half by its own index; nearly always neither finds any.
      const found = await client.$queryRaw<{ id: string }[]>`
        SELECT id FROM gateway_calls
        WHERE merchant_id = ${merchantId} AND invoice_id = ANY(${storableList(invoiceIds)}::text[])
        UNION
        SELECT call_id FROM gateway_call_orders
        WHERE merchant_id = ${merchantId} AND order_id = ANY(${storableList(orderIds)}::text[])`;
      if (found.length === 0) return [];
      const rows = await client.gatewayCall.findMany({
        where: { merchantId, id: { in: found.map(({ id }) => id) } },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.map(toGatewayCall);
    },
    saveGatewayCalls: async (calls) => {
      await insert(
        client,
        'gateway_calls',
        calls.map(gatewayCallColumns),
        `ON CONFLICT (merchant_id, id) DO UPDATE SET
           status = excluded.status, reference = excluded.reference, error = excluded.error,
           due_at = excluded.due_at, updated_at = excluded.updated_at`,
      );
    },
  };
}

function toGatewayCall({ issue, ...row }: Row.GatewayCall): GatewayCall {
  return {
    ...row,
    kind: row.kind as GatewayCall['kind'],
    status: row.status as GatewayCall['status'],
    issue: issue === null ? null : toPlannedIssue(issue as unknown as StoredIssue),
  };
}

/** JSON has no bigint: quantities are stored as text. */
type StoredIssue = Omit<PlannedIssue, 'picks'> & {
  readonly picks: readonly { readonly itemId: string; readonly quantity: string }[];
};

function toPlannedIssue({ picks, ...rest }: StoredIssue): PlannedIssue {
  return { ...rest, picks: picks.map(({ itemId, quantity }) => ({ itemId, quantity: BigInt(quantity) })) };
}

function gatewayCallColumns(call: GatewayCall): Columns {
  return {
    merchant_id: call.merchantId,
    id: call.id,
    gateway: call.gateway,
    kind: call.kind,
    status: call.status,
    invoice_id: call.invoiceId,
    order_ids: call.orderIds,
    target_id: call.targetId,
    source: call.source,
    method: call.method,
    amount: call.amount,
    currency: call.currency,
    reference: call.reference,
    error: call.error,
    issue: call.issue,
    due_at: call.dueAt,
    created_at: call.createdAt,
    updated_at: call.updatedAt,
  };
}
