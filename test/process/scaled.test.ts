// Two servers and two workers side by side, on one database and one queue: once each, whoever does it, and whoever stops.

import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningProcess } from '../setup/child-process.ts';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';
import { startRedis } from '../setup/redis.ts';

const ORDERS = 40;
const DRAIN_SECONDS = 3;
const DEADLINE_MS = 25_000;

const redis = await startRedis();
afterAll(() => redis?.stop());

describe(`2 servers and 2 workers, the queue on ${redis === null ? 'PostgreSQL' : 'Redis'}`, () => {
  let billhead: TestProduct;
  let database: pg.Client;
  const servers: RunningProcess[] = [];
  const workers: RunningProcess[] = [];

  beforeAll(async () => {
    billhead = await startTestProduct({ redisUrl: redis?.url });
    database = new pg.Client({ connectionString: billhead.databaseUrl });
    await database.connect();
    const env = {
      DATABASE_URL: billhead.databaseUrl,
      DATA_DIR: billhead.dataDir,
      REDIS_URL: redis?.url,
      PORT: '0',
      WORKER_PORT: '0',
      METRICS_TOKEN: 'metrics-token-0123456789',
      DRAIN_SECONDS: String(DRAIN_SECONDS),
    };
    // One after the other: each has a minute, also on a busy machine.
    for (const [entry, started, into] of [
      ['server.ts', 'server.listening', servers],
      ['worker.ts', 'worker.started', workers],
    ] as const) {
      for (let count = 0; count < 2; count += 1) {
        const running = startProcess(entry, env);
        into.push(running);
        await running.waitFor(started);
      }
    }
    for (let index = 0; index < ORDERS; index += 1) {
      const items = [item({ id: `o${index}-1` }), item({ id: `o${index}-2` })];
      await billhead.ask(PLACE_ORDER, { input: order(`o${index}`, { items }) });
    }
  }, 240_000);
  afterAll(async () => {
    for (const { child } of [...servers, ...workers]) child.kill('SIGKILL');
    await database?.end();
    await billhead?.close();
  });

  const addressOf = (running: RunningProcess | undefined) =>
    /"address":"(http:[^"]+)"/.exec(running?.output() ?? '')?.[1] ?? '';

  test('a worker tells that it lives, that it is ready, and what it did', async () => {
    const address = addressOf(workers[0]);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    const ready = await fetch(`${address}/readyz`);
    expect(await ready.json()).toEqual({ status: 'ok', database: 'ok', migrations: 'ok', queue: 'ok' });
    expect((await fetch(`${address}/metrics`)).status).toBe(401);
    const authorization = 'Bearer metrics-token-0123456789';
    expect(await (await fetch(`${address}/metrics`, { headers: { authorization } })).text()).toContain(
      'billhead_owed{',
    );
    expect((await fetch(`${address}/graphql`)).status).toBe(404);
  });

  test('every invoice is issued once and rendered, and a server and a worker that stop meanwhile cut nothing off', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const answers = new Map<string, Answer>();
    const moved = new Set<string>();
    let answered = 0;
    const [leaving, staying] = servers.map(addressOf);
    const issue = async (id: string): Promise<void> => {
      // As a load balancer does: whoever says that it is stopping gets no more requests.
      const to = moved.has('left') ? staying : leaving;
      const answer = await post(agent, `${to}/graphql`, billhead.apiKey, {
        query: INVOICE_ITEMS,
        variables: { input: { items: [id], invoice_id: `i-${id}` } },
      });
      if (answer.isLast && to === leaving) moved.add('left');
      answers.set(id, answer);
      answered += 1;
    };
    const ids = Array.from({ length: ORDERS }, (_, index) => [`o${index}-1`, `o${index}-2`]).flat();
    const lanes = Array.from({ length: 8 }, (_, lane) => ids.filter((__, index) => index % 8 === lane));
    const load = Promise.all(
      lanes.map(async (lane) => {
        for (const id of lane) await issue(id);
      }),
    );
    await eventually(() => answered >= 16, { timeoutMs: 60_000 });
    const begun = performance.now();
    const ends = Promise.all([servers[0]?.end('SIGTERM'), workers[0]?.end('SIGTERM')]);
    await load;
    expect(await ends).toEqual([0, 0]);
    expect(performance.now() - begun).toBeLessThan(DEADLINE_MS);
    agent.destroy();

    // None was cut off, and each answer is one of success.
    expect([...answers.values()].filter(({ fault }) => fault !== null)).toEqual([]);
    expect(answers.size).toBe(ids.length);
    expect(moved.has('left')).toBe(true);
    const { rows } = await database.query<{ id: string; number: string }>(
      'SELECT id, number FROM invoices ORDER BY sequence',
    );
    expect(rows.map(({ id }) => id).toSorted()).toEqual(ids.map((id) => `i-${id}`).toSorted());
    expect(rows.map(({ number }) => Number(number.slice(-6)))).toEqual(ids.map((_, index) => index + 1));
    const [stopped] = workers;
    expect(stopped?.output()).not.toMatch(/"level":"error"|stop_timed_out|requests_cut_off/);

    // The other worker does what is left, and takes up nothing that the first one had begun.
    await eventually(
      async () => {
        const { rows: owed } = await database.query(`SELECT 1 FROM invoices WHERE pdf_status <> 'READY'`);
        return owed.length === 0;
      },
      { timeoutMs: 60_000 },
    );
    expect(workers[1]?.output()).not.toContain('job.taken_up_again');
    const { rows: files } = await database.query<{ sha: string }>('SELECT pdf_sha256 AS sha FROM invoices');
    for (const { sha } of files) {
      expect(existsSync(path.join(billhead.dataDir, 'pdf', sha.slice(0, 2), `${sha}.pdf`))).toBe(true);
    }
  }, 180_000);
});

interface Answer {
  /** What went wrong, of the connection or in the answer; null for a success. */
  readonly fault: string | null;
  /** The server said that it takes no more on this connection. */
  readonly isLast: boolean;
}

function post(agent: Agent, url: string, apiKey: string, body: unknown): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', (error) => resolve({ fault: String(error), isLast: false }));
      response.on('end', () => {
        const isRight = response.statusCode === 200 && text.includes('"invoice":{') && !text.includes('"errors"');
        resolve({ fault: isRight ? null : text, isLast: response.headers.connection === 'close' });
      });
    });
    sent.on('error', (error) => resolve({ fault: String(error), isLast: false }));
    sent.end(JSON.stringify(body));
  });
}
