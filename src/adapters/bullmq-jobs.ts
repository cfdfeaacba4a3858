// The queue: asks for jobs, on BullMQ with PostgreSQL or Redis behind it. bullmq-worker.ts works them off.
//
// 1. The queue only makes work quick. What is owed stands on the rows of invoices, mails and deliveries, and the sweep asks
//    again for what the queue lost, so asking never throws and nothing here retries a job.
// 2. A job may run twice, and the queue never says that one has run: handlers look at the row first.
// 3. A mail, an endpoint, an invoice, or invoices that are asked for together wait in their queue once at most, however often
//    they are asked for. An invoice may wait alone and in company.

import { type BackendFactory, type IQueueBackend, Queue } from 'bullmq';
import {
  ASK_TIMEOUT_MS,
  Outage,
  type QueueConnection,
  type QueueState,
  UnsuitableQueueServer,
  within,
} from './bullmq-connection.ts';
import {
  emailJob,
  JOB_KINDS,
  type JobKind,
  MOST_INVOICES_IN_A_JOB,
  type QueuedJob,
  queueOf,
  renderJobs,
  webhooksJob,
} from './bullmq-kinds.ts';
import { connectToQueueServer, type QueueServerOptions } from './bullmq-server.ts';
import type { Jobs, Tracing } from '../ports.ts';

/** How soon a call tries again when the server is away. */
const PRODUCER_RETRY_MS = 250;
/** How long closing waits for the server. */
const CLOSE_PATIENCE_MS = 3_000;
const LOOK_OUT_EVERY_MS = 30_000;
/** Nobody reads BullMQ's event stream: keep it short. */
const KEPT_EVENTS = 100;

export interface BullmqJobsOptions extends QueueServerOptions {
  /** Jobs carry the step that asks for them, so that the worker goes on with the same trace. */
  readonly tracing?: Tracing;
}

export interface QueueDepth {
  readonly kind: JobKind;
  readonly waiting: number;
  readonly active: number;
  /** Since the job that waits longest was asked for; 0 when none waits. */
  readonly oldestSeconds: number;
}

export interface BullmqJobs {
  readonly jobs: Jobs;
  /** Resolves when the queue's server takes jobs; 'evicting' when it may lose them. */
  check(): Promise<QueueState>;
  depths(): Promise<readonly QueueDepth[]>;
  close(): Promise<void>;
}

/** Resolves also when the server is away, and finds it when it comes back. Rejects when it must not be used. */
export async function createBullmqJobs(options: BullmqJobsOptions): Promise<BullmqJobs> {
  const producer = new Producer(options);
  await producer.start();
  return {
    jobs: {
      renderInvoices: (references) => producer.ask('renderInvoice', renderJobs(references)),
      waitingRenderings: async () => (await producer.countWaiting('renderInvoice')) * MOST_INVOICES_IN_A_JOB,
      sendEmails: (references) => producer.ask('sendEmail', references.map(emailJob)),
      sendWebhooks: (references) => producer.ask('sendWebhooks', references.map(webhooksJob)),
    },
    check: () => producer.check(),
    depths: () => producer.depths(),
    close: () => producer.close(),
  };
}

class Producer {
  readonly #options: BullmqJobsOptions;
  readonly #outage: Outage;
  readonly #lookOut: NodeJS.Timeout;
  #opened: Promise<OpenQueues> | null = null;
  #isTrying = false;
  #quietUntil = 0;
  #isClosed = false;

  constructor(options: BullmqJobsOptions) {
    this.#options = options;
    this.#outage = new Outage(options.log, 'producer');
    // A server that began to evict is in the log also where nobody asks for readiness.
    this.#lookOut = setInterval(() => void this.check().catch(() => {}), LOOK_OUT_EVERY_MS).unref();
  }

  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      if (error instanceof UnsuitableQueueServer) throw error;
      this.#outage.begin(error);
    }
  }

  async ask(kind: JobKind, jobs: readonly QueuedJob[]): Promise<void> {
    if (jobs.length === 0 || this.#isClosed) return;
    // During an outage one call at a time tries, so that requests do not all wait for a server that does not answer.
    if (this.#outage.isOn && (this.#isTrying || Date.now() < this.#quietUntil)) return;
    this.#isTrying = true;
    try {
      await within(ASK_TIMEOUT_MS, this.#add(kind, jobs));
      this.#outage.end();
    } catch (error) {
      this.#quietUntil = Date.now() + PRODUCER_RETRY_MS;
      this.#outage.begin(error);
    } finally {
      this.#isTrying = false;
    }
  }

  async countWaiting(kind: JobKind): Promise<number> {
    if (this.#outage.isOn || this.#isClosed) return 0;
    const count = async () => (await this.#open()).queues[kind].getWaitingCount();
    return within(ASK_TIMEOUT_MS, count()).catch(() => 0);
  }

  async check(): Promise<QueueState> {
    const { queues, connection } = await this.#open();
    await within(ASK_TIMEOUT_MS, queues.renderInvoice.getWaitingCount());
    return within(ASK_TIMEOUT_MS, connection.probe());
  }

  async depths(): Promise<readonly QueueDepth[]> {
    const { queues } = await this.#open();
    const depthOf = async (kind: JobKind): Promise<QueueDepth> => {
      const [counts, [oldest]] = await Promise.all([
        queues[kind].getJobCounts('waiting', 'active'),
        queues[kind].getJobs(['waiting'], 0, 0, true),
      ]);
      const oldestSeconds = oldest ? Math.max(0, Date.now() - oldest.timestamp) / 1_000 : 0;
      return { kind, waiting: counts['waiting'] ?? 0, active: counts['active'] ?? 0, oldestSeconds };
    };
    return Promise.all(JOB_KINDS.map(depthOf));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#lookOut);
    const opened = await this.#opened?.catch(() => null);
    if (opened) await within(CLOSE_PATIENCE_MS, closeQueues(opened)).catch(() => {});
  }

  async #add(kind: JobKind, asked: readonly QueuedJob[]): Promise<void> {
    const { queues, connection } = await this.#open();
    const queue = queues[kind];
    const traceparent = this.#options.tracing?.traceparent() ?? null;
    // Workers of the previous version take a job with more in it than they know.
    const jobs = traceparent === null ? asked : asked.map((job) => ({ ...job, data: { ...job.data, traceparent } }));
    try {
      const [only] = jobs;
      // Several at once go through temporary tables in PostgreSQL, which costs more than it saves for one.
      if (jobs.length === 1 && only) await queue.add(only.name, only.data, only.opts);
      else await queue.addBulk([...jobs]);
    } catch (error) {
      // Only a repair that succeeds changes anything, so its own failure tells nothing new.
      await connection.repair().catch(() => {});
      throw error;
    }
  }

  #open(): Promise<OpenQueues> {
    this.#opened ??= openQueues(this.#options, (error) => this.#outage.begin(error)).catch((error: unknown) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }
}

type OpenQueue = ReturnType<typeof createQueue>;
interface OpenQueues {
  readonly queues: Readonly<Record<JobKind, OpenQueue>>;
  readonly connection: QueueConnection;
}

async function openQueues(options: QueueServerOptions, onError: (error: unknown) => void): Promise<OpenQueues> {
  const connection = await connectToQueueServer({ ...options, purpose: 'ask', onError });
  const create = (kind: JobKind) => createQueue(queueOf(kind), connection.createBackend).on('error', onError);
  const queues = {
    renderInvoice: create('renderInvoice'),
    sendEmail: create('sendEmail'),
    sendWebhooks: create('sendWebhooks'),
  };
  const opened = { queues, connection };
  try {
    // A queue that once failed to get ready never does: it is thrown away, and the next call opens another.
    for (const kind of JOB_KINDS) await opened.queues[kind].waitUntilReady();
  } catch (error) {
    await closeQueues(opened);
    throw error;
  }
  return opened;
}

function createQueue(name: string, createBackend: BackendFactory<IQueueBackend>) {
  return new Queue(name, { connection: {}, streams: { events: { maxLen: KEPT_EVENTS } } }, createBackend);
}

async function closeQueues({ queues, connection }: OpenQueues): Promise<void> {
  for (const kind of JOB_KINDS) await queues[kind].close().catch(() => {});
  await connection.close();
}
