// Owed PDFs on PostgreSQL: the states of a PDF on its invoice's row.

import { sealedPart } from '../domain/seal.ts';
import type { InvoiceReference, OwedPdfs } from '../ports.ts';
import { prismaInvoices } from './prisma-reads.ts';
import { storable } from './prisma-records.ts';
import type { StoreClient } from './prisma-rows.ts';

const MAX_ERROR_LENGTH = 500;

export function prismaOwedPdfs(client: StoreClient): OwedPdfs {
  const invoices = prismaInvoices(client);
  return {
    begin: async ({ merchantId, invoiceId }, now, lostAt) => {
      const [begun] = await client.$queryRaw<{ pdf_attempts: number }[]>`
        UPDATE invoices SET pdf_attempts = pdf_attempts + 1, pdf_due_at = ${lostAt}, updated_at = ${now}
        WHERE merchant_id = ${merchantId} AND id = ${invoiceId} AND pdf_status = 'PENDING'
        RETURNING pdf_attempts`;
      const document = begun ? await invoices.document(merchantId, invoiceId) : null;
      return begun && document ? { document, attempt: begun.pdf_attempts } : null;
    },
    markReady: async (seal) => {
      const { merchantId, invoiceId, number, version, contentSha256, pdfSha256, sealedAt } = seal;
      // Ready and sealed in one statement. The head of the chain is locked for no longer than its commit takes.
      await client.$executeRaw`
        WITH ready AS (
          UPDATE invoices SET pdf_status = 'READY', pdf_sha256 = ${pdfSha256}, sealed_sha256 = ${pdfSha256},
            pdf_error = NULL, pdf_due_at = NULL, updated_at = ${sealedAt}
          WHERE merchant_id = ${merchantId} AND id = ${invoiceId} AND pdf_status <> 'READY'
          RETURNING id
        )
        SELECT seal_invoice(${merchantId}, id, ${number}, ${version}, ${contentSha256}, ${pdfSha256}, ${sealedAt},
          ${sealedPart(seal)})
        FROM ready`;
    },
    markFailed: async ({ merchantId, invoiceId }, error, nextAttemptAt, now) => {
      const pdfStatus = nextAttemptAt === null ? 'FAILED' : 'PENDING';
      await client.invoice.updateMany({
        where: { merchantId, id: invoiceId, pdfStatus: 'PENDING' },
        data: { pdfStatus, pdfError: error.slice(0, MAX_ERROR_LENGTH), pdfDueAt: nextAttemptAt, updatedAt: now },
      });
    },
    oweAgain: async ({ merchantId, invoiceId }, when, now) => {
      const { count } = await client.invoice.updateMany({
        where: { merchantId, id: storable(invoiceId), pdfStatus: when },
        data: { pdfStatus: 'PENDING', pdfAttempts: 0, pdfError: null, pdfSha256: null, pdfDueAt: now, updatedAt: now },
      });
      return count === 1;
    },
    claimDue: async (now, leasedUntil, limit): Promise<readonly InvoiceReference[]> => {
      const rows = await client.$queryRaw<{ merchant_id: string; id: string }[]>`
        UPDATE invoices SET pdf_due_at = ${leasedUntil}
        WHERE (merchant_id, id) IN (
          SELECT merchant_id, id FROM invoices WHERE pdf_status = 'PENDING' AND pdf_due_at <= ${now}
          ORDER BY pdf_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING merchant_id, id`;
      return rows.map(({ merchant_id: merchantId, id: invoiceId }) => ({ merchantId, invoiceId }));
    },
  };
}
