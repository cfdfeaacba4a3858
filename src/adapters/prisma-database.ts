// PostgreSQL through Prisma: the database port.
//
// 1. A transaction runs at READ COMMITTED; locks in one global order keep it right, constraints stand behind them.
// 2. What the database asks to be run again (deadlock, lost race for a unique key) is run again, with growing jitter.
// 3. No more transactions begin than there are connections: a burst waits here, where waiting cannot time out.
// 4. Every call reaches the rows of the merchant that it names, and no others (merchant-reach.ts). What goes across
//    merchants is named here: looking up a key, and the sweeps.

import { PrismaPg } from '@prisma/adapter-pg';
import pLimit from 'p-limit';
import { PrismaClient } from '../generated/prisma/client.ts';
import type { Database, Merchants } from '../ports.ts';
import { columnsOnce, type Columns } from './json-rows.ts';
import { pgIssuing } from './pg-issuing.ts';
import { pgInvoiceReading, pgKeyReading } from './pg-reading.ts';
import { pgOwedEmails, pgOwedPdfs } from './pg-rendering.ts';
import { prismaApiKeys } from './prisma-api-keys.ts';
import type { SigningKey } from './jose-access-tokens.ts';
import { MerchantPool, type PoolUse } from './merchant-pool.ts';
import { behindWall, reaching } from './merchant-reach.ts';
import { prismaBacklog } from './prisma-backlog.ts';
import { prismaGatewayCalls } from './prisma-gateway-calls.ts';
import { prismaIdempotencyKeys } from './prisma-idempotency-keys.ts';
import { prismaOwedEmails } from './prisma-owed-emails.ts';
import { prismaOwedPdfs } from './prisma-owed-pdfs.ts';
import { prismaProofs } from './prisma-proofs.ts';
import { prismaCustomers, prismaInvoices, prismaOrders } from './prisma-reads.ts';
import * as records from './prisma-records.ts';
import type { StoreClient } from './prisma-rows.ts';
import { prismaTransaction } from './prisma-transaction.ts';
import { prismaWebhooks } from './prisma-webhooks.ts';
import { statementNames } from './statement-names.ts';

const POOL_SIZE = 16;
const MOST_TRANSACTIONS_AT_ONCE = 12;
const MOST_TRIES = 8;
const MAX_WAIT_MS = 15_000;
const IDLE_CONNECTION_LIVES_MS = 300_000;
/** Beyond the longest that a transaction may take. */
const LONGEST_QUERY_MS = 70_000;
const TRANSACTION_TIMEOUT_MS = 60_000;

export interface PrismaDatabase extends Database {
  close(): Promise<void>;
  /** What time it is for the database. */
  time(): Promise<Date>;
  /** The secret that signs a merchant's links; null when there is no such merchant. */
  linkSecret(merchantId: string): Promise<Uint8Array | null>;
  /** What signs access tokens, the newest first. */
  signingKeys(): Promise<readonly SigningKey[]>;
  /** The names of the migrations that the database has, as it says now. */
  appliedMigrations(): Promise<readonly string[]>;
  /** How its connections are used now, and how often a transaction was run again since the start. */
  use(): DatabaseUse;
}

export interface DatabaseUse {
  readonly pools: readonly PoolUse[];
  readonly retriedTransactions: number;
}

/** `role` is the one that connections take (row-level-security.ts). */
export function connectPrisma(databaseUrl: string, role: string | null): PrismaDatabase {
  const pool = new MerchantPool({
    connectionString: databaseUrl,
    max: POOL_SIZE,
    application_name: `billhead:${process.pid}`,
    connectionTimeoutMillis: MAX_WAIT_MS,
    // A new connection logs in, and plans every statement anew: not after each short rest.
    idleTimeoutMillis: IDLE_CONNECTION_LIVES_MS,
    // A database host that vanished says nothing more: whoever waits for it is told, and connects anew.
    keepAlive: true,
    query_timeout: LONGEST_QUERY_MS,
    // Statements that are sent without waiting for the one before go out at once (pg-issuing.ts).
    pipeline: true,
    role,
  });
  const adapter = new PrismaPg(pool, { statementNameGenerator: statementNames() });
  // Otherwise its errors repeat what it was called with.
  const client = new PrismaClient({ adapter, errorFormat: 'minimal' });
  const limit = pLimit(MOST_TRANSACTIONS_AT_ONCE);
  const columnsOf = columnsOnce(pool);
  const issueInvoices = pgIssuing(pool, columnsOf);
  let retriedTransactions = 0;
  const onRetry = () => {
    retriedTransactions += 1;
  };
  return {
    ...stores(client, pool, columnsOf),
    transact: (merchantId, work) =>
      retrying(
        () =>
          limit(() =>
            reaching(merchantId, () =>
              client.$transaction((transaction) => work(prismaTransaction(transaction, merchantId)), {
                isolationLevel: 'ReadCommitted',
                maxWait: MAX_WAIT_MS,
                timeout: TRANSACTION_TIMEOUT_MS,
              }),
            ),
          ),
        onRetry,
      ),
    issueInvoices: (merchantId, wanted, decide) =>
      retrying(() => limit(() => reaching(merchantId, () => issueInvoices(merchantId, wanted, decide))), onRetry),
    use: () => ({ pools: pool.use(), retriedTransactions }),
    ping: async () => {
      const [row] = await client.$queryRaw<{ readOnly: string }[]>`
        SELECT current_setting('transaction_read_only') AS "readOnly"`;
      if (row?.readOnly !== 'off') throw new Error('PostgreSQL takes nothing that is written');
    },
    appliedMigrations: async () => {
      const rows = await client.$queryRaw<{ name: string }[]>`
        SELECT migration_name AS name FROM _prisma_migrations
        WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`;
      return rows.map(({ name }) => name);
    },
    close: async () => {
      await client.$disconnect();
      await pool.end();
    },
    time: async () => {
      const [row] = await client.$queryRaw<{ time: Date }[]>`SELECT clock_timestamp() AS time`;
      if (!row) throw new RangeError('A SELECT of one value gives a row.');
      return row.time;
    },
    signingKeys: () => client.signingKey.findMany({ orderBy: { createdAt: 'desc' } }),
    linkSecret: linkSecrets(client),
  };
}

function stores(client: PrismaClient, pool: MerchantPool, columnsOf: () => Promise<Columns>) {
  return {
    customers: behindWall(prismaCustomers(client)),
    orders: behindWall(prismaOrders(client)),
    invoices: behindWall({ ...prismaInvoices(client), ...pgInvoiceReading(pool, columnsOf) }),
    pdfs: behindWall({ ...prismaOwedPdfs(client), ...pgOwedPdfs(pool, columnsOf) }, ['claimDue']),
    proofs: behindWall(prismaProofs(client), ['findUnsealed']),
    gatewayCalls: behindWall(prismaGatewayCalls(client), ['claimDue', 'countUnsettledElsewhere']),
    emails: behindWall({ ...prismaOwedEmails(client), ...pgOwedEmails(pool) }, ['claimDue', 'expire']),
    webhooks: behindWall(prismaWebhooks(client), ['claimDue', 'claimRested', 'forget', 'giveUp']),
    merchants: prismaMerchants(client),
    apiKeys: behindWall({ ...prismaApiKeys(client), ...pgKeyReading(pool, columnsOf) }, ['findByPrefixes']),
    idempotencyKeys: behindWall(prismaIdempotencyKeys(client), ['renew', 'removeOld']),
    backlog: behindWall(prismaBacklog(client), ['read']),
  };
}

/** Each is read once: it never changes. */
function linkSecrets(client: StoreClient): PrismaDatabase['linkSecret'] {
  const secrets = new Map<string, Uint8Array>();
  return async (merchantId) => {
    const known = secrets.get(merchantId);
    if (known) return known;
    const row = await reaching(merchantId, () =>
      client.merchant.findFirst({
        where: { merchantId: records.storable(merchantId) },
        select: { linkSecret: true },
      }),
    );
    if (row) secrets.set(merchantId, row.linkSecret);
    return row?.linkSecret ?? null;
  };
}

function prismaMerchants(client: StoreClient): Merchants {
  return {
    find: async (id) => {
      const where = { merchantId: records.storable(id) };
      const row = await reaching(id, () => client.merchant.findFirst({ where }));
      return row && records.toMerchant(row);
    },
    insert: async (merchant, now) => {
      // The secret is made by the database and never leaves this adapter.
      const insertion = () => client.$executeRaw`
        INSERT INTO merchants
          (merchant_id, seller, time_zone, number_pattern, payment_term_days, link_secret, created_at)
        VALUES (${merchant.id}, ${JSON.stringify(merchant.seller)}::jsonb, ${merchant.timeZone},
          ${merchant.numberPattern}, ${merchant.paymentTermDays},
          uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), ${now})
        ON CONFLICT (merchant_id) DO NOTHING`;
      return (await reaching(merchant.id, insertion)) === 1;
    },
  };
}

async function retrying<T>(run: () => Promise<T>, onRetry: () => void): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (attempt === MOST_TRIES || !mayRunAgain(error)) throw error;
      onRetry();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** attempt));
    }
  }
}

// Deadlock, serialization failure, and a unique key that another transaction took between our look and our insert:
// the second look finds it and gives the right answer.
const RETRIED_SQL_STATES = new Set(['40001', '40P01', '23505']);
// Write conflict; unique key.
const RETRIED_PRISMA_CODES = new Set(['P2034', 'P2002']);
// P2028 is said of a transaction that could not begin in time, which is tried again, and of one that ran too long.
const COULD_NOT_BEGIN = /unable to start a transaction/i;

function mayRunAgain(error: unknown): boolean {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  for (let cause = error, depth = 0; cause !== null && typeof cause === 'object' && depth < 5; depth += 1) {
    const { code, kind, originalCode, meta, message } = cause as Record<string, unknown>;
    if (code === 'P2028') return COULD_NOT_BEGIN.test(text(message));
    if ([code, originalCode].some((state) => RETRIED_SQL_STATES.has(text(state)))) return true;
    if (RETRIED_PRISMA_CODES.has(text(code))) return true;
    if (kind === 'TransactionWriteConflict' || kind === 'UniqueConstraintViolation') return true;
    const driverError = (meta as Record<string, unknown> | undefined)?.['driverAdapterError'];
    cause = driverError ?? (cause as Record<string, unknown>)['cause'];
  }
  return false;
}
