// retryInvoicePdf: asks again for a PDF whose rendering has failed for good.

import { requireScope, type Actor } from '../domain/access.ts';
import { notFound } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports } from '../ports.ts';

/** Changes nothing while the PDF is pending or ready. Throws NOT_FOUND. */
export async function retryInvoicePdf(ports: Ports, actor: Actor, invoiceId: string): Promise<Invoice> {
  requireScope(actor, 'invoices:write');
  const reference = { merchantId: actor.merchantId, invoiceId };
  const isOwedAgain = await ports.database.pdfs.oweAgain(reference, 'FAILED', ports.clock.now());
  if (isOwedAgain) await ports.jobs.renderInvoices([reference]);
  const [invoice] = await ports.database.invoices.findById(actor.merchantId, [invoiceId]);
  if (!invoice) throw notFound('invoice', invoiceId);
  return invoice;
}
