// Delivering an owed mail: the worker's second job.
//
// 1. The mail's row decides: a job for a mail that is not due (any more) does nothing, so jobs may come twice.
// 2. Whoever takes it up has it alone until the lease ends, and an attempt ends before its lease does.
// 3. SENT only when the mail server took it. Without a clear answer it is tried again, under the same Message-ID.

import { invoiceMail } from '../domain/invoice-mail.ts';
import type { Payment } from '../domain/payment.ts';
import type { EmailReference, OwedEmail, Ports } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';
import { signPaymentLink } from './pay-invoice.ts';

const DELIVERY_DEADLINE_MS = 40_000;
/** Longer than an attempt can take, with reading the PDF and writing the outcome. */
const LEASE_MS = 60_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 30 * 60_000;
/** Nobody wants an invoice by mail that was asked for longer ago. */
export const EMAIL_LIFE_MS = 24 * 3_600_000;

export async function deliverEmail(ports: Ports, reference: EmailReference): Promise<void> {
  const begun = ports.clock.now();
  const overAt = later(begun, LEASE_MS);
  const owed = await ports.database.emails.begin(reference, begun, overAt, later(begun, -EMAIL_LIFE_MS));
  if (!owed) return;
  let refusal: string | null;
  try {
    refusal = await deliver(ports, owed, later(begun, DELIVERY_DEADLINE_MS));
  } catch (error) {
    await tryLater(ports, reference, owed, error instanceof Error ? error.message : String(error));
    return;
  }
  // Outside of the try: what could not be recorded here was sent all the same, and is not tried again before its lease ends.
  if (refusal === null) {
    await ports.database.emails.markSent(reference, ports.clock.now());
    return;
  }
  ports.log.warn('invoice.email_refused', { ...reference, attempt: owed.attempt, reason: withoutWords(refusal) });
  await ports.database.emails.markFailed(reference, owed.attempt, refusal, null);
  await askForWebhooks(ports, reference.merchantId);
}

/** Returns the reason of a refusal for good, null when the mail was taken; throws when it may be tried again. */
async function deliver(ports: Ports, { email, invoice }: OwedEmail, deadline: Date): Promise<string | null> {
  const pdf = await readPdf(ports, invoice);
  const payments = await ports.database.invoices.paymentsOf(invoice.merchantId, [invoice.id]);
  const paymentLink = await paymentLinkOf(ports, invoice, payments);
  const content = invoiceMail({ invoice, payments, comment: email.comment, paymentLink });
  const leftMs = Math.max(0, deadline.getTime() - ports.clock.now().getTime());
  return ports.mailer.deliver({ id: email.id, date: email.createdAt, to: email.to, content, pdf }, leftMs);
}

/** null when nothing is to be paid, or nobody has said how the world reaches us. */
async function paymentLinkOf(
  ports: Ports,
  invoice: OwedEmail['invoice'],
  payments: readonly Payment[],
): Promise<string | null> {
  if (ports.paymentUrl === null) return null;
  const token = await signPaymentLink(ports, invoice, payments);
  return token === null ? null : ports.paymentUrl(token);
}

async function readPdf(ports: Ports, { merchantId, id, pdf }: OwedEmail['invoice']): Promise<Uint8Array> {
  const file = pdf.sha256 === null ? null : await ports.files.open(pdf.sha256);
  if (!file) {
    const reference = { merchantId, invoiceId: id };
    ports.log.error('invoice.pdf_missing', reference);
    const isOwedAgain = await ports.database.pdfs.oweAgain(reference, 'READY', ports.clock.now());
    if (isOwedAgain) await ports.jobs.renderInvoices([reference]);
    throw new Error('The file of the PDF is missing; it is being made again.');
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.stream()) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

async function tryLater(ports: Ports, reference: EmailReference, owed: OwedEmail, error: string): Promise<void> {
  const { attempt, email } = owed;
  const next = later(ports.clock.now(), emailRetryDelayMs(attempt));
  const isTooLate = next.getTime() >= email.createdAt.getTime() + EMAIL_LIFE_MS;
  const retryAt = isTooLate ? null : next;
  ports.log.warn('invoice.email_failed', { ...reference, attempt, retryAt, error: withoutWords(error) });
  await ports.database.emails.markFailed(reference, attempt, error, retryAt);
  if (isTooLate) await askForWebhooks(ports, reference.merchantId);
}

/** What a mail server says after its code can name the recipient: that stands in the mail's entry, not in the log. */
function withoutWords(text: string): string {
  return text.replace(/(?<=^|\s)([245]\d\d(?:[ -]\d\.\d{1,3}\.\d{1,3})?)[ -].*/s, '$1 …');
}

/** Twice as long after each attempt: 2 s, 4 s, 8 s, … at most half an hour. */
export function emailRetryDelayMs(attempt: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS);
}

function later(instant: Date, delayMs: number): Date {
  return new Date(instant.getTime() + delayMs);
}
