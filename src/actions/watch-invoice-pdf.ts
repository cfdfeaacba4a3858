// invoicePdf: the invoice at once, and again with each state of its PDF, until that is READY or FAILED.

import { requireScope, type Actor } from '../domain/access.ts';
import { notFound } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports } from '../ports.ts';

/** Of the one who waits. */
export interface Watcher {
  /** Aborted when nobody waits any more; what was opened for it is given back then. */
  readonly signal: AbortSignal;
  /** Throws once the key of who waits has ended. */
  readonly checkKey: () => Promise<void>;
}

/** Throws NOT_FOUND before anything is waited for. */
export async function watchInvoicePdf(
  ports: Ports,
  actor: Actor,
  invoiceId: string,
  { signal, checkKey }: Watcher,
): Promise<AsyncGenerator<Invoice, void, undefined>> {
  requireScope(actor, 'invoices:read');
  const { merchantId } = actor;
  const read = async () => {
    const [invoice] = await ports.database.invoices.findById(merchantId, [invoiceId]);
    if (!invoice) throw notFound('invoice', invoiceId);
    return invoice;
  };
  // Watched before it is read, so that no change falls in between.
  const watch = ports.pdfChanges.watch({ merchantId, invoiceId });
  if (signal.aborted) watch.end();
  signal.addEventListener('abort', () => watch.end(), { once: true });
  const first = await read().catch((error: unknown) => {
    watch.end();
    throw error;
  });
  return (async function* () {
    try {
      yield first;
      let { status } = first.pdf;
      while (status === 'PENDING' && !signal.aborted) {
        await watch.changed();
        if (signal.aborted) break;
        await checkKey();
        const invoice = await read();
        if (invoice.pdf.status !== status) yield invoice;
        ({ status } = invoice.pdf);
      }
    } finally {
      watch.end();
    }
  })();
}
