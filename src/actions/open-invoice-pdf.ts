// pdf_url: signs the link to an invoice's PDF, and opens the file that a link leads to.

import type { Invoice } from '../domain/invoice.ts';
import type { Ports, StoredFile } from '../ports.ts';

const LINK_LIFE_MS = 2 * 3_600_000;
/** Links made within one step are equal, so that a page that polls, and every cache, sees one address. */
const LINK_STEP_MS = 900_000;

export interface OpenedPdf {
  readonly number: string;
  readonly sha256: string;
  readonly file: StoredFile;
}

/** A token that opens the PDF for two hours or a little longer; null until the PDF is ready. */
export async function signPdfLink(ports: Ports, invoice: Invoice): Promise<string | null> {
  if (invoice.pdf.status !== 'READY') return null;
  const step = Math.ceil(ports.clock.now().getTime() / LINK_STEP_MS) * LINK_STEP_MS;
  return ports.links.sign('pdf', {
    merchantId: invoice.merchantId,
    invoiceId: invoice.id,
    expiresAt: new Date(step + LINK_LIFE_MS),
  });
}

/**
 * The link is the only authorisation there is: 'refused' for a token that was forged or changed, or has expired.
 * 'missing' when the file is gone: it is owed again from now on, and will have the same bytes.
 */
export async function openInvoicePdf(ports: Ports, token: string): Promise<OpenedPdf | 'refused' | 'missing'> {
  const link = await ports.links.verify('pdf', token, ports.clock.now());
  if (!link) return 'refused';
  const [invoice] = await ports.database.invoices.findById(link.merchantId, [link.invoiceId]);
  if (!invoice) return 'refused';
  if (invoice.pdf.sha256 === null) return 'missing';
  const file = await ports.files.open(invoice.pdf.sha256);
  if (!file) {
    const reference = { merchantId: link.merchantId, invoiceId: link.invoiceId };
    ports.log.error('invoice.pdf_missing', reference);
    await ports.database.pdfs.oweAgain(reference, 'READY', ports.clock.now());
    await ports.jobs.renderInvoices([reference]);
    return 'missing';
  }
  return { number: invoice.number, sha256: invoice.pdf.sha256, file };
}
