// Puts the product together: every port with the adapter that the configuration asks for, and how to take it apart again.

import path from 'node:path';
import { createApp, type App } from './app.ts';
import { createBullmqJobs } from './adapters/bullmq-jobs.ts';
import { startDatabaseClock } from './adapters/database-clock.ts';
import { startEmbeddedPostgres } from './adapters/embedded-postgres.ts';
import { folderPdfFiles } from './adapters/folder-pdf-files.ts';
import { joseAccessTokens } from './adapters/jose-access-tokens.ts';
import { migrate } from './adapters/migrations.ts';
import { nodeDigests, timeSortedIds } from './adapters/node-platform.ts';
import { nodemailerMailer } from './adapters/nodemailer-mailer.ts';
import { createPdfkitRenderer } from './adapters/pdfkit-renderer.ts';
import { connectPrisma, type PrismaDatabase } from './adapters/prisma-database.ts';
import { createRateLimits } from './adapters/rate-limits.ts';
import { raiseWall } from './adapters/row-level-security.ts';
import { signedLinks } from './adapters/signed-links.ts';
import { connectTestGateway, type TestGateway } from './adapters/test-gateway.ts';
import type { Config, GatewayConfig } from './config.ts';
import { PAYMENT_PATH } from './http/payment-page.ts';
import { TEST_GATEWAY_PATH } from './http/test-gateway-page.ts';
import type { Log, PaymentGateway } from './ports.ts';

export interface Product {
  readonly app: App;
  /** The database that is in use, embedded or given. */
  readonly databaseUrl: string;
  readonly isEmbedded: boolean;
  /** The built-in test gateway, where it is in use: its page is served by hand. */
  readonly testGateway: TestGateway | null;
  /** Resolves when the queue takes jobs. */
  checkQueue(): Promise<void>;
  /** Cuts off deliveries of mails that still run in a moment. They are tried again later. */
  hurryMail(): void;
  /** Closes everything in the opposite order. */
  close(): Promise<void>;
}

/**
 * Starts or connects what the product stands on, brings the database up to date, and binds the actions. `connect` is for
 * tests of the walls between merchants, which take one of them down.
 */
export async function openProduct(config: Config, log: Log, connect = connectBehindWall): Promise<Product> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  try {
    const databaseUrl = config.databaseUrl ?? (await startEmbedded(config, log, opened));
    await migrate(databaseUrl, log);
    const database = await connect(databaseUrl, log);
    opened.push(() => database.close());
    const clock = await startDatabaseClock({ readTime: () => database.time(), log });
    opened.push(() => clock.close());
    const queue = await createBullmqJobs({ databaseUrl, redisUrl: config.redisUrl ?? undefined, log });
    opened.push(() => queue.close());
    const renderer = createPdfkitRenderer();
    opened.push(() => renderer.close());
    const testGateway = config.gateway.kind === 'test' ? openTestGateway(databaseUrl, opened) : null;
    const { smtpUrl, mailFrom, publicUrl } = config;
    const mailer = nodemailerMailer({ smtpUrl, from: mailFrom, outbox: path.join(config.dataDir, 'outbox') });
    const rateLimits = createRateLimits({ redisUrl: config.redisUrl, perMinute: config.rateLimit });
    opened.push(async () => rateLimits.close());
    const app = createApp({
      database,
      jobs: queue.jobs,
      gateway: testGateway ?? (await openGateway(config.gateway)),
      mailer,
      paymentUrl: publicUrl === null ? null : (token) => `${publicUrl}${PAYMENT_PATH}/${token}`,
      renderer,
      files: folderPdfFiles(path.join(config.dataDir, 'pdf')),
      rateLimits,
      tokens: joseAccessTokens(() => database.signingKeys()),
      links: signedLinks((merchantId) => database.linkSecret(merchantId)),
      clock,
      ids: timeSortedIds,
      digests: nodeDigests,
      log,
    });
    testGateway?.onChange((reference) => {
      // Whatever goes wrong here, the sweep asks for the same call.
      app
        .settleGatewayCall(reference)
        .catch((error: unknown) => log.warn('gateway.not_settled', { cause: String(error) }));
    });
    const isEmbedded = config.databaseUrl === null;
    if (testGateway && !isEmbedded) {
      log.warn('gateway.test_in_use', { meaning: 'no money moves; PAYMENT_GATEWAY chooses another gateway, or none' });
    }
    const hurryMail = () => mailer.hurry();
    return { app, databaseUrl, isEmbedded, testGateway, checkQueue: () => queue.check(), hurryMail, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function connectBehindWall(databaseUrl: string, log: Log): Promise<PrismaDatabase> {
  return connectPrisma(databaseUrl, await raiseWall(databaseUrl, log));
}

function openTestGateway(databaseUrl: string, opened: (() => Promise<void>)[]): TestGateway {
  // As seen from a payment link, /pay/<token>.
  const gateway = connectTestGateway(databaseUrl, (reference) => `..${TEST_GATEWAY_PATH}/${reference}`);
  opened.push(() => gateway.close());
  return gateway;
}

async function openGateway(config: GatewayConfig): Promise<PaymentGateway | null> {
  if (config.kind !== 'stripe') return null;
  // Its library takes a quarter of a second and 20 MB to load, which nobody else should pay for.
  const { connectStripe } = await import('./adapters/stripe-gateway.ts');
  return connectStripe(config);
}

async function startEmbedded(config: Config, log: Log, opened: (() => Promise<void>)[]): Promise<string> {
  const postgres = await startEmbeddedPostgres(config.dataDir, log);
  opened.push(() => postgres.stop());
  return postgres.url;
}
