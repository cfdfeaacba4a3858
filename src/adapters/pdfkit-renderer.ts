// Renders invoices to PDF with pdfkit, in threads: the event loop of the caller stays free.

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import type { PdfRenderer } from '../ports.ts';

export interface PdfkitRenderer extends PdfRenderer {
  /** Finishes what was begun, then ends the threads. */
  close(): Promise<void>;
}

const IDLE_THREAD_LIVES_MS = 60_000;
/** No invoice takes this long; a thread that does is stuck and is replaced. */
const RENDERING_LASTS_AT_MOST_MS = 60_000;

/** `threads`: how many render at once, as many as there are cores unless told. */
export function createPdfkitRenderer({ threads = availableParallelism() } = {}): PdfkitRenderer {
  const isSource = import.meta.url.endsWith('.ts');
  const pool = new Piscina<unknown, Uint8Array>({
    filename: new URL(isSource ? './render-thread.ts' : './render-thread.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: threads,
    idleTimeout: IDLE_THREAD_LIVES_MS,
    execArgv: isSource ? ['--import', typeScriptLoader()] : [],
  });
  return {
    render: (document) => pool.run(document, { signal: AbortSignal.timeout(RENDERING_LASTS_AT_MOST_MS) }),
    close: () => pool.close(),
  };
}

/** A thread inherits no loader: to run from TypeScript source it needs one of its own. */
function typeScriptLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}
