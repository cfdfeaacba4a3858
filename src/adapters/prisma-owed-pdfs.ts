// Owed PDFs on PostgreSQL: the states of a PDF on its invoice's row. What every rendering asks is in pg-rendering.ts.

import type { InvoiceReference, OwedPdfs } from '../ports.ts';
import { storable } from './prisma-records.ts';
import type { StoreClient } from './prisma-rows.ts';

const MAX_ERROR_LENGTH = 500;

export function prismaOwedPdfs(client: StoreClient): Omit<OwedPdfs, 'begin' | 'markReady'> {
  return {
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
    claimDue: async (by, leasedUntil, limit): Promise<readonly InvoiceReference[]> => {
      const rows = await client.$queryRaw<{ merchant_id: string; id: string }[]>`
        UPDATE invoices SET pdf_due_at = ${leasedUntil}
        WHERE (merchant_id, id) IN (
          SELECT merchant_id, id FROM invoices WHERE pdf_status = 'PENDING' AND pdf_due_at <= ${by}
          ORDER BY pdf_due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING merchant_id, id`;
      return rows.map(({ merchant_id: merchantId, id: invoiceId }) => ({ merchantId, invoiceId }));
    },
  };
}
