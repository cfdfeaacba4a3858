// What every rendering asks of the database, in one statement before it and two after it, on the driver itself. The rest of what
// becomes of owed PDFs and mails is in prisma-owed-pdfs.ts and prisma-owed-emails.ts.

import type pg from 'pg';
import type { InvoiceDocument } from '../domain/invoice.ts';
import { sealedPart } from '../domain/seal.ts';
import type { OwedEmails, OwedPdfs } from '../ports.ts';
import { rowFromJson, type Columns } from './json-rows.ts';
import { toDay, toInvoice, toInvoiceLine } from './prisma-records.ts';

type Json = Readonly<Record<string, unknown>>;

interface Begun {
  readonly invoice: Json & { readonly pdf_attempts: number };
  readonly lines: readonly Json[];
  readonly orders: readonly Json[];
  readonly corrects: Json | null;
}

// What stands on an invoice came with it, in the transaction that issued it: it is there as soon as the row can be changed.
const BEGIN = `
  WITH begun AS (
    UPDATE invoices SET pdf_attempts = pdf_attempts + 1, pdf_due_at = $3, updated_at = $4
    WHERE merchant_id = $1 AND id = $2 AND pdf_status = 'PENDING' RETURNING *)
  SELECT to_json(begun) AS invoice,
    (SELECT coalesce(json_agg(part ORDER BY part.position), '[]') FROM invoice_lines AS part
     WHERE part.merchant_id = $1 AND part.invoice_id = $2) AS lines,
    (SELECT coalesce(json_agg(part ORDER BY part.position), '[]') FROM invoice_orders AS part
     WHERE part.merchant_id = $1 AND part.invoice_id = $2) AS orders,
    (SELECT to_json(part) FROM invoices AS part
     WHERE part.merchant_id = $1 AND part.id = begun.corrects_invoice_id) AS corrects
  FROM begun`;

// Ready and sealed in one statement. The head of the chain is locked for no longer than its commit takes.
const MARK_READY = `
  WITH ready AS (
    UPDATE invoices SET pdf_status = 'READY', pdf_sha256 = $3, sealed_sha256 = $3, pdf_error = NULL, pdf_due_at = NULL,
      updated_at = $4
    WHERE merchant_id = $1 AND id = $2 AND pdf_status <> 'READY' RETURNING id)
  SELECT seal_invoice($1, id, $5, $6, $7, $3, $4, $8) FROM ready`;

const EMAILS_DUE = `
  SELECT id FROM invoice_emails
  WHERE merchant_id = $1 AND invoice_id = $2 AND status = 'QUEUED' AND due_at <= $3`;

export function pgOwedPdfs(
  pool: Pick<pg.Pool, 'query'>,
  columnsOf: () => Promise<Columns>,
): Pick<OwedPdfs, 'begin' | 'markReady'> {
  return {
    begin: async ({ merchantId, invoiceId }, now, lostAt) => {
      const columns = await columnsOf();
      const { rows } = await pool.query<Begun>({
        name: 'billhead_pdf_begin',
        text: BEGIN,
        values: [merchantId, invoiceId, lostAt, now],
      });
      const [begun] = rows;
      return begun ? { document: toDocument(columns, begun), attempt: begun.invoice.pdf_attempts } : null;
    },
    markReady: async (seal) => {
      const { merchantId, invoiceId, number, version, contentSha256, pdfSha256, sealedAt } = seal;
      await pool.query({
        name: 'billhead_pdf_ready',
        text: MARK_READY,
        values: [merchantId, invoiceId, pdfSha256, sealedAt, number, version, contentSha256, sealedPart(seal)],
      });
    },
  };
}

export function pgOwedEmails(pool: Pick<pg.Pool, 'query'>): Pick<OwedEmails, 'dueOf'> {
  return {
    dueOf: async ({ merchantId, invoiceId }, now) => {
      const { rows } = await pool.query<{ id: string }>({
        name: 'billhead_emails_due',
        text: EMAILS_DUE,
        values: [merchantId, invoiceId, now],
      });
      return rows.map(({ id }) => ({ merchantId, emailId: id }));
    },
  };
}

function toDocument(columns: Columns, { invoice, lines, orders, corrects }: Begun): InvoiceDocument {
  const row = rowFromJson(columns, 'invoices', invoice);
  const corrected = corrects && rowFromJson(columns, 'invoices', corrects);
  return {
    // As it was when it was issued: money that comes later never changes the document.
    invoice: { ...toInvoice(row), amountPaid: row.paidAtIssue },
    numbering: { series: row.series, year: row.year, sequence: row.sequence },
    lines: lines.map((line) => toInvoiceLine(rowFromJson(columns, 'invoice_lines', line))),
    orders: orders.map((order) => {
      const { orderId, orderNumber, placedOn } = rowFromJson(columns, 'invoice_orders', order);
      return { orderId, number: orderNumber, placedOn: toDay(placedOn) };
    }),
    corrects: corrected && { number: corrected.number, issueDate: toDay(corrected.issueDate) },
  };
}
