// Entry: a worker alone. It renders, mails and tells what the queue asks for, and sweeps for what the queue lost.

// oxlint-disable-next-line import/no-unassigned-import -- it must come before what others import
import './production.ts';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { startBullmqWorker } from './adapters/bullmq-worker.ts';
import { startSweep } from './adapters/sweep-timer.ts';
import type { Config } from './config.ts';
import { startHttpServer } from './http/server.ts';
import type { Log } from './ports.ts';
import type { Product } from './product.ts';
import { databaseChecks } from './ready-checks.ts';
import { runUntilSignal } from './run.ts';

const SWEEP_EVERY_MS = 2_000;
const COUNT_EVERY_MS = 5_000;
/** One of them is drawn while the others are read, or wait until they have reached the disk. */
const PDFS_AT_ONCE_A_CORE = 3;
/** Most of that time they wait for the mail server. */
const MAILS_AT_ONCE = 5;
/**
 * Each is served by a job of its own, which mostly waits. Those that were silent have no more than half of the places: a
 * sweep asks for five of them every two seconds, and each takes ten (sweep-owed-work.ts, deliver-webhooks.ts).
 */
const WEBHOOK_ENDPOINTS_AT_ONCE = 50;

export interface Worker {
  /** Whether jobs of every kind are being taken up. */
  isWorking(): boolean;
  /** Takes no more jobs and waits for those that run; mails that hang are cut off, and tried again later. */
  close(): Promise<void>;
}

export async function startWorker(product: Product, config: Config, log: Log): Promise<Worker> {
  const { app, databaseUrl } = product;
  product.warmUpRenderer();
  const worker = await startBullmqWorker({
    databaseUrl,
    redisUrl: config.redisUrl ?? undefined,
    log,
    watch: product.watch,
    concurrency: {
      renderInvoice: PDFS_AT_ONCE_A_CORE * availableParallelism(),
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
  const tableCount = startSweep({
    run: async () => void (await product.countYoungTables()),
    everyMs: COUNT_EVERY_MS,
    log,
  });
  await app.warnOfCallsElsewhere();
  log.info('worker.started');
  return {
    isWorking: () => worker.isWorking(),
    close: async () => {
      await Promise.all([sweep.close(), gatewaySweep.close(), tableCount.close()]);
      product.hurryMail();
      await worker.close();
    },
  };
}

/** Where a worker alone tells how it is. Without the queue it has nothing to do, so it is not ready then. */
async function startWorkersDoor(product: Product, worker: Worker, port: number, config: Config, log: Log) {
  const askQueue = async () => {
    const state = await product.checkQueue();
    if (!worker.isWorking()) throw new Error('the worker takes up no jobs');
    return state;
  };
  const { host } = config;
  const readyChecks = { ...databaseChecks(product), queue: { ask: askQueue, isNeeded: true } };
  const door = await startHttpServer({ host, port, log, doors: [], readyChecks, metrics: product.metrics });
  log.info('worker.listening', { address: door.address });
  return door;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runUntilSignal('billhead-worker', async (product, config, log) => {
    const worker = await startWorker(product, config, log);
    if (config.workerPort === null) return [worker];
    const door = await startWorkersDoor(product, worker, config.workerPort, config, log);
    // While jobs end it goes on telling, and says at once that it is stopping.
    return [{ close: async () => door.drain() }, worker, door];
  });
}
