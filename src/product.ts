// Puts the product together: every port with the adapter that the configuration asks for, and how to take it apart again.

import path from 'node:path';
import { createApp, type App } from './app.ts';
import { createBullmqJobs } from './adapters/bullmq-jobs.ts';
import { startEmbeddedPostgres } from './adapters/embedded-postgres.ts';
import { folderPdfFiles } from './adapters/folder-pdf-files.ts';
import { migrate } from './adapters/migrations.ts';
import { nodeDigests, systemClock, timeSortedIds } from './adapters/node-platform.ts';
import { createPdfkitRenderer } from './adapters/pdfkit-renderer.ts';
import { connectPrisma } from './adapters/prisma-database.ts';
import { signedPdfLinks } from './adapters/signed-pdf-links.ts';
import type { Config } from './config.ts';
import type { Log } from './ports.ts';

export interface Product {
  readonly app: App;
  /** The database that is in use, embedded or given. */
  readonly databaseUrl: string;
  readonly isEmbedded: boolean;
  /** Resolves when the queue takes jobs. */
  checkQueue(): Promise<void>;
  /** Closes everything in the opposite order. */
  close(): Promise<void>;
}

/** Starts or connects what the product stands on, brings the database up to date, and binds the actions. */
export async function openProduct(config: Config, log: Log): Promise<Product> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  try {
    const databaseUrl = config.databaseUrl ?? (await startEmbedded(config, log, opened));
    await migrate(databaseUrl, log);
    const database = connectPrisma(databaseUrl);
    opened.push(() => database.close());
    const queue = await createBullmqJobs({ databaseUrl, redisUrl: config.redisUrl ?? undefined, log });
    opened.push(() => queue.close());
    const renderer = createPdfkitRenderer();
    opened.push(() => renderer.close());
    const app = createApp({
      database,
      jobs: queue.jobs,
      renderer,
      files: folderPdfFiles(path.join(config.dataDir, 'pdf')),
      links: signedPdfLinks((merchantId) => database.linkSecret(merchantId)),
      clock: systemClock,
      ids: timeSortedIds,
      digests: nodeDigests,
      log,
    });
    return { app, databaseUrl, isEmbedded: config.databaseUrl === null, checkQueue: () => queue.check(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startEmbedded(config: Config, log: Log, opened: (() => Promise<void>)[]): Promise<string> {
  const postgres = await startEmbeddedPostgres(config.dataDir, log);
  opened.push(() => postgres.stop());
  return postgres.url;
}
