// Measures for Prometheus, through prom-client: what happens is counted as it happens, what is there is read when asked for.
//
// 1. Labels are closed sets (ports.ts), so the number of series is bounded whatever callers do.
// 2. What is read from database and queue is read at most once in a few seconds and never waited for long. What could not
//    be read is left out, and billhead_scrape_source_up says so: an old value would look like the truth.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CountedEvents, Log, Measures, TimedSteps } from '../ports.ts';
import { describe, within } from './bullmq-connection.ts';
import type { BullmqJobs } from './bullmq-jobs.ts';
import type { PrismaDatabase } from './prisma-database.ts';

const READ_LASTS_MS = 3_000;
const READ_PATIENCE_MS = 4_000;

const FAST_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const WAIT_S = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800];

const TIMED: { readonly [Step in keyof TimedSteps]: TimedMetric<keyof TimedSteps[Step] & string> } = {
  httpRequest: {
    name: 'billhead_http_request_duration_seconds',
    help: 'HTTP requests, from their head to the end of the answer.',
    labels: ['method', 'route', 'status'],
  },
  operation: {
    name: 'billhead_graphql_operation_duration_seconds',
    help: 'GraphQL operations that were let in, by the field at their root.',
    labels: ['type', 'field'],
  },
  transaction: {
    name: 'billhead_transaction_duration_seconds',
    help: 'Transactions, with waiting for a connection and being run again.',
    labels: ['outcome'],
  },
  rendering: { name: 'billhead_render_duration_seconds', help: 'PDFs drawn.', labels: ['outcome'] },
  mail: { name: 'billhead_mail_duration_seconds', help: 'Mails handed to the mail server.', labels: ['outcome'] },
  gatewayCall: {
    name: 'billhead_gateway_call_duration_seconds',
    help: 'Calls of the payment gateway, by what was asked and what it said.',
    labels: ['call', 'outcome'],
  },
  jobWait: {
    name: 'billhead_job_wait_seconds',
    help: 'From asking for a job to a worker taking it up.',
    labels: ['kind'],
    buckets: WAIT_S,
  },
  job: { name: 'billhead_job_duration_seconds', help: 'Jobs that a worker ended.', labels: ['kind', 'outcome'] },
};

const COUNTED: { readonly [Event in keyof CountedEvents]: Metric<keyof CountedEvents[Event] & string> } = {
  operation: {
    name: 'billhead_graphql_operations_total',
    help: 'GraphQL operations that were let in, by the code of their first error.',
    labels: ['type', 'field', 'outcome'],
  },
  askedAgain: {
    name: 'billhead_sweep_asked_again_total',
    help: 'Owed work that a sweep found and asked for, because its job was lost or its retry was due.',
    labels: ['kind'],
  },
};

interface Metric<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Label[];
}

interface TimedMetric<Label extends string> extends Metric<Label> {
  readonly buckets?: number[];
}

/** Where what is there now is read from. */
export interface MeasuredSources {
  readonly database: Pick<PrismaDatabase, 'backlog' | 'use'>;
  readonly queue: Pick<BullmqJobs, 'depths'>;
}

export interface PromMeasures {
  readonly measures: Measures;
  /** From now on these are read, too. */
  read(sources: MeasuredSources): void;
  /** Everything in the text format of Prometheus. */
  scrape(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createPromMeasures(version: string, log: Log): PromMeasures {
  const registry = new Registry();
  const timed = eachOf(TIMED, ({ name, help, labels, buckets = FAST_S }) => {
    return new Histogram({ name, help, labelNames: labels, buckets, registers: [registry] });
  });
  const counted = eachOf(COUNTED, ({ name, help, labels }) => {
    return new Counter({ name, help, labelNames: labels, registers: [registry] });
  });
  const build = new Gauge({
    name: 'billhead_build_info',
    help: 'Which version runs.',
    labelNames: ['version', 'node'],
    registers: [registry],
  });
  build.set({ version, node: process.version }, 1);
  let gauges: Readings | null = null;
  return {
    measures: {
      took: (step, seconds, labels) => timed[step].observe(labels, seconds),
      happened: (event, times, labels) => counted[event].inc(labels, times),
    },
    read: (sources) => {
      gauges = new Readings(registry, sources, log);
    },
    scrape: async () => {
      await gauges?.refresh();
      const all = Registry.merge([registry, ofProcess()]);
      return { contentType: all.contentType, text: await all.metrics() };
    },
  };
}

// Typed for whoever calls by the tables above; inside, every metric takes any labels.
function eachOf<Name extends string, Definition, Made>(
  definitions: Readonly<Record<Name, Definition>>,
  make: (definition: Definition) => Made,
): Readonly<Record<Name, Made>> {
  const made = Object.entries<Definition>(definitions).map(([name, definition]) => [name, make(definition)]);
  return Object.fromEntries(made) as Record<Name, Made>;
}

let processRegistry: Registry | null = null;

/** Memory, processor, event loop. Once a process, and only where somebody asks: watching them costs a little. */
function ofProcess(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

class Readings {
  readonly #sources: MeasuredSources;
  readonly #log: Log;
  readonly #owed: Gauge<'kind'>;
  readonly #owedOldest: Gauge<'kind'>;
  readonly #jobs: Gauge<'kind' | 'state'>;
  readonly #jobsOldest: Gauge<'kind'>;
  readonly #connections: Gauge<'pool' | 'state'>;
  readonly #retried: Counter;
  readonly #up: Gauge<'source'>;
  #readAt = -Infinity;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(registry: Registry, sources: MeasuredSources, log: Log) {
    this.#sources = sources;
    this.#log = log;
    const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
      new Gauge({ name, help, labelNames, registers: [registry] });
    this.#owed = gauge('billhead_owed', 'What the database owes, of all merchants.', 'kind');
    this.#owedOldest = gauge('billhead_owed_oldest_seconds', 'Since the oldest of them was asked for.', 'kind');
    this.#jobs = gauge('billhead_queue_jobs', 'Jobs in the queue.', 'kind', 'state');
    this.#jobsOldest = gauge(
      'billhead_queue_oldest_seconds',
      'Since the job that waits longest was asked for.',
      'kind',
    );
    this.#connections = gauge('billhead_database_connections', 'Connections of this process.', 'pool', 'state');
    this.#retried = new Counter({
      name: 'billhead_transactions_retried_total',
      help: 'Transactions that were run again after a deadlock or a lost race.',
      registers: [registry],
    });
    this.#up = gauge('billhead_scrape_source_up', '1 when what is read from it is true now.', 'source');
  }

  async refresh(): Promise<void> {
    const { pools, retriedTransactions } = this.#sources.database.use();
    for (const { pool, open, idle, waiting } of pools) {
      this.#connections.set({ pool, state: 'in_use' }, open - idle);
      this.#connections.set({ pool, state: 'idle' }, idle);
      this.#connections.set({ pool, state: 'waited_for' }, waiting);
    }
    this.#retried.reset();
    this.#retried.inc(retriedTransactions);
    const now = performance.now();
    if (now - this.#readAt >= READ_LASTS_MS) {
      this.#readAt = now;
      this.#reading = Promise.all([this.#readBacklog(), this.#readQueue()]);
    }
    await this.#reading;
  }

  async #readBacklog(): Promise<void> {
    const owed = await this.#ask('database', () => this.#sources.database.backlog.read());
    this.#owed.reset();
    this.#owedOldest.reset();
    for (const { kind, count, oldestSeconds } of owed) {
      this.#owed.set({ kind }, count);
      this.#owedOldest.set({ kind }, oldestSeconds);
    }
  }

  async #readQueue(): Promise<void> {
    const depths = await this.#ask('queue', () => this.#sources.queue.depths());
    this.#jobs.reset();
    this.#jobsOldest.reset();
    for (const { kind, waiting, active, oldestSeconds } of depths) {
      this.#jobs.set({ kind, state: 'waiting' }, waiting);
      this.#jobs.set({ kind, state: 'active' }, active);
      this.#jobsOldest.set({ kind }, oldestSeconds);
    }
  }

  async #ask<T>(source: string, read: () => Promise<readonly T[]>): Promise<readonly T[]> {
    try {
      const found = await within(READ_PATIENCE_MS, read());
      this.#up.set({ source }, 1);
      return found;
    } catch (error) {
      this.#log.warn('metrics.not_read', { source, error: describe(error) });
      this.#up.set({ source }, 0);
      return [];
    }
  }
}
