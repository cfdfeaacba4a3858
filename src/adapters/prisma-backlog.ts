// How much is owed, on PostgreSQL: the truth behind the queues, which only make it quick.
//
// 1. Each kind is counted over a partial index of what is owed, so it costs as much as there is of it.
// 2. Whoever asks waits for a second or two at most, and takes no connection for longer than that.

import { Prisma } from '../generated/prisma/client.ts';
import type { Backlog, OwedKind } from '../ports.ts';
import type { StoreClient } from './prisma-rows.ts';

const MOST_MS = 2_000;

/** For each kind, what is counted: its table, and which of its rows are owed. Each has a time `created_at`. */
const OWED = {
  pdf: `invoices WHERE pdf_status = 'PENDING'`,
  /** Rendering has failed for good: waits for retryInvoicePdf. */
  pdf_given_up: `invoices WHERE pdf_status = 'FAILED'`,
  email: `invoice_emails WHERE status = 'QUEUED'`,
  webhook: `webhook_deliveries WHERE status = 'PENDING'`,
  gateway_call: `gateway_calls WHERE due_at IS NOT NULL`,
} as const satisfies Readonly<Record<string, string>>;

const COUNT = Object.entries(OWED)
  .map(
    ([kind, rows]) =>
      `SELECT '${kind}' AS kind, count(*)::int AS count,
         coalesce(greatest(extract(epoch FROM now() - min(created_at)), 0), 0)::float8 AS "oldestSeconds"
       FROM ${rows}`,
  )
  .join(' UNION ALL ');

export function prismaBacklog(client: StoreClient): Backlog {
  return {
    read: async () => {
      const limit = client.$executeRaw`SELECT set_config('statement_timeout', ${String(MOST_MS)}, true)`;
      const counts = client.$queryRaw<OwedKind[]>(Prisma.raw(COUNT));
      const [, rows] = await client.$transaction([limit, counts]);
      return rows;
    },
  };
}
