// What a queue connection offers to the producer and the worker, whichever server stands behind it.

import type { BackendFactory, IQueueBackend } from 'bullmq';
import type { Log } from '../ports.ts';

/** One open connection to the server that keeps the queue. Its owner closes it after the queue or worker on it. */
export interface QueueConnection {
  readonly createBackend: BackendFactory<IQueueBackend>;
  /** Brings back what the queue needs on the server (its tables), when that was removed while running. */
  repair(): Promise<void>;
  /** Resolves when the server takes what is written; 'evicting' when it does, but may forget it. */
  probe(): Promise<QueueState>;
  close(): Promise<void>;
}

export type QueueState = 'ok' | 'evicting';

export interface QueueConnectionOptions {
  readonly databaseUrl: string;
  /**
   * 'ask' answers or fails within about a second, so that a request never hangs on the queue;
   * 'work' waits for the server to come back.
   */
  readonly purpose: 'ask' | 'work';
  readonly log: Log;
  /** Called with every error of the connection, between calls as well. */
  readonly onError: (error: unknown) => void;
}

/** How long a producer's call to the server may take. */
export const ASK_TIMEOUT_MS = 1_000;

/** The server can be reached but must not be used; trying again does not help until somebody changes it. */
export class UnsuitableQueueServer extends Error {
  override readonly name = 'UnsuitableQueueServer';
}

/** Says once that the queue went away and once that it is back, however many calls fail in between. */
export class Outage {
  #since: number | null = null;
  readonly #log: Log;
  readonly #side: string;

  /** `side`: who lost the queue. */
  constructor(log: Log, side: string) {
    this.#log = log;
    this.#side = side;
  }

  get isOn(): boolean {
    return this.#since !== null;
  }

  begin(error: unknown): void {
    if (this.#since !== null) return;
    this.#since = Date.now();
    this.#log.warn('queue.unavailable', { side: this.#side, error: describe(error) });
  }

  end(): void {
    if (this.#since === null) return;
    this.#log.info('queue.available_again', { side: this.#side, outageMs: Date.now() - this.#since });
    this.#since = null;
  }
}

/** Rejects when the promise takes longer; the work itself goes on unwatched. */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Connection errors of Node are often an AggregateError with an empty message. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describe).join('; ');
  return error.message === '' ? error.name : error.message;
}
