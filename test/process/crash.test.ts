// A worker that dies and a queue that forgets: every PDF that was promised is there, whole, within seconds.

import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { getDocumentProxy } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startRedis } from '../setup/redis.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startProcess } from '../setup/product-process.ts';

const INVOICES = 30;
const WITHIN_MS = 20_000;

const redis = await startRedis();
afterAll(() => redis?.stop());

const QUEUES = redis === null ? (['PostgreSQL'] as const) : (['PostgreSQL', 'Redis'] as const);

describe.each(QUEUES)('the worker is killed in the middle of rendering, and the queue on %s is emptied', (queue) => {
  const redisUrl = queue === 'Redis' ? redis?.url : undefined;
  let billhead: TestProduct;
  let database: pg.Client;

  beforeAll(async () => {
    billhead = await startTestProduct({ redisUrl });
    database = new pg.Client({ connectionString: billhead.databaseUrl });
    await database.connect();
  });
  afterAll(async () => {
    await database.end();
    await billhead.close();
  });

  const count = async (condition: string) => {
    const { rows } = await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM invoices WHERE ${condition}`);
    return rows[0]?.n ?? 0;
  };
  const countReady = () => count(`pdf_status = 'READY'`);
  /** Renderings that a worker is in the middle of. */
  const countBegun = () => count(`pdf_status = 'PENDING' AND pdf_attempts > 0`);

  test('every PDF is there within 20 seconds, and each file opens', async () => {
    const env = { DATABASE_URL: billhead.databaseUrl, DATA_DIR: billhead.dataDir, REDIS_URL: redisUrl };
    for (let index = 0; index < INVOICES; index += 1) {
      const rows = Array.from({ length: 200 }, (_, row) => item({ id: `o${index}-${row}` }));
      await billhead.ask(PLACE_ORDER, { input: order(`o${index}`, { items: rows }) });
    }
    const worker = startProcess('worker.ts', env);
    await worker.waitFor('worker.started');
    // All work is there before it begins, so that nothing but the rendering decides when the middle is.
    worker.child.kill('SIGSTOP');
    const issuing = Array.from({ length: INVOICES }, (_, index) => {
      const items = Array.from({ length: 200 }, (__, row) => `o${index}-${row}`);
      return billhead.ask(INVOICE_ITEMS, { input: { items } });
    });
    await Promise.all(issuing);
    worker.child.kill('SIGCONT');
    await frozenInTheMiddle(worker.child);
    expect(await worker.end('SIGKILL')).toBe('SIGKILL');
    expect(await countBegun()).toBeGreaterThan(0);
    await emptyQueue();

    const next = startProcess('worker.ts', env);
    await next.waitFor('worker.started');
    await eventually(async () => (await countReady()) === INVOICES, { timeoutMs: WITHIN_MS });
    await expectEveryFileOpens();
    expect(await next.end('SIGTERM')).toBe(0);
  }, 120_000);

  /** Freezes the worker while renderings that it began are not done, so that it is killed in the middle for sure. */
  async function frozenInTheMiddle(worker: ChildProcess): Promise<void> {
    await eventually(async () => {
      worker.kill('SIGSTOP');
      // What it had sent before it froze is still carried out.
      await eventually(async () => {
        const { rows } = await database.query(
          `SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND state = 'active'`,
          [`billhead:${worker.pid}`],
        );
        return rows.length === 0;
      });
      if ((await countReady()) > 2 && (await countBegun()) > 0) return true;
      worker.kill('SIGCONT');
      return false;
    });
  }

  async function emptyQueue(): Promise<void> {
    if (redisUrl !== undefined) {
      const client = new Redis(redisUrl);
      await client.flushall();
      client.disconnect();
      return;
    }
    const { rows } = await database.query<{ name: string }>(
      `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'bullmq'`,
    );
    expect(rows.length).toBeGreaterThan(0);
    await database.query(`TRUNCATE ${rows.map(({ name }) => name).join(', ')} CASCADE`);
  }

  async function expectEveryFileOpens(): Promise<void> {
    const { rows } = await database.query<{ sha: string }>('SELECT pdf_sha256 AS sha FROM invoices');
    expect(rows).toHaveLength(INVOICES);
    for (const { sha } of rows) {
      const file = path.join(billhead.dataDir, 'pdf', sha.slice(0, 2), `${sha}.pdf`);
      const document = await getDocumentProxy(new Uint8Array(await readFile(file)));
      expect(document.numPages).toBeGreaterThan(1);
    }
  }
});
