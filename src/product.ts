// Puts the product together: every port with the adapter that the configuration asks for, and how to take it apart again.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createApp, type App } from './app.ts';
import { createBullmqJobs } from './adapters/bullmq-jobs.ts';
import { startDatabaseClock } from './adapters/database-clock.ts';
import { startEmbeddedPostgres } from './adapters/embedded-postgres.ts';
import { folderPdfFiles } from './adapters/folder-pdf-files.ts';
import { joseAccessTokens } from './adapters/jose-access-tokens.ts';
import { migrate, migrationState } from './adapters/migrations.ts';
import { nodeDigests, timeSortedIds } from './adapters/node-platform.ts';
import { nodemailerMailer } from './adapters/nodemailer-mailer.ts';
import { noTracing } from './adapters/no-tracing.ts';
import { createPdfkitRenderer } from './adapters/pdfkit-renderer.ts';
import { postgresPdfChanges } from './adapters/postgres-pdf-changes.ts';
import { connectPrisma, type PrismaDatabase } from './adapters/prisma-database.ts';
import { createPromMeasures, type PromMeasures } from './adapters/prom-measures.ts';
import { createRateLimits } from './adapters/rate-limits.ts';
import { raiseWall } from './adapters/row-level-security.ts';
import { signedLinks } from './adapters/signed-links.ts';
import { connectTestGateway, type TestGateway } from './adapters/test-gateway.ts';
import { undiciWebhooks } from './adapters/undici-webhooks.ts';
import { watched, type Watch } from './adapters/watched-ports.ts';
import { youngTables } from './adapters/young-tables.ts';
import type { Config, GatewayConfig } from './config.ts';
import { PAYMENT_PATH } from './http/payment-page.ts';
import type { MetricsDoor } from './http/metrics.ts';
import { TEST_GATEWAY_PATH } from './http/test-gateway-page.ts';
import type { Log, PaymentGateway, Tracing } from './ports.ts';

const { version: VERSION } = JSON.parse(
  // One folder up from src as well as from dist.
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { readonly version: string };

export interface Product {
  readonly app: App;
  /** The database that is in use, embedded or given. */
  readonly databaseUrl: string;
  readonly isEmbedded: boolean;
  /** The built-in test gateway, where it is in use: its page is served by hand. */
  readonly testGateway: TestGateway | null;
  /** Resolves when the queue takes jobs; with another word than 'ok' when it may lose them. */
  checkQueue(): Promise<string>;
  /** 'ok', or 'newer' in the middle of an upgrade. Rejects when the database is not brought up to date. */
  checkMigrations(): Promise<string>;
  /** null where the metrics are nobody's business. */
  readonly metrics: MetricsDoor | null;
  readonly watch: Watch;
  /** For processes that render: the first invoice need not wait for a thread. */
  warmUpRenderer(): void;
  /** Sees to it that PostgreSQL plans for the tables as they have become; needed every few seconds. */
  countYoungTables(): Promise<unknown>;
  /** Cuts off deliveries of mails that still run in a moment. They are tried again later. */
  hurryMail(): void;
  /** Closes everything in the opposite order. */
  close(): Promise<void>;
}

/**
 * Starts or connects what the product stands on, brings the database up to date, and binds the actions. `connect` is for
 * tests of the walls between merchants, which take one of them down. `service` names the process in traces.
 */
export async function openProduct(
  config: Config,
  log: Log,
  connect = connectBehindWall,
  service = 'billhead',
): Promise<Product> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  try {
    const prometheus = createPromMeasures(VERSION, log);
    const watch = { measures: prometheus.measures, tracing: await openTracing(config, service, opened) };
    const databaseUrl = config.databaseUrl ?? (await startEmbedded(config, log, opened));
    await migrate(databaseUrl, log);
    const database = await connect(databaseUrl, log);
    opened.push(() => database.close());
    const clock = await startDatabaseClock({ readTime: () => database.time(), log });
    opened.push(() => clock.close());
    const tables = youngTables(databaseUrl);
    opened.push(() => tables.close());
    const queue = await createBullmqJobs({ databaseUrl, redisUrl: config.redisUrl ?? undefined, log, ...watch });
    opened.push(() => queue.close());
    prometheus.read({ database, queue });
    const testGateway = config.gateway.kind === 'test' ? openTestGateway(databaseUrl, opened) : null;
    const { renderer, mailer, ...others } = openOthers(config, databaseUrl, log, opened);
    const gateway = testGateway ?? (await openGateway(config.gateway));
    const app = createApp({
      ...watched(watch, { database, gateway, mailer, renderer }),
      jobs: queue.jobs,
      ...others,
      tokens: joseAccessTokens(() => database.signingKeys()),
      links: signedLinks((merchantId) => database.linkSecret(merchantId)),
      clock,
      ids: timeSortedIds,
      digests: nodeDigests,
      ...watch,
      log,
    });
    if (testGateway) settleAtOnce(app, testGateway, log);
    const isEmbedded = config.databaseUrl === null;
    if (testGateway && !isEmbedded) {
      log.warn('gateway.test_in_use', { meaning: 'no money moves; PAYMENT_GATEWAY chooses another gateway, or none' });
    }
    const hurryMail = () => mailer.hurry();
    return {
      app,
      databaseUrl,
      isEmbedded,
      testGateway,
      checkQueue: () => queue.check(),
      checkMigrations: async () => migrationState(await database.appliedMigrations()),
      metrics: metricsDoor(config, prometheus),
      watch,
      countYoungTables: () => tables.count(),
      warmUpRenderer: () => renderer.warmUp(),
      hurryMail,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What needs nothing but its configuration. */
function openOthers(config: Config, databaseUrl: string, log: Log, opened: (() => Promise<void>)[]) {
  const { dataDir, smtpUrl, mailFrom, publicUrl, redisUrl, rateLimit, webhookReach } = config;
  const renderer = createPdfkitRenderer();
  opened.push(() => renderer.close());
  const webhookSender = undiciWebhooks({ reach: webhookReach });
  opened.push(() => webhookSender.close());
  const rateLimits = createRateLimits({ redisUrl, perMinute: rateLimit });
  opened.push(async () => rateLimits.close());
  const pdfChanges = postgresPdfChanges(databaseUrl, log);
  opened.push(() => pdfChanges.close());
  return {
    renderer,
    webhookSender,
    rateLimits,
    pdfChanges,
    mailer: nodemailerMailer({ smtpUrl, from: mailFrom, outbox: path.join(dataDir, 'outbox') }),
    files: folderPdfFiles(path.join(dataDir, 'pdf')),
    paymentUrl: publicUrl === null ? null : (token: string) => `${publicUrl}${PAYMENT_PATH}/${token}`,
  };
}

/** What the test gateway decides is booked at once. Whatever goes wrong here, the sweep asks for the same call. */
function settleAtOnce(app: App, testGateway: TestGateway, log: Log): void {
  testGateway.onChange((reference) => {
    app
      .settleGatewayCall(reference)
      .catch((error: unknown) => log.warn('gateway.not_settled', { cause: String(error) }));
  });
}

/** With a token for whoever knows it; without one only on the machine itself, on the defaults that a developer starts with. */
function metricsDoor({ metricsToken: token, databaseUrl, host }: Config, prometheus: PromMeasures): MetricsDoor | null {
  const isOpen = databaseUrl === null && /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host);
  if (token === null && !isOpen) return null;
  return {
    scrape: () => prometheus.scrape(),
    isToken: (shown) => token === null || nodeDigests.isEqual(nodeDigests.sha256(shown), nodeDigests.sha256(token)),
  };
}

async function openTracing({ tracing }: Config, service: string, opened: (() => Promise<void>)[]): Promise<Tracing> {
  if (!tracing) return noTracing;
  // Nobody else pays for its libraries.
  const { startOtelTracing } = await import('./adapters/otel-tracing.ts');
  const { url, serviceName } = tracing;
  const started = startOtelTracing({ url, serviceName: serviceName ?? service, serviceVersion: VERSION });
  opened.push(() => started.close());
  return started;
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
