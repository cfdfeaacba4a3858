// Entry: a worker alone. It renders what the queue asks for, and sweeps for what the queue lost.

import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { startBullmqWorker } from './adapters/bullmq-jobs.ts';
import { startSweep } from './adapters/sweep-timer.ts';
import type { Config } from './config.ts';
import type { Log } from './ports.ts';
import type { Product } from './product.ts';
import { runUntilSignal } from './run.ts';

const SWEEP_EVERY_MS = 2_000;

export interface Worker {
  /** Takes no more jobs and waits for those that run. */
  close(): Promise<void>;
}

export async function startWorker({ app, databaseUrl }: Product, config: Config, log: Log): Promise<Worker> {
  const worker = await startBullmqWorker({
    databaseUrl,
    redisUrl: config.redisUrl ?? undefined,
    log,
    // One more than can draw at once, so that reading and writing overlap with drawing.
    concurrency: availableParallelism() + 1,
    handlers: { renderInvoice: (reference) => app.renderInvoice(reference) },
  });
  const sweep = startSweep({
    run: async () => {
      const asked = await app.sweepOwedWork();
      if (asked > 0) log.info('sweep.asked_again', { asked });
    },
    everyMs: SWEEP_EVERY_MS,
    log,
  });
  log.info('worker.started');
  return {
    close: async () => {
      await sweep.close();
      await worker.close();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runUntilSignal(async (product, config, log) => [await startWorker(product, config, log)]);
}
