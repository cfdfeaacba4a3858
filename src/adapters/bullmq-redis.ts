// The queue's connection to Redis. Keys begin with the name of the database that the jobs belong to, so that several
// databases can share one Redis.

import { createRedisBackend, type RedisQueueBackend } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import {
  ASK_TIMEOUT_MS,
  describe,
  type QueueConnection,
  type QueueConnectionOptions,
  type QueueState,
  UnsuitableQueueServer,
  within,
} from './bullmq-connection.ts';
import type { Log } from '../ports.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const LONGEST_RECONNECT_MS = 1_000;
const PROBE_LIVES_S = 60;

export async function connectToRedis(redisUrl: string, options: QueueConnectionOptions): Promise<QueueConnection> {
  const redis = new Redis(redisUrl, redisOptions(options.purpose));
  redis.on('error', options.onError);
  try {
    // Rejects at the first failed attempt, unlike a command, which would wait for as long as it takes.
    await within(CONNECT_TIMEOUT_MS, redis.connect());
    await within(CONNECT_TIMEOUT_MS, refuseEviction(redis, options.log));
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const watch = new EvictionWatch(redis, options.log);
  const backends: RedisQueueBackend[] = [];
  const prefix = `billhead-${databaseName(options.databaseUrl)}`;
  return {
    createBackend(name, queueOptions, extra) {
      const redisOnly = { prefix, connection: redis };
      const backend = createRedisBackend(name, { ...queueOptions, ...redisOnly }, extra);
      backends.push(backend);
      return backend;
    },
    repair: () => Promise.resolve(),
    probe: async () => {
      // A Redis that is full, or a replica, answers what reads and refuses what writes.
      await redis.set(`${prefix}:probe`, Date.now(), 'EX', PROBE_LIVES_S);
      return watch.look();
    },
    async close() {
      redis.disconnect();
      // Already closed by its worker, unless that worker had to be given up.
      for (const backend of backends)
        void backend.blockingClient?.then(
          (client) => client.disconnect(),
          () => {},
        );
    },
  };
}

function redisOptions(purpose: 'ask' | 'work'): RedisOptions {
  const common: RedisOptions = {
    lazyConnect: true,
    connectTimeout: purpose === 'ask' ? ASK_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_RECONNECT_MS),
  };
  if (purpose === 'work') return { ...common, maxRetriesPerRequest: null };
  return { ...common, enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: ASK_TIMEOUT_MS };
}

/** A Redis that evicts loses jobs without a word, and locks, so that a job runs twice. */
async function refuseEviction(redis: Redis, log: Log): Promise<void> {
  const policy = await evictionPolicy(redis);
  if (policy === null) {
    log.warn('redis.eviction_policy_unknown', { wanted: 'noeviction' });
  } else if (policy !== 'noeviction') {
    throw new UnsuitableQueueServer(
      `Redis evicts keys (maxmemory-policy ${policy}) and would lose jobs: set maxmemory-policy to noeviction`,
    );
  }
}

/** Somebody can change the policy while we run: then the log says so, once, and once more when it was put right. */
class EvictionWatch {
  readonly #redis: Redis;
  readonly #log: Log;
  #evicts = false;

  constructor(redis: Redis, log: Log) {
    this.#redis = redis;
    this.#log = log;
  }

  async look(): Promise<QueueState> {
    const policy = await evictionPolicy(this.#redis);
    const evicts = policy !== null && policy !== 'noeviction';
    if (evicts && !this.#evicts) {
      this.#log.error('redis.evicts', { policy, wanted: 'noeviction', meaning: 'jobs can be lost; sweeps ask again' });
    }
    if (!evicts && this.#evicts) this.#log.info('redis.evicts_no_more', { policy });
    this.#evicts = evicts;
    return evicts ? 'evicting' : 'ok';
  }
}

/** null when the server tells it by neither command; hosted ones often forbid CONFIG. */
async function evictionPolicy(redis: Redis): Promise<string | null> {
  const told = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory').catch(ignoreRefusal));
  if (told?.[1] !== undefined) return told[1];
  const answer = await redis.config('GET', 'maxmemory-policy').catch(ignoreRefusal);
  return Array.isArray(answer) && typeof answer[1] === 'string' ? answer[1] : null;
}

function ignoreRefusal(error: unknown): string {
  if (error instanceof Error && error.name === 'ReplyError') return '';
  throw new Error(`Redis did not tell its eviction policy: ${describe(error)}`, { cause: error });
}

function databaseName(databaseUrl: string): string {
  const name = decodeURIComponent(new URL(databaseUrl).pathname.slice(1));
  return name === '' ? 'default' : name;
}
