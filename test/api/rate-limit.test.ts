// No key takes what the others need: each has so many records a minute, counted for all servers together.

import { afterAll, describe, expect, test } from 'vitest';
import { createRateLimits } from '../../src/adapters/rate-limits.ts';
import { startRedis } from '../setup/redis.ts';
import { startTestProduct } from '../setup/product.ts';

const redis = await startRedis();
afterAll(() => redis?.stop());

const PAGE = '{ orders(first: 50) { nodes { id items { id } } } }';

describe.each(redis === null ? ['memory'] : ['memory', 'Redis'])('counted in %s', (where) => {
  test('a key that used up its minute is told when to come back; other keys are not kept waiting', async () => {
    const redisUrl = where === 'Redis' ? redis?.url : undefined;
    const billhead = await startTestProduct({ redisUrl, env: { RATE_LIMIT: '1000' } });
    try {
      const greedy = await billhead.addMerchant('greedy');
      const ask = (query: string, key: string) =>
        fetch(`${billhead.address}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: JSON.stringify({ query }),
        });
      const statuses: number[] = [];
      let last: Response;
      do {
        last = await ask(PAGE, greedy);
        statuses.push(last.status);
      } while (last.status === 200 && statuses.length < 20);
      // A page of 50 orders with their items is about 300 records.
      expect(statuses.slice(0, -1)).toEqual([200, 200, 200]);
      expect(last.status).toBe(429);
      const retryAfter = Number(last.headers.get('retry-after'));
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(60);
      const { errors } = (await last.json()) as { errors: { extensions: object }[] };
      expect(errors[0]?.extensions).toEqual({ code: 'RATE_LIMITED', retry_after_seconds: retryAfter });
      expect((await ask(PAGE, billhead.apiKey)).status).toBe(200);
      const second = await billhead.addServer();
      const elsewhere = await billhead.graphql(PAGE, {}, greedy, second.address);
      expect(elsewhere.errors?.[0]?.extensions.code).toBe(where === 'Redis' ? 'RATE_LIMITED' : undefined);
      await second.close();
    } finally {
      await billhead.close();
    }
  });
});

test('while Redis is away every server counts by itself', async () => {
  const limits = createRateLimits({ redisUrl: 'redis://127.0.0.1:1', perMinute: 10 });
  try {
    expect(await limits.take('key', 10)).toBeNull();
    expect(await limits.take('key', 1)).toBeGreaterThan(0);
    expect(await limits.take('another', 10)).toBeNull();
  } finally {
    limits.close();
  }
});
