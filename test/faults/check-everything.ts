// What must hold after every fault, of all that one merchant has: read from the database, over HTTP, and from the books of
// the payment gateway and the mail server.
//
// 1. Every invoice has all its lines, one number, and one PDF that opens; no number is missing.
// 2. Every answer of success was true, and whatever was refused left nothing.
// 3. What was invoiced of an item is what stands on its lines, and never above what was ordered.
// 4. No capture twice; of a mail never more than copies of one Message-ID.

import { createHash } from 'node:crypto';
import { extractText, getDocumentProxy } from 'unpdf';
import { eventually } from '../setup/eventually.ts';
import type { Request, Shop } from './shop.ts';
import type { Stage } from './stage.ts';

/** A job of a dead worker runs again after 17 s at most; a machine that does much else takes longer. */
const RECOVERED_WITHIN_MS = 60_000;
/** A mail that a dead worker had begun is left alone for a minute, which nobody wants to wait for here. */
const MAILS_PATIENCE_MS = 5_000;

interface AnsweredInvoice {
  readonly id: string;
  readonly number: string;
  readonly total: number;
  readonly state: string;
  readonly pdf_url: string | null;
  readonly pdf: { readonly status: string; readonly sha256: string | null };
  readonly lines: readonly { readonly order_item_id: string; readonly total: number }[];
}

/**
 * Waits until all that is owed is done, then throws one error with everything that does not hold. Every PDF is compared with
 * the digest of its row; at most `opened` of them are opened as well, which costs much more.
 */
export async function checkEverything(stage: Stage, shop: Shop, { opened = Infinity } = {}): Promise<void> {
  await untilNothingIsOwed(stage, shop);
  const invoices = await readInvoices(shop);
  const faults = [
    ...(await brokenLaws(stage, shop.merchantId)),
    ...untrueAnswers(shop.requests, invoices),
    ...(await pdfFaults(stage, shop, invoices, opened)),
    ...(await mailFaults(stage, shop.merchantId)),
  ];
  if (faults.length > 0) throw new Error(`Found after the run:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
}

async function untilNothingIsOwed({ postgres }: Stage, { merchantId }: Shop): Promise<void> {
  const none = async (text: string) => {
    const left = await postgres.query(text, [merchantId]);
    if (left.length > 0) throw new Error(`Not done in time: ${JSON.stringify(left.slice(0, 3))} of ${left.length}`);
    return true;
  };
  // The sweep asks about a call once its caller must have given up; for these tests that is now.
  const callsComeDue = () =>
    postgres.query(`UPDATE gateway_calls SET due_at = now() WHERE merchant_id = $1 AND status = 'ASKED'`, [merchantId]);
  await callsComeDue();
  await eventually(() => none(`SELECT id, kind FROM gateway_calls WHERE merchant_id = $1 AND status = 'ASKED'`), {
    timeoutMs: RECOVERED_WITHIN_MS,
  });
  const owedPdfs = `SELECT id, pdf_status, pdf_attempts, pdf_error, pdf_due_at, now() FROM invoices
    WHERE merchant_id = $1 AND pdf_status <> 'READY'`;
  await eventually(() => none(owedPdfs), { timeoutMs: RECOVERED_WITHIN_MS });
  const owedMails = `SELECT id, status, attempts, error, due_at, now() FROM invoice_emails
    WHERE merchant_id = $1 AND status <> 'SENT'`;
  await eventually(() => none(owedMails), { timeoutMs: MAILS_PATIENCE_MS }).catch(async () => {
    await postgres.query(
      `UPDATE invoice_emails SET due_at = now() WHERE merchant_id = $1 AND status = 'QUEUED' AND attempts > 0`,
      [merchantId],
    );
    await eventually(() => none(owedMails), { timeoutMs: RECOVERED_WITHIN_MS });
  });
}

async function readInvoices(shop: Shop): Promise<readonly AnsweredInvoice[]> {
  const query = `query All($after: String) {
    invoices(first: 100, after: $after) {
      nodes { id number total state pdf_url pdf { status sha256 } lines { order_item_id total } }
      pageInfo { hasNextPage endCursor }
    }
  }`;
  const found: AnsweredInvoice[] = [];
  for (let after: string | null = null; ;) {
    const { invoices } = await shop.ask(query, { after });
    found.push(...(invoices.nodes as AnsweredInvoice[]));
    if (!invoices.pageInfo.hasNextPage) return found;
    after = invoices.pageInfo.endCursor as string;
  }
}

/** Each statement finds what breaks a law. */
const LAWS: Readonly<Record<string, string>> = {
  'an invoice without all its lines': `
    SELECT i.id, i.total_ex_vat, i.total_vat, count(l.*) AS lines, sum(l.total_ex_vat) AS net FROM invoices i
    LEFT JOIN invoice_lines l ON l.merchant_id = i.merchant_id AND l.invoice_id = i.id
    WHERE i.merchant_id = $1 GROUP BY i.merchant_id, i.id
    HAVING count(l.*) = 0 OR max(l.position) <> count(l.*) OR sum(l.total_ex_vat) <> i.total_ex_vat
      OR sum(l.total_vat) <> i.total_vat`,
  'a missing number': `
    SELECT i.series, i.year, count(*) AS invoices, max(i.sequence) AS highest, max(s.last_number) AS counter
    FROM invoices i FULL JOIN number_series s USING (merchant_id, series, year)
    WHERE merchant_id = $1 GROUP BY i.series, i.year
    HAVING count(i.id) <> max(i.sequence) OR min(i.sequence) <> 1 OR max(s.last_number) <> max(i.sequence)
      OR count(DISTINCT i.number) <> count(i.id)`,
  'an item that does not add up': `
    SELECT i.id, i.quantity_e4, i.quantity_invoiced_e4, sum(l.quantity_e4) AS on_lines FROM order_items i
    LEFT JOIN (
      SELECT lines.* FROM invoice_lines lines
      JOIN invoices v ON v.merchant_id = lines.merchant_id AND v.id = lines.invoice_id AND v.state <> 'CANCELED'
    ) l ON l.merchant_id = i.merchant_id AND l.order_item_id = i.id
    WHERE i.merchant_id = $1 GROUP BY i.merchant_id, i.id
    HAVING i.quantity_invoiced_e4 <> coalesce(sum(l.quantity_e4), 0)
      OR i.invoiced_ex_vat <> coalesce(sum(l.total_ex_vat), 0) OR i.invoiced_vat <> coalesce(sum(l.total_vat), 0)
      OR abs(i.quantity_invoiced_e4) + abs(i.quantity_canceled_e4) > abs(i.quantity_e4)`,
  'money captured twice': `
    SELECT source, count(*) FROM test_gateway_entries
    WHERE account = $1 AND kind = 'CAPTURE' AND status = 'SUCCEEDED' GROUP BY source HAVING count(*) > 1`,
  'money captured for no invoice, or an invoice paid without': `
    SELECT e.reference, e.amount, i.id, i.amount_paid FROM
      (SELECT * FROM test_gateway_entries WHERE account = $1 AND kind = 'CAPTURE' AND status = 'SUCCEEDED') e
    FULL JOIN
      (SELECT v.id, v.amount_paid, v.merchant_id, p.reference FROM invoices v
       JOIN payments p ON p.merchant_id = v.merchant_id AND p.invoice_id = v.id AND p.reference IS NOT NULL
       WHERE v.merchant_id = $1 AND v.state = 'PAID') i ON i.reference = e.reference
    WHERE e.reference IS NULL OR i.id IS NULL OR e.amount <> i.amount_paid`,
};

async function brokenLaws({ postgres }: Stage, merchantId: string): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const [law, text] of Object.entries(LAWS)) {
    const broken = await postgres.query(text, [merchantId]);
    if (broken.length > 0) faults.push(`${law} (${broken.length} times): ${JSON.stringify(broken[0])}`);
  }
  return faults;
}

function untrueAnswers(requests: readonly Request[], invoices: readonly AnsweredInvoice[]): readonly string[] {
  const faults: string[] = [];
  const byId = new Map(invoices.map((invoice) => [invoice.id, invoice]));
  for (const { outcome, itemIds } of requests) {
    if (outcome.kind !== 'issued') continue;
    const invoice = byId.get(outcome.id);
    if (!invoice) faults.push(`answered with success, but there is no invoice ${outcome.id}`);
    else if (invoice.number !== outcome.number || invoice.total !== outcome.total) {
      faults.push(`answered ${JSON.stringify(outcome)}, but it is ${invoice.number} of ${invoice.total}`);
    } else if (!isSameSet(itemIds, itemsOf(invoice))) {
      faults.push(`invoice ${outcome.id} was asked for over ${itemIds.join()} and is over ${itemsOf(invoice).join()}`);
    }
  }
  for (const invoice of invoices) {
    // Whoever asked got it, or nobody knows; whoever was refused must not find it.
    const isExplained = requests.some(({ outcome, itemIds, invoiceId }) => {
      if (outcome.kind === 'issued') return outcome.id === invoice.id;
      return (
        outcome.kind === 'unknown' &&
        (invoiceId === null || invoiceId === invoice.id) &&
        isSameSet(itemIds, itemsOf(invoice))
      );
    });
    if (!isExplained)
      faults.push(`invoice ${invoice.id} over ${itemsOf(invoice).join()} was refused, or never asked for`);
  }
  return faults;
}

function itemsOf({ lines }: AnsweredInvoice): readonly string[] {
  return lines.map((line) => line.order_item_id);
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  const ids = new Set(left);
  return ids.size === right.length && right.every((id) => ids.has(id));
}

async function pdfFaults(
  { postgres }: Stage,
  { merchantId }: Shop,
  invoices: readonly AnsweredInvoice[],
  opened: number,
): Promise<readonly string[]> {
  const faults: string[] = [];
  const openEvery = Math.max(1, Math.ceil(invoices.length / opened));
  const rows = await postgres.query<{ id: string; sha: string; sum: string }>(
    `SELECT i.id, i.pdf_sha256 AS sha, (i.total_ex_vat + i.total_vat)::text AS sum FROM invoices i WHERE i.merchant_id = $1`,
    [merchantId],
  );
  const inDatabase = new Map(rows.map((row) => [row.id, row]));
  if (inDatabase.size !== invoices.length)
    faults.push(`${inDatabase.size} invoices, of which ${invoices.length} are listed`);
  for (const [index, { id, number, total, pdf, pdf_url: url, lines }] of invoices.entries()) {
    const row = inDatabase.get(id);
    if (pdf.status !== 'READY' || url === null || row?.sha !== pdf.sha256) {
      faults.push(`invoice ${id} has no PDF: ${JSON.stringify(pdf)}`);
      continue;
    }
    if (row?.sum !== String(total) || lines.reduce((sum, line) => sum + line.total, 0) !== total) {
      faults.push(`invoice ${id} of ${row?.sum} says ${total} over HTTP`);
    }
    const response = await fetch(url);
    const content = new Uint8Array(await response.arrayBuffer());
    const sha256 = createHash('sha256').update(content).digest('hex');
    if (!response.ok || sha256 !== pdf.sha256) {
      faults.push(`the PDF of invoice ${id} (${response.status}, ${content.length} bytes) is not the one of its row`);
      continue;
    }
    if (index % openEvery !== 0) continue;
    const fault = await openingFault(content, number);
    if (fault !== null) faults.push(`the PDF of invoice ${id}: ${fault}`);
  }
  return faults;
}

async function openingFault(content: Uint8Array, number: string): Promise<string | null> {
  try {
    const { text } = await extractText(await getDocumentProxy(content), { mergePages: true });
    return text.includes(number) ? null : `it does not say ${number}`;
  } catch (error) {
    return `it does not open: ${String(error)}`;
  }
}

async function mailFaults({ postgres, smtp }: Stage, merchantId: string): Promise<readonly string[]> {
  const owed = await postgres.query('SELECT id FROM invoice_emails WHERE merchant_id = $1', [merchantId]);
  const received = smtp.receivedBy(`${merchantId}@example.com`);
  const ids = new Set(received.map(({ mail }) => mail.messageId));
  if (ids.size === owed.length) return [];
  return [`${owed.length} mails were asked for, and the mail server has ${ids.size} different ones`];
}
