// Works the queues off, each kind of job with a worker and a connection of its own.
//
// A job may run twice, and is never retried here: see bullmq-jobs.ts.

import { setTimeout as delay } from 'node:timers/promises';
import { type BackendFactory, type IQueueBackend, type Job, Worker } from 'bullmq';
import pLimit, { type LimitFunction } from 'p-limit';
import { describe, Outage, type QueueConnection, UnsuitableQueueServer, within } from './bullmq-connection.ts';
import { JOB_KINDS, type Handlers, type JobKind, queueOf, traceparentOf, type Work, worksOf } from './bullmq-kinds.ts';
import { connectToQueueServer, type QueueServerOptions } from './bullmq-server.ts';
import { noTracing } from './no-tracing.ts';
import type { Watch } from './watched-ports.ts';

/** How soon a worker tries again when the server is away. */
const WORKER_RETRY_MS = 500;
/** After a crash a job runs again when its lock ran out and the next check saw that: in 17 s at most. */
const LOCK_MS = 12_000;
const STALLED_CHECK_MS = 5_000;
/** A job that was taken up so often without an end is dropped; the sweep asks again as the row's attempts allow. */
const MOST_CRASHES = 10;
/** How long closing waits for the server once no job runs any more. */
const CLOSE_PATIENCE_MS = 3_000;

export interface BullmqWorkerOptions extends QueueServerOptions {
  /** How many jobs of each kind run at once, and how much of what they carry. */
  readonly concurrency: Readonly<Record<JobKind, number>>;
  readonly handlers: Handlers;
  readonly watch?: Watch;
}

export interface BullmqWorker {
  /** Whether jobs of every kind are being taken up. */
  isWorking(): boolean;
  close(): Promise<void>;
}

/** Resolves also when the server is away, and finds it when it comes back. Rejects when it must not be used. */
export async function startBullmqWorker(options: BullmqWorkerOptions): Promise<BullmqWorker> {
  const consumers = JOB_KINDS.map((kind) => new Consumer(kind, options));
  const close = async () => void (await Promise.all(consumers.map((consumer) => consumer.close())));
  const started = await Promise.allSettled(consumers.map((consumer) => consumer.start()));
  for (const start of started) {
    if (start.status === 'fulfilled') continue;
    await close();
    throw start.reason;
  }
  return { isWorking: () => consumers.every((consumer) => consumer.isWorking), close };
}

class Consumer {
  readonly #kind: JobKind;
  readonly #options: BullmqWorkerOptions;
  readonly #outage: Outage;
  readonly #limit: LimitFunction;
  readonly #running = new Set<Promise<void>>();
  #worker: OpenWorker | null = null;
  #connection: QueueConnection | null = null;
  #starting: Promise<void> | null = null;
  readonly #closing = new AbortController();
  #closed: Promise<void> | null = null;

  constructor(kind: JobKind, options: BullmqWorkerOptions) {
    this.#kind = kind;
    this.#options = options;
    this.#limit = pLimit(options.concurrency[kind]);
    this.#outage = new Outage(options.log, `worker of ${queueOf(kind)}`);
  }

  get isWorking(): boolean {
    return this.#worker !== null && !this.#outage.isOn && !this.#closing.signal.aborted;
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
    const connection = await connectToQueueServer({ ...this.#options, purpose: 'work', onError });
    const concurrency = this.#options.concurrency[this.#kind];
    const run = (job: Job) => this.#handle(job);
    const worker = createWorker(queueOf(this.#kind), run, concurrency, this.#patient(connection));
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
    const kind = this.#kind;
    const { measures, tracing = noTracing } = this.#options.watch ?? {};
    const begun = performance.now();
    measures?.took('jobWait', Math.max(0, Date.now() - job.timestamp) / 1_000, { kind });
    const step = tracing.begin(`job ${kind}`, { 'billhead.job': kind }, traceparentOf(job));
    const hasFailed = !(await step.within(() => this.#work(job)));
    step.end({ isFailed: hasFailed });
    measures?.took('job', (performance.now() - begun) / 1_000, { kind, outcome: hasFailed ? 'failed' : 'done' });
    // The queue only needs to know that it has ended.
    if (hasFailed) throw new Error('see the log');
  }

  /** All that the job carries, no more at once than this consumer may; false when some of it failed. */
  async #work(job: Job): Promise<boolean> {
    const fail = (data: unknown) => (error: unknown) => {
      this.#options.log.error('job.failed', { job: job.name, data, error: describe(error) });
      return false;
    };
    const run = ({ reference, run: work }: Work) => {
      return this.#limit(work).then(() => true, fail(reference));
    };
    try {
      const done = await Promise.all(worksOf(this.#kind, job, this.#options.handlers).map(run));
      return !done.includes(false);
    } catch (error) {
      return fail(job.data)(error);
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

type OpenWorker = ReturnType<typeof createWorker>;

function createWorker(
  name: string,
  run: (job: Job) => Promise<void>,
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
  return new Worker(name, run, options, createBackend);
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
