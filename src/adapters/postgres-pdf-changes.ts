// Changes of PDFs as PostgreSQL tells them (LISTEN), for all servers alike: one connection a process, made when first needed.
//
// 1. Whenever the connection listens anew, everybody is told to look: what happened in between was not heard.
// 2. Nobody waits longer than a while even so. A connection that died without a word costs time, never an answer.

import pg from 'pg';
import type { InvoiceReference, Log, PdfChanges, PdfWatch } from '../ports.ts';

const CHANNEL = 'billhead_pdf_changes';
const LONGEST_WAIT_MS = 15_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;

export function postgresPdfChanges(databaseUrl: string, log: Log): PdfChanges & { close(): Promise<void> } {
  const watching = new Map<string, Set<() => void>>();
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | null = null;
  let retryMs = FIRST_RETRY_MS;
  let isClosed = false;

  const lose = (lost: pg.Client, error: unknown) => {
    if (client !== lost) return;
    client = null;
    lost.end().catch(() => undefined);
    if (isClosed) return;
    log.warn('pdf_changes.not_heard', { cause: String(error), retryMs });
    retry = setTimeout(listen, retryMs).unref();
    retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
  };

  function listen(): void {
    const listening = new pg.Client({
      connectionString: databaseUrl,
      application_name: `billhead-pdf-changes:${process.pid}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    client = listening;
    retry = null;
    listening.on('error', (error) => lose(listening, error));
    listening.on('end', () => lose(listening, 'the connection ended'));
    listening.on('notification', ({ payload = '' }) => tell(keyIn(payload)));
    hear(listening).catch((error: unknown) => lose(listening, error));
  }

  async function hear(listening: pg.Client): Promise<void> {
    await listening.connect();
    await listening.query(`LISTEN ${CHANNEL}`);
    retryMs = FIRST_RETRY_MS;
    for (const key of watching.keys()) tell(key);
  }

  // Whoever may connect to the database may notify, and of anything.
  function keyIn(payload: string): string {
    try {
      return JSON.stringify(JSON.parse(payload));
    } catch {
      return '';
    }
  }

  function tell(key: string): void {
    for (const wake of watching.get(key) ?? []) wake();
  }

  return {
    watch: (reference) => {
      if (!client && !retry && !isClosed) listen();
      return watchOne(watching, reference);
    },
    close: async () => {
      isClosed = true;
      if (retry) clearTimeout(retry);
      const last = client;
      client = null;
      await last?.end().catch(() => undefined);
    },
  };
}

function watchOne(watching: Map<string, Set<() => void>>, { merchantId, invoiceId }: InvoiceReference): PdfWatch {
  const key = JSON.stringify([merchantId, invoiceId]);
  // A change that comes while nobody waits is not lost.
  let isChanged = false;
  let wake = () => {
    isChanged = true;
  };
  const ring = () => wake();
  const others = watching.get(key) ?? new Set();
  watching.set(key, others.add(ring));
  return {
    changed: () =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          isChanged = false;
          wake = () => {
            isChanged = true;
          };
          resolve();
        };
        const timer = setTimeout(done, LONGEST_WAIT_MS).unref();
        wake = done;
        if (isChanged) done();
      }),
    end: () => {
      others.delete(ring);
      if (others.size === 0) watching.delete(key);
      wake();
    },
  };
}
