// The queue: asks for jobs, on BullMQ with PostgreSQL or Redis behind it. bullmq-worker.ts works them off.
//
// 1. The queue only makes work quick. What is owed stands on the rows of invoices, mails and deliveries, and the sweep asks
//    again for what the queue lost, so asking never throws and nothing here retries a job.
// 2. A job may run twice, and the queue never says that one has run: handlers look at the row first.
// 3. An invoice, a mail, or an endpoint, waits in its queue once at most, however often it is asked for.

import { type BackendFactory, type IQueueBackend, Queue } from 'bullmq';
import { ASK_TIMEOUT_MS, Outage, type QueueConnection, UnsuitableQueueServer, within } from './bullmq-connection.ts';
import { emailJob, JOB_KINDS, type JobKind, queueOf, renderJob, webhooksJob } from './bullmq-kinds.ts';
import { connectToQueueServer, type QueueServerOptions } from './bullmq-server.ts';
import type { Jobs } from '../ports.ts';

/** How soon a call tries again when the server is away. */
const PRODUCER_RETRY_MS = 250;
/** How long closing waits for the server. */
const CLOSE_PATIENCE_MS = 3_000;
/** Nobody reads BullMQ's event stream: keep it short. */
const KEPT_EVENTS = 100;

export interface BullmqJobs {
  readonly jobs: Jobs;
  /** Resolves when the queue's server answers. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Resolves also when the server is away, and finds it when it comes back. Rejects when it must not be used. */
export async function createBullmqJobs(options: QueueServerOptions): Promise<BullmqJobs> {
  const producer = new Producer(options);
  await producer.start();
  return {
    jobs: {
      renderInvoices: (references) => producer.ask('renderInvoice', references.map(renderJob)),
      sendEmails: (references) => producer.ask('sendEmail', references.map(emailJob)),
      sendWebhooks: (references) => producer.ask('sendWebhooks', references.map(webhooksJob)),
    },
    check: () => producer.check(),
    close: () => producer.close(),
  };
}

type QueuedJob = ReturnType<typeof renderJob>;

class Producer {
  readonly #options: QueueServerOptions;
  readonly #outage: Outage;
  #opened: Promise<OpenQueues> | null = null;
  #isTrying = false;
  #quietUntil = 0;
  #isClosed = false;

  constructor(options: QueueServerOptions) {
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

  async check(): Promise<void> {
    const { queues } = await this.#open();
    await queues.renderInvoice.getWaitingCount();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opened?.catch(() => null);
    if (opened) await within(CLOSE_PATIENCE_MS, closeQueues(opened)).catch(() => {});
  }

  async #add(kind: JobKind, jobs: readonly QueuedJob[]): Promise<void> {
    const { queues, connection } = await this.#open();
    const queue = queues[kind];
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
