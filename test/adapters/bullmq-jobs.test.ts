// One conformance suite for the queue: what it guarantees holds on PostgreSQL and on Redis alike.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createBullmqJobs } from '../../src/adapters/bullmq-jobs.ts';
import { startBullmqWorker } from '../../src/adapters/bullmq-worker.ts';
import type { EmailReference, InvoiceReference, Jobs, Log } from '../../src/ports.ts';
import { createTestDatabase } from '../setup/database.ts';
import { eventually } from '../setup/eventually.ts';
import { startRedis } from '../setup/redis.ts';
import { createFlakyNetwork, type FlakyNetwork } from './flaky-network.ts';

const redis = await startRedis();
afterAll(() => redis?.stop());

const AWAY = [
  ['refuses connections', 'refuse'],
  ['takes connections without an answer', 'goSilent'],
] as const;
const BROKEN = [
  ['cut all connections', 'cut'],
  ['refused connections for a while', 'refuse'],
] as const;

/** What a test opened, closed in reverse order after it. */
type Opened = (() => Promise<unknown> | undefined)[];

// Both at the same time, because they mostly wait; the tests of one come one after the other.
describe.concurrent.each(['PostgreSQL', 'Redis'] as const)('queue on %s', (server) => {
  describe.skipIf(server === 'Redis' && redis === null)('with a server', { sequential: true }, () => {
    const opened: Opened = [];
    let queue: QueueUnderTest;
    beforeEach(async () => {
      queue = await openQueueUnderTest(server, opened);
    });
    afterEach(async () => {
      while (opened.length > 0) await opened.pop()?.();
    });

    it('hands a job to the handler with its merchant and its invoice', async () => {
      const handled: InvoiceReference[] = [];
      await queue.work(async (reference) => void handled.push(reference));
      await (await queue.jobs()).renderInvoices([invoice('1')]);
      await eventuallyHolds(() => expect(handled).toEqual([invoice('1')]));
    });

    it('starts a job at once when the worker is idle', async () => {
      let startedAt = 0;
      await queue.work(async () => void (startedAt = performance.now()));
      const jobs = await queue.jobs();
      let waitedMs = 0;
      for (const id of ['1', '2', '3', '4', '5']) {
        const askedAt = performance.now();
        await jobs.renderInvoices([invoice(id)]);
        await eventuallyHolds(() => expect(startedAt).toBeGreaterThan(askedAt));
        waitedMs += startedAt - askedAt;
      }
      // A few milliseconds each. A worker that only polls takes five seconds for each that does not come just as it looks.
      expect(waitedMs).toBeLessThan(2_500);
    });

    it('keeps one job of an invoice that is asked for again while it waits, alone or in the same company', async () => {
      const jobs = await queue.jobs();
      await jobs.renderInvoices([invoice('1')]);
      await jobs.renderInvoices([invoice('1'), invoice('1')]);
      await (await queue.jobs()).renderInvoices([invoice('1')]);
      await jobs.renderInvoices(['2', '3', '2'].map(invoice));
      await (await queue.jobs()).renderInvoices(['2', '3'].map(invoice));
      await jobs.renderInvoices([invoice('last')]);
      const handled = await queue.workAndCollect();
      await eventuallyHolds(() => expect(handled).toEqual(['1', '2', '3', 'last']));
    });

    it('handles no more at once than it was told, however many share a job', async () => {
      const gate = createGate();
      let running = 0;
      let most = 0;
      const handled: string[] = [];
      await queue.work(async ({ invoiceId }) => {
        running += 1;
        most = Math.max(most, running);
        await gate.passed;
        running -= 1;
        handled.push(invoiceId);
      }, 3);
      const ids = Array.from({ length: 60 }, (_, index) => String(index));
      await (await queue.jobs()).renderInvoices(ids.map(invoice));
      await eventuallyHolds(() => expect(running).toBe(3));
      gate.open();
      await eventuallyHolds(() => expect(handled.toSorted()).toEqual(ids.toSorted()));
      expect(most).toBe(3);
    });

    it('tells how many wait at most, and none while its server is away', async () => {
      const jobs = await queue.jobs(queue.network);
      expect(await jobs.waitingRenderings()).toBe(0);
      await jobs.renderInvoices(Array.from({ length: 60 }, (_, index) => invoice(String(index))));
      expect(await jobs.waitingRenderings()).toBeGreaterThanOrEqual(60);
      await queue.network.refuse();
      expect(await jobs.waitingRenderings()).toBe(0);
    });

    it('keeps invoices of the same id apart by their merchant', async () => {
      const merchants: string[] = [];
      await queue.work(async ({ merchantId }) => void merchants.push(merchantId));
      const ofTwo = ['merchant-1', 'merchant-2'].map((merchantId) => ({ merchantId, invoiceId: '1' }));
      await (await queue.jobs()).renderInvoices(ofTwo);
      await eventuallyHolds(() => expect(merchants.toSorted()).toEqual(['merchant-1', 'merchant-2']));
    });

    it.each(['completed', 'failed'])('takes an invoice again after its job %s', async (outcome) => {
      let runs = 0;
      await queue.work(async () => {
        runs += 1;
        if (outcome === 'failed') throw new Error('no ink');
      });
      const jobs = await queue.jobs();
      for (const wanted of [1, 2, 3]) {
        await eventuallyHolds(async () => {
          // While the last job is being removed it still stands for the invoice, so it may need to be asked twice.
          if (runs < wanted) await jobs.renderInvoices([invoice('1')]);
          expect(runs).toBeGreaterThanOrEqual(wanted);
        });
      }
    });

    it('runs a failing job once, logs it, and goes on with the others', async () => {
      const runs: string[] = [];
      await queue.work(async ({ invoiceId }) => {
        runs.push(invoiceId);
        if (invoiceId.startsWith('bad')) throw new Error('no ink');
      });
      const ids = ['bad 1', 'good 1', 'bad 2', 'good 2'];
      await (await queue.jobs()).renderInvoices(ids.map(invoice));
      await eventuallyHolds(() => expect(runs.toSorted()).toEqual(ids.toSorted()));
      await eventuallyHolds(() => expect(queue.log.of('job.failed')).toHaveLength(2));
      const { merchantId } = invoice('any');
      expect(queue.log.of('job.failed')).toMatchObject([
        { error: 'no ink', data: { merchantId, invoiceId: 'bad 1' } },
        { error: 'no ink', data: { merchantId, invoiceId: 'bad 2' } },
      ]);
    });

    it('handles all of 200 jobs, asked for together and one by one', async () => {
      const handled = await queue.workAndCollect(8);
      const jobs = await queue.jobs();
      const ids = Array.from({ length: 200 }, (_, index) => String(index));
      await Promise.all([
        jobs.renderInvoices(ids.slice(0, 100).map(invoice)),
        ...ids.slice(100).map((id) => jobs.renderInvoices([invoice(id)])),
      ]);
      await eventuallyHolds(() => expect(new Set(handled)).toEqual(new Set(ids)), { timeoutMs: 15_000 });
    });

    it('keeps the jobs of different databases apart', async () => {
      const other = await openQueueUnderTest(server, opened);
      const [handled, handledByOther] = [await queue.workAndCollect(), await other.workAndCollect()];
      await (await queue.jobs()).renderInvoices([invoice('mine')]);
      await (await other.jobs()).renderInvoices([invoice('theirs')]);
      await eventuallyHolds(() => expect([handled, handledByOther]).toEqual([['mine'], ['theirs']]));
    });

    it('goes on when the queue is emptied while it runs', async () => {
      const handled = await queue.workAndCollect();
      const jobs = await queue.jobs();
      await jobs.renderInvoices([invoice('before')]);
      await eventuallyHolds(() => expect(handled).toEqual(['before']));
      await queue.empty();
      await jobs.renderInvoices([invoice('after')]);
      await eventuallyHolds(() => expect(handled).toEqual(['before', 'after']));
    });

    it('goes on when the queue is emptied while a job runs', async () => {
      const gate = createGate();
      const handled: string[] = [];
      await queue.work(async ({ invoiceId }) => {
        handled.push(invoiceId);
        if (invoiceId === 'slow') await gate.passed;
      }, 1);
      const jobs = await queue.jobs();
      await jobs.renderInvoices([invoice('slow'), invoice('lost')]);
      await eventuallyHolds(() => expect(handled).toEqual(['slow']));
      await queue.empty();
      gate.open();
      await eventuallyHolds(async () => {
        await jobs.renderInvoices([invoice('after')]);
        expect(handled).toContain('after');
      });
    });

    it('starts on a queue that was emptied', async () => {
      await queue.jobs();
      await queue.empty();
      const handled = await queue.workAndCollect();
      await (await queue.jobs()).renderInvoices([invoice('after')]);
      await eventuallyHolds(() => expect(handled).toEqual(['after']));
    });

    it.runIf(server === 'PostgreSQL')('makes its tables again when they are dropped while it runs', async () => {
      const handled = await queue.workAndCollect();
      const jobs = await queue.jobs();
      await queue.query('DROP SCHEMA bullmq CASCADE');
      await eventuallyHolds(async () => {
        await jobs.renderInvoices([invoice('after')]);
        expect(handled).toContain('after');
      });
    });

    it('hands a mail to its own handler, and keeps one job of a mail that is asked for again while it waits', async () => {
      const jobs = await queue.jobs();
      await jobs.sendEmails([email('1')]);
      await jobs.sendEmails([email('1'), email('1'), email('2')]);
      await jobs.sendEmails([email('last')]);
      const mailed: EmailReference[] = [];
      await queue.work(
        async () => {},
        1,
        undefined,
        async (reference) => void mailed.push(reference),
      );
      await eventuallyHolds(() => expect(mailed).toEqual(['1', '2', 'last'].map(email)));
    });

    it('goes on with PDFs while every mail that it may send at once hangs', async () => {
      const gate = createGate();
      const rendered: string[] = [];
      let hanging = 0;
      await queue.work(
        async ({ invoiceId }) => void rendered.push(invoiceId),
        2,
        undefined,
        async () => {
          hanging += 1;
          await gate.passed;
        },
      );
      const jobs = await queue.jobs();
      await jobs.sendEmails(['1', '2', '3', '4'].map(email));
      await eventuallyHolds(() => expect(hanging).toBe(2));
      await jobs.renderInvoices(['1', '2', '3'].map(invoice));
      await eventuallyHolds(() => expect(rendered.toSorted()).toEqual(['1', '2', '3']));
      expect(hanging).toBe(2);
      gate.open();
      await eventuallyHolds(() => expect(hanging).toBe(4));
    });

    it('runs a job again within 20 s after its worker process was killed', { timeout: 60_000 }, async () => {
      const killed = await queue.workInProcess();
      await (await queue.jobs()).renderInvoices([invoice('1')]);
      await killed.said('took up 1');
      const handled = await queue.workAndCollect();
      killed.process.kill('SIGKILL');
      await once(killed.process, 'exit');
      await eventuallyHolds(() => expect(handled).toEqual(['1']), { timeoutMs: 20_000 });
    });

    it('waits for the running job when it closes, and leaves the next one to others', async () => {
      const gate = createGate();
      const events: string[] = [];
      const worker = await queue.work(async ({ invoiceId }) => {
        events.push(`began ${invoiceId}`);
        await gate.passed;
        events.push(`ended ${invoiceId}`);
      }, 1);
      const jobs = await queue.jobs();
      for (const id of ['1', '2']) await jobs.renderInvoices([invoice(id)]);
      await eventuallyHolds(() => expect(events).toEqual(['began 1']));
      const closed = worker.close().then(() => events.push('closed'));
      gate.open();
      await closed;
      expect(events).toEqual(['began 1', 'ended 1', 'closed']);
      const handled = await queue.workAndCollect();
      await eventuallyHolds(() => expect(handled).toEqual(['2']));
    });

    it.each(AWAY)('asks without waiting long or throwing while the server %s', async (_does, fault) => {
      const handled = await queue.workAndCollect();
      const jobs = await queue.jobs(queue.network);
      await queue.network[fault]();
      const durations: number[] = [];
      for (const id of ['1', '2', '3', '4', '5']) durations.push(await duration(jobs, id));
      // A second and what the machine is late by; without a limit of its own a call would wait for ever.
      expect(Math.max(...durations)).toBeLessThan(3_000);
      // Only one call in a while finds out anew that the server is away.
      expect(durations.filter((each) => each >= 1_000).length).toBeLessThan(3);
      expect(queue.log.of('queue.unavailable')).toHaveLength(1);
      await queue.network.recover();
      await eventuallyHolds(
        async () => {
          await jobs.renderInvoices([invoice('after')]);
          expect(handled).toContain('after');
        },
        { timeoutMs: 10_000 },
      );
      await eventuallyHolds(() => expect(queue.log.of('queue.available_again')).toHaveLength(1));
    });

    it.each(AWAY)('starts while the server %s and finds it later', async (_does, fault) => {
      await queue.network[fault]();
      const jobs = await queue.jobs(queue.network);
      const handled = await queue.workAndCollect(1, queue.network);
      expect(await duration(jobs, 'lost')).toBeLessThan(3_000);
      await queue.network.recover();
      await eventuallyHolds(
        async () => {
          await jobs.renderInvoices([invoice('after')]);
          expect(handled).toContain('after');
        },
        { timeoutMs: 15_000 },
      );
    });

    it.each(BROKEN)('works on after the server %s', async (_did, fault) => {
      const handled = await queue.workAndCollect(1, queue.network);
      const jobs = await queue.jobs();
      await jobs.renderInvoices([invoice('before')]);
      await eventuallyHolds(() => expect(handled).toEqual(['before']));
      await queue.network[fault]();
      await jobs.renderInvoices([invoice('after')]);
      await queue.network.recover();
      // At once, mostly; a job that was handed out while the answer got lost runs again as after a crash.
      await eventuallyHolds(() => expect(handled).toContain('after'), { timeoutMs: 20_000 });
    });

    it.runIf(server === 'Redis')('works on with a server that was started anew', async () => {
      const handled = await queue.workAndCollect(1, queue.network);
      const jobs = await queue.jobs(queue.network);
      await jobs.renderInvoices([invoice('before')]);
      await eventuallyHolds(() => expect(handled).toEqual(['before']));
      const restarted = await startRedis();
      opened.push(async () => restarted?.stop());
      queue.network.leadTo(restarted?.url ?? '');
      await eventuallyHolds(
        async () => {
          await jobs.renderInvoices([invoice('one')]);
          await jobs.renderInvoices([invoice('of'), invoice('several')]);
          expect(handled).toEqual(expect.arrayContaining(['one', 'of', 'several']));
        },
        { timeoutMs: 15_000 },
      );
    });

    it('closes while the server is away, after the running job', async () => {
      const gate = createGate();
      let isRunning = false;
      const worker = await queue.work(() => ((isRunning = true), gate.passed), 1, queue.network);
      const producer = await createBullmqJobs(queue.options(queue.network));
      await producer.jobs.renderInvoices([invoice('1')]);
      await eventuallyHolds(() => expect(isRunning).toBe(true));
      await queue.network.refuse();
      let isClosed = false;
      const closed = Promise.all([worker.close(), producer.close()]).then(() => (isClosed = true));
      await eventuallyHolds(() => expect(queue.log.of('queue.unavailable').length).toBeGreaterThan(0));
      expect(isClosed).toBe(false);
      gate.open();
      await eventuallyHolds(() => expect(isClosed).toBe(true), { timeoutMs: 10_000 });
      await closed;
    });
  });
});

describe.skipIf(redis === null)('queue on a Redis that evicts keys', () => {
  it.each(['allkeys-lru', 'volatile-ttl'])('is refused by producer and worker (%s)', async (policy) => {
    const evicting = await startRedis();
    if (evicting === null) throw new Error('redis-server went away');
    onTestFinished(() => evicting.stop());
    const admin = new Redis(evicting.url);
    await admin.config('SET', 'maxmemory-policy', policy);
    await admin.quit();
    const options = { databaseUrl: 'postgres://nobody@127.0.0.1:1/unused', redisUrl: evicting.url, log: recordLog() };
    await expect(createBullmqJobs(options)).rejects.toThrow(/noeviction/);
    const handlers = { renderInvoice: async () => {}, sendEmail: async () => {}, sendWebhooks: async () => {} };
    const concurrency = { renderInvoice: 1, sendEmail: 1, sendWebhooks: 1 };
    await expect(startBullmqWorker({ ...options, concurrency, handlers })).rejects.toThrow(/noeviction/);
  });
});

type Handler = (reference: InvoiceReference) => Promise<void>;
const nothing = async (_: EmailReference) => {};
type QueueUnderTest = Awaited<ReturnType<typeof openQueueUnderTest>>;

/** A queue in a database of its own; with `network` given it is reached through it. */
async function openQueueUnderTest(server: 'PostgreSQL' | 'Redis', opened: Opened) {
  const database = await createTestDatabase();
  opened.push(() => database.drop());
  const redisUrl = server === 'Redis' ? redis?.url : undefined;
  const network = await createFlakyNetwork(redisUrl ?? database.url);
  opened.push(() => network.close());
  const log = recordLog();

  function options(through?: FlakyNetwork) {
    const reach = (url: string) => through?.through(url) ?? url;
    return redisUrl === undefined
      ? { databaseUrl: reach(database.url), log }
      : { databaseUrl: database.url, redisUrl: reach(redisUrl), log };
  }
  async function work(renderInvoice: Handler, atOnce = 4, through?: FlakyNetwork, sendEmail = nothing) {
    const concurrency = { renderInvoice: atOnce, sendEmail: atOnce, sendWebhooks: atOnce };
    const worker = await startBullmqWorker({
      ...options(through),
      concurrency,
      handlers: { renderInvoice, sendEmail, sendWebhooks: async () => {} },
    });
    opened.push(() => worker.close());
    return worker;
  }
  async function query(sql: string): Promise<void> {
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query(sql);
    await client.end();
  }
  return {
    network,
    log,
    options,
    work,
    query,
    /** Works with a handler that notes the invoices, in the order of their jobs. */
    async workAndCollect(concurrency = 1, through?: FlakyNetwork): Promise<string[]> {
      const handled: string[] = [];
      await work(async ({ invoiceId }) => void handled.push(invoiceId), concurrency, through);
      return handled;
    },
    /** With `through`, as the product asks; without, there is a server, and it gets the time that it needs. */
    async jobs(through?: FlakyNetwork): Promise<Jobs> {
      const ownLog = recordLog();
      const producer = await createBullmqJobs(through ? options(through) : { ...options(), log: ownLog });
      opened.push(() => producer.close());
      return through ? producer.jobs : askedAgainWhenSlow(producer.jobs, ownLog);
    },
    workInProcess: () => spawnWorker(opened, database.url, redisUrl),
    async empty(): Promise<void> {
      if (redisUrl === undefined) return query(TRUNCATE_ALL);
      const admin = new Redis(redisUrl);
      await admin.flushall();
      await admin.quit();
    },
  };
}

const TRUNCATE_ALL = `DO $$ BEGIN EXECUTE (
  SELECT 'TRUNCATE ' || string_agg(format('%I.%I', schemaname, tablename), ', ') || ' RESTART IDENTITY CASCADE'
  FROM pg_tables WHERE schemaname = 'bullmq'
); END $$`;

async function spawnWorker(opened: Opened, databaseUrl: string, redisUrl: string | undefined) {
  const script = fileURLToPath(new URL('./bullmq-worker-process.ts', import.meta.url));
  const urls = redisUrl === undefined ? [databaseUrl] : [databaseUrl, redisUrl];
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...urls], { stdio: ['ignore', 'pipe', 'inherit'] });
  opened.push(async () => void child.kill('SIGKILL'));
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  return {
    process: child,
    said: (line: string) => eventuallyHolds(() => expect(lines).toContain(line), { timeoutMs: 15_000 }),
  };
}

function invoice(invoiceId: string): InvoiceReference {
  return { merchantId: 'merchant', invoiceId };
}

function email(emailId: string): EmailReference {
  return { merchantId: 'merchant', emailId };
}

/**
 * Asking takes a second at most: what a slow machine does not take in that time is given up, as the port allows and the log
 * says, and is asked for again by the sweep; here at once. What was not given up must not be lost.
 */
function askedAgainWhenSlow(jobs: Jobs, log: RecordedLog): Jobs {
  const wasTooSlow = () => {
    const outages = log.of('queue.unavailable') as { readonly error: string }[];
    const isOn = outages.length > log.of('queue.available_again').length;
    return isOn && /no answer within|time(?:d )?out/i.test(outages.at(-1)?.error ?? '');
  };
  async function untilTaken(ask: () => Promise<void>): Promise<void> {
    await eventually(() => ask().then(() => !wasTooSlow()), { timeoutMs: 20_000 });
  }
  return {
    renderInvoices: (references) => untilTaken(() => jobs.renderInvoices(references)),
    sendEmails: (references) => untilTaken(() => jobs.sendEmails(references)),
    sendWebhooks: (references) => untilTaken(() => jobs.sendWebhooks(references)),
    waitingRenderings: () => jobs.waitingRenderings(),
  };
}

/** Waits until the expectations do not throw any more. */
async function eventuallyHolds(expectations: () => unknown, options?: { readonly timeoutMs: number }): Promise<void> {
  await eventually(async () => {
    await expectations();
    return true;
  }, options);
}

/** Holds handlers until it is opened. */
function createGate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

async function duration(jobs: Jobs, invoiceId: string): Promise<number> {
  const askedAt = performance.now();
  await jobs.renderInvoices([invoice(invoiceId)]);
  return performance.now() - askedAt;
}

interface RecordedLog extends Log {
  /** The details of all events of one name. */
  of(event: string): unknown[];
}

function recordLog(): RecordedLog {
  const events: { event: string; details: unknown }[] = [];
  const record = (event: string, details?: unknown) => void events.push({ event, details });
  const of = (wanted: string) => events.filter(({ event }) => event === wanted).map(({ details }) => details);
  return { info: record, warn: record, error: record, of };
}
