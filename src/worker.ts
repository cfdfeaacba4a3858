// Entry: a worker alone. It renders, mails and tells what the queue asks for, and sweeps for what the queue lost.

import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { startBullmqWorker } from './adapters/bullmq-worker.ts';
import { startSweep } from './adapters/sweep-timer.ts';
import type { Config } from './config.ts';
import type { Log } from './ports.ts';
import type { Product } from './product.ts';
import { runUntilSignal } from './run.ts';

const SWEEP_EVERY_MS = 2_000;
/** Most of that time they wait for the mail server. */
const MAILS_AT_ONCE = 5;
/** Each is served by a job of its own, which mostly waits. */
const WEBHOOK_ENDPOINTS_AT_ONCE = 25;

export interface Worker {
  /** Takes no more jobs and waits for those that run; mails that hang are cut off, and tried again later. */
  close(): Promise<void>;
}

export async function startWorker(product: Product, config: Config, log: Log): Promise<Worker> {
  const { app, databaseUrl } = product;
  const worker = await startBullmqWorker({
    databaseUrl,
    redisUrl: config.redisUrl ?? undefined,
    log,
    // One more than can draw at once, so that reading and writing overlap with drawing.
    concurrency: {
      renderInvoice: availableParallelism() + 1,
      sendEmail: MAILS_AT_ONCE,
      sendWebhooks: WEBHOOK_ENDPOINTS_AT_ONCE,
    },
    handlers: {
      renderInvoice: (reference) => app.renderInvoice(reference),
      sendEmail: (reference) => app.deliverEmail(reference),
      sendWebhooks: (reference) => app.deliverWebhooks(reference),
    },
  });
  const sweep = startSweep({
    run: async () => {
      const asked = await app.sweepOwedWork();
      if (asked > 0) log.info('sweep.asked_again', { asked });
    },
    everyMs: SWEEP_EVERY_MS,
    log,
  });
  // Apart from the other sweep: a gateway that does not answer must not keep PDFs waiting.
  const gatewaySweep = startSweep({
    run: async () => {
      const asked = await app.settleDueGatewayCalls();
      if (asked > 0) log.info('sweep.asked_gateway', { asked });
    },
    everyMs: SWEEP_EVERY_MS,
    log,
  });
  await app.warnOfCallsElsewhere();
  log.info('worker.started');
  return {
    close: async () => {
      await Promise.all([sweep.close(), gatewaySweep.close()]);
      product.hurryMail();
      await worker.close();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runUntilSignal(async (product, config, log) => [await startWorker(product, config, log)]);
}
