// How much each key may ask for a minute: counted in Redis for all servers together, or in this process where there is none.

import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { RateLimits } from '../ports.ts';

const WINDOW_S = 60;
const ANSWER_WITHIN_MS = 500;

export interface RateLimitsOptions {
  readonly redisUrl: string | null;
  /** Records that a key may touch a minute. */
  readonly perMinute: number;
}

export function createRateLimits({ redisUrl, perMinute }: RateLimitsOptions): RateLimits & { close(): void } {
  const common = { points: perMinute, duration: WINDOW_S, keyPrefix: 'billhead-rate' };
  const inMemory = new RateLimiterMemory(common);
  const redis = redisUrl === null ? null : connect(redisUrl);
  // While Redis is away every server counts by itself: nobody is shut out, and nobody is let loose.
  const limiter = redis
    ? new RateLimiterRedis({ ...common, storeClient: redis, rejectIfRedisNotReady: true, insuranceLimiter: inMemory })
    : inMemory;
  return {
    take: async (keyId, cost) => {
      try {
        await limiter.consume(keyId, cost);
        return null;
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return refusal.msBeforeNext;
        throw refusal;
      }
    },
    close: () => redis?.disconnect(),
  };
}

function connect(redisUrl: string): Redis {
  const redis = new Redis(redisUrl, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: ANSWER_WITHIN_MS,
    connectTimeout: ANSWER_WITHIN_MS,
  });
  // The queue beside it tells the log that Redis is away.
  redis.on('error', () => {});
  return redis;
}
