// Renders invoices to PDF with pdfkit, in threads: the event loop of the caller stays free.

import { once } from 'node:events';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import type { InvoiceDocument } from '../domain/invoice.ts';
import type { PdfRenderer } from '../ports.ts';

export interface PdfkitRenderer extends PdfRenderer {
  /** Starts a thread, so that the first invoice need not wait for it. Processes that never render have none. */
  warmUp(): void;
  /** Finishes what was begun, then ends the threads. */
  close(): Promise<void>;
}

type Pool = Piscina<InvoiceDocument | null, Uint8Array | null>;

const IDLE_THREAD_LIVES_MS = 60_000;
/** No invoice takes this long; a thread that does is stuck and is replaced. */
const RENDERING_LASTS_AT_MOST_MS = 60_000;
/** Far more than a thread takes to load. */
const LOADING_LASTS_AT_MOST_MS = 10_000;

/** `threads`: how many render at once, as many as there are cores unless told. */
export function createPdfkitRenderer({ threads = availableParallelism() } = {}): PdfkitRenderer {
  let opened: { readonly pool: Pool; readonly allLoaded: () => Promise<unknown> } | null = null;
  const open = () => (opened ??= openPool(threads));
  return {
    warmUp: () => void open(),
    render: async (document) => {
      const signal = AbortSignal.timeout(RENDERING_LASTS_AT_MOST_MS);
      const file = await open().pool.run(document, { signal });
      if (!file) throw new RangeError('A document always gives a file.');
      return file;
    },
    close: async () => {
      if (!opened) return;
      // Node.js aborts the whole process when a thread is ended in the middle of loading its modules.
      await opened.allLoaded();
      await opened.pool.close();
    },
  };
}

function openPool(threads: number) {
  const isSource = import.meta.url.endsWith('.ts');
  const pool: Pool = new Piscina({
    filename: new URL(isSource ? './render-thread.ts' : './render-thread.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: threads,
    idleTimeout: IDLE_THREAD_LIVES_MS,
    execArgv: isSource ? ['--import', typeScriptLoader()] : [],
  });
  let running = 0;
  pool.on('workerCreate', () => (running += 1)).on('workerDestroy', () => (running -= 1));
  // The first thread is said to be created when it begins to load, the others when they have loaded.
  const firstLoaded = pool.run(null).catch(() => null);
  const allLoaded = async () => {
    const deadline = AbortSignal.timeout(LOADING_LASTS_AT_MOST_MS);
    await firstLoaded;
    while (running < pool.threads.length) {
      const isInTime = await once(pool, 'workerCreate', { signal: deadline }).then(
        () => true,
        () => false,
      );
      if (!isInTime) return;
    }
  };
  return { pool, allLoaded };
}

/** A thread inherits no loader: to run from TypeScript source it needs one of its own. */
function typeScriptLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}
