// Owed mails on PostgreSQL: the states of a mail on its row.
//
// 1. Taking one up is a single UPDATE that moves due_at: of many who try at once, one succeeds.
// 2. A mail is taken up only while its PDF is READY.

import type { EmailReference, OwedEmails } from '../ports.ts';
import { prismaInvoices } from './prisma-reads.ts';
import type { StoreClient } from './prisma-rows.ts';

const MAX_ERROR_LENGTH = 500;

interface BegunRow {
  readonly invoice_id: string;
  readonly recipient: string;
  readonly comment: string | null;
  readonly attempts: number;
  readonly created_at: Date;
}

export function prismaOwedEmails(client: StoreClient): Omit<OwedEmails, 'dueOf'> {
  const invoices = prismaInvoices(client);
  return {
    begin: async ({ merchantId, emailId }, now, overAt, oldest) => {
      const [begun] = await client.$queryRaw<BegunRow[]>`
        UPDATE invoice_emails AS email SET attempts = attempts + 1, due_at = ${overAt}, ask_again_at = NULL
        FROM invoices AS invoice
        WHERE email.merchant_id = ${merchantId} AND email.id = ${emailId}
          AND email.status = 'QUEUED' AND email.due_at <= ${now} AND email.created_at > ${oldest}
          AND invoice.merchant_id = email.merchant_id AND invoice.id = email.invoice_id
          AND invoice.pdf_status = 'READY'
        RETURNING email.invoice_id, email.recipient, email.comment, email.attempts, email.created_at`;
      const [invoice] = begun ? await invoices.findById(merchantId, [begun.invoice_id]) : [];
      if (!begun || !invoice) return null;
      const { recipient: to, comment, created_at: createdAt } = begun;
      return {
        email: { id: emailId, invoiceId: invoice.id, to, comment, createdAt },
        invoice,
        attempt: begun.attempts,
      };
    },
    markSent: async ({ merchantId, emailId }, now) => {
      await client.invoiceEmail.updateMany({
        where: { merchantId, id: emailId, status: { not: 'SENT' } },
        data: { status: 'SENT', sentAt: now, error: null, dueAt: null },
      });
    },
    markFailed: async ({ merchantId, emailId }, attempt, error, nextAttemptAt) => {
      await client.invoiceEmail.updateMany({
        where: { merchantId, id: emailId, status: 'QUEUED', attempts: attempt },
        data: {
          status: nextAttemptAt === null ? 'FAILED' : 'QUEUED',
          error: shortened(error),
          dueAt: nextAttemptAt,
          askAgainAt: null,
        },
      });
    },
    claimDue: async (now, askAgainAt, limit): Promise<readonly EmailReference[]> => {
      const rows = await client.$queryRaw<{ merchant_id: string; id: string }[]>`
        UPDATE invoice_emails SET ask_again_at = ${askAgainAt}
        WHERE (merchant_id, id) IN (
          SELECT email.merchant_id, email.id
          FROM invoice_emails AS email
          JOIN invoices AS invoice ON invoice.merchant_id = email.merchant_id AND invoice.id = email.invoice_id
          WHERE email.status = 'QUEUED' AND email.due_at <= ${now}
            AND (email.ask_again_at IS NULL OR email.ask_again_at <= ${now}) AND invoice.pdf_status = 'READY'
          ORDER BY email.due_at LIMIT ${limit} FOR UPDATE OF email SKIP LOCKED)
        RETURNING merchant_id, id`;
      return rows.map(({ merchant_id: merchantId, id: emailId }) => ({ merchantId, emailId }));
    },
    // One whose attempt runs is not due, so it is left to that attempt.
    expire: (oldest, now, reason) => client.$executeRaw`
      UPDATE invoice_emails
      SET status = 'FAILED', due_at = NULL, error = left(${reason} || COALESCE(' ' || error, ''), ${MAX_ERROR_LENGTH})
      WHERE status = 'QUEUED' AND created_at <= ${oldest} AND due_at <= ${now}`,
  };
}

/** No half of a surrogate pair at the end, and no NUL, which PostgreSQL cannot keep. */
function shortened(error: string): string {
  return error
    .slice(0, MAX_ERROR_LENGTH)
    .replaceAll('\u0000', '\ufffd')
    .replace(/\p{Cs}/gu, '\ufffd');
}
