// The queue: asks for jobs and works them off, on BullMQ with PostgreSQL or Redis behind it.
//
// 1. The queue only makes work quick. What is owed stands on the invoices' rows, and the sweep asks again for what
//    the queue lost, so asking never throws and nothing here retries a job.
// 2. A job may run twice, and the queue never says that one has run: handlers look at the row first.
// 3. An invoice waits in the queue once at most, however often it is asked for.

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type BackendFactory, type IQueueBackend, type Job, Queue, Worker } from 'bullmq';
import {
  ASK_TIMEOUT_MS,
  describe,
  Outage,
  type QueueConnection,
  type QueueConnectionOptions,
  UnsuitableQueueServer,
  within,
} from './bullmq-connection.ts';
import { connectToPostgres } from './bullmq-postgres.ts';
import { connectToRedis } from './bullmq-redis.ts';
import type { InvoiceReference, Jobs, Log } from '../ports.ts';

const QUEUE = 'billhead';
const RENDER_INVOICE = 'render-invoice';

/** How soon a call of a producer, or a worker, tries again when the server is away. */
const PRODUCER_RETRY_MS = 250;
const WORKER_RETRY_MS = 500;
/** After a crash a job runs again when its lock ran out and the next check saw that: in 17 s at most. */
const LOCK_MS = 12_000;
const STALLED_CHECK_MS = 5_000;
/** A job that was taken up so often without an end is dropped; the sweep asks again as the row's attempts allow. */
const MOST_CRASHES = 10;
/** How long closing waits for the server once no job runs any more. */
const CLOSE_PATIENCE_MS = 3_000;
/** Nobody reads BullMQ's event stream: keep it short. */
const KEPT_EVENTS = 100;

export interface BullmqOptions {
  readonly databaseUrl: string;
  readonly redisUrl?: string | undefined;
  readonly log: Log;
}

export interface BullmqWorkerOptions extends BullmqOptions {
  readonly concurrency: number;
  readonly handlers: { readonly renderInvoice: (reference: InvoiceReference) => Promise<void> };
}

export interface BullmqJobs {
  readonly jobs: Jobs;
  /** Resolves when the queue's server answers. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Resolves also when the server is away, and finds it when it comes back. Rejects when it must not be used. */
export async function createBullmqJobs(options: BullmqOptions): Promise<BullmqJobs> {
  const producer = new Producer(options);
  await producer.start();
  return {
    jobs: { renderInvoices: (references) => producer.ask(references) },
    check: () => producer.check(),
    close: () => producer.close(),
  };
}

/** Resolves also when the server is away, and finds it when it comes back. Rejects when it must not be used. */
export async function startBullmqWorker(options: BullmqWorkerOptions): Promise<{ close(): Promise<void> }> {
  const consumer = new Consumer(options);
  await consumer.start();
  return { close: () => consumer.close() };
}

class Producer {
  readonly #options: BullmqOptions;
  readonly #outage: Outage;
  #opened: Promise<OpenQueue> | null = null;
  #isTrying = false;
  #quietUntil = 0;
  #isClosed = false;

  constructor(options: BullmqOptions) {
    this.#options = options;
    this.#outage = new Outage(options.log, 'producer');
  }

  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (error instanceof UnsuitableQueueServer) throw error;
      this.#outage.begin(error);
    }
  }

  async ask(references: readonly InvoiceReference[]): Promise<void> {
    if (references.length === 0 || this.#isClosed) return;
    // During an outage one call at a time tries, so that requests do not all wait for a server that does not answer.
    if (this.#outage.isOn && (this.#isTrying || Date.now() < this.#quietUntil)) return;
    this.#isTrying = true;
    try {
      await within(ASK_TIMEOUT_MS, this.#add(references));
      this.#outage.end();
    } catch (error) {
      this.#quietUntil = Date.now() + PRODUCER_RETRY_MS;
      this.#outage.begin(error);
    } finally {
      this.#isTrying = false;
    }
  }

  async check(): Promise<void> {
    const { queue } = await this.#open();
    await queue.getWaitingCount();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opened?.catch(() => null);
    if (opened) await within(CLOSE_PATIENCE_MS, closeQueue(opened)).catch(() => {});
  }

  async #add(references: readonly InvoiceReference[]): Promise<void> {
    const { queue, connection } = await this.#open();
    const jobs = references.map(renderJob);
    try {
      const [only] = jobs;
      // Several at once go through temporary tables in PostgreSQL, which costs more than it saves for one.
      if (jobs.length === 1 && only) await queue.add(only.name, only.data, only.opts);
      else await queue.addBulk(jobs);
    } catch (error) {
      // Only a repair that succeeds changes anything, so its own failure tells nothing new.
      await connection.repair().catch(() => {});
      throw error;
    }
  }

  #open(): Promise<OpenQueue> {
    this.#opened ??= openQueue(this.#options, (error) => this.#outage.begin(error)).catch((error: unknown) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }
}

type RenderQueue = ReturnType<typeof createQueue>;
interface OpenQueue {
  readonly queue: RenderQueue;
  readonly connection: QueueConnection;
}

async function openQueue(options: BullmqOptions, onError: (error: unknown) => void): Promise<OpenQueue> {
  const connection = await connect({ ...options, purpose: 'ask', onError });
  const queue = createQueue(connection.createBackend);
  queue.on('error', onError);
  try {
    // A queue that once failed to get ready never does: it is thrown away, and the next call opens another.
    await queue.waitUntilReady();
  } catch (error) {
    await closeQueue({ queue, connection });
    throw error;
  }
  return { queue, connection };
}

function createQueue(createBackend: BackendFactory<IQueueBackend>) {
  return new Queue(QUEUE, { connection: {}, streams: { events: { maxLen: KEPT_EVENTS } } }, createBackend);
}

async function closeQueue({ queue, connection }: OpenQueue): Promise<void> {
  await queue.close().catch(() => {});
  await connection.close();
}

function renderJob(reference: InvoiceReference) {
  const { merchantId, invoiceId } = reference;
  const hash = createHash('sha256')
    .update(JSON.stringify([merchantId, invoiceId]))
    .digest('hex');
  // BullMQ refuses ids with a colon or of digits alone. Removed at once, so that the id can be asked for again.
  const opts = { jobId: `${RENDER_INVOICE}-${hash}`, attempts: 1, removeOnComplete: true, removeOnFail: true };
  return { name: RENDER_INVOICE, data: { merchantId, invoiceId }, opts };
}

class Consumer {
  readonly #options: BullmqWorkerOptions;
  readonly #outage: Outage;
  readonly #running = new Set<Promise<void>>();
  #worker: RenderWorker | null = null;
  #connection: QueueConnection | null = null;
  #starting: Promise<void> | null = null;
  readonly #closing = new AbortController();
  #closed: Promise<void> | null = null;

  constructor(options: BullmqWorkerOptions) {
    this.#options = options;
    this.#outage = new Outage(options.log, 'worker');
  }

  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (error instanceof UnsuitableQueueServer) throw error;
      this.#starting = this.#keepStarting(error);
    }
  }

  async #keepStarting(firstError: unknown): Promise<void> {
    this.#outage.begin(firstError);
    while (await pause(WORKER_RETRY_MS, this.#closing.signal)) {
      try {
        return await this.#open();
      } catch (error) {
        this.#outage.begin(error);
      }
    }
  }

  async #open(): Promise<void> {
    const onError = (error: unknown) => this.#outage.begin(error);
    const connection = await connect({ ...this.#options, purpose: 'work', onError });
    const worker = createWorker((job) => this.#handle(job), this.#options.concurrency, this.#patient(connection));
    worker.on('error', (error) => this.#report(error));
    worker.on('stalled', (jobId) => this.#options.log.warn('job.taken_up_again', { jobId }));
    try {
      await worker.waitUntilReady();
    } catch (error) {
      await worker.close().catch(() => {});
      await connection.close();
      throw error;
    }
    this.#worker = worker;
    this.#connection = connection;
    worker.run().catch((error: unknown) => this.#report(error));
  }

  /** BullMQ asks again at once after most failures: without a pause it would do so thousands of times a second. */
  #patient(connection: QueueConnection): BackendFactory<IQueueBackend> {
    return (name, queueOptions, extra) => {
      const backend = connection.createBackend(name, queueOptions, extra);
      const moveToActive = backend.moveToActive.bind(backend);
      backend.moveToActive = async (token, workerName) => {
        try {
          const found = await moveToActive(token, workerName);
          this.#outage.end();
          return found;
        } catch (error) {
          this.#outage.begin(error);
          if (await pause(WORKER_RETRY_MS, this.#closing.signal)) await connection.repair().catch(() => {});
          throw error;
        }
      };
      return backend;
    };
  }

  #handle(job: Job): Promise<void> {
    const running = this.#run(job);
    const settled = running.catch(() => {}).finally(() => this.#running.delete(settled));
    this.#running.add(settled);
    return running;
  }

  async #run(job: Job): Promise<void> {
    try {
      if (job.name !== RENDER_INVOICE || !isInvoiceReference(job.data)) throw new Error('not a job of this version');
      const { merchantId, invoiceId } = job.data;
      await this.#options.handlers.renderInvoice({ merchantId, invoiceId });
    } catch (error) {
      this.#options.log.error('job.failed', { job: job.name, data: job.data, error: describe(error) });
      throw error;
    }
  }

  #report(error: unknown): void {
    // A job can vanish while it runs, when the queue was emptied or another worker took it up: the row tells the rest.
    if (isAboutOneJob(error)) this.#options.log.warn('job.lost_by_queue', { error: describe(error) });
    else this.#outage.begin(error);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#starting;
    if (this.#worker) {
      const closed = this.#worker.close().then(() => true);
      const isInTime = await Promise.race([closed, this.#losePatience()]);
      if (!isInTime) this.#options.log.warn('queue.worker_abandoned', { reason: 'the queue did not answer' });
    }
    await within(CLOSE_PATIENCE_MS, this.#connection?.close() ?? Promise.resolve()).catch(() => {});
  }

  /** Waits for all jobs however long they take, but not for a server that is away: BullMQ would wait for ever. */
  async #losePatience(): Promise<false> {
    do {
      await Promise.all(this.#running);
      await delay(CLOSE_PATIENCE_MS, undefined, { ref: false });
    } while (this.#running.size > 0);
    return false;
  }
}

type RenderWorker = ReturnType<typeof createWorker>;

function createWorker(
  handle: (job: Job) => Promise<void>,
  concurrency: number,
  createBackend: BackendFactory<IQueueBackend>,
) {
  const options = {
    connection: {},
    concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: MOST_CRASHES,
    runRetryDelay: WORKER_RETRY_MS,
    autorun: false,
  };
  return new Worker(QUEUE, handle, options, createBackend);
}

function connect(options: BullmqOptions & QueueConnectionOptions): Promise<QueueConnection> {
  return options.redisUrl ? connectToRedis(options.redisUrl, options) : connectToPostgres(options);
}

/** false when closing cut it short. */
async function pause(durationMs: number, signal: AbortSignal): Promise<boolean> {
  return delay(durationMs, true, { signal }).catch(() => false);
}

/** BullMQ marks what its scripts found wrong with a job by a negative code. */
function isAboutOneJob(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code: unknown = 'code' in error ? error.code : undefined;
  return (typeof code === 'number' && code < 0) || error.message.startsWith('could not renew lock');
}

function isInvoiceReference(data: unknown): data is InvoiceReference {
  if (typeof data !== 'object' || data === null) return false;
  return (
    'merchantId' in data &&
    typeof data.merchantId === 'string' &&
    'invoiceId' in data &&
    typeof data.invoiceId === 'string'
  );
}
