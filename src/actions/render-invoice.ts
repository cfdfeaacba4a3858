// Rendering an owed PDF: the worker's main job.
//
// 1. The invoice's row decides: a job for a PDF that is not owed (any more) does nothing, so jobs may come twice.
// 2. The file is written for good before the row says READY. With that the document is sealed, as it was printed.
// 3. Mails with the invoice wait until then, and are asked for at once.

import { sealOf } from '../domain/seal.ts';
import type { InvoiceReference, Ports } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';

const MAX_ATTEMPTS = 8;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 10 * 60_000;
/** A rendering that has said nothing for so long was lost with its worker; 1,000 lines take a tenth of a second. */
const LOST_AFTER_MS = 10_000;

export async function renderInvoice(ports: Ports, reference: InvoiceReference): Promise<void> {
  const begun = ports.clock.now();
  const owed = await ports.database.pdfs.begin(reference, begun, later(begun, LOST_AFTER_MS));
  if (!owed) return;
  if (owed.attempt > MAX_ATTEMPTS) {
    // It took each worker with it, so none of them could count the failure.
    await ports.database.pdfs.markFailed(reference, 'Every worker that began it died.', null, begun);
    return;
  }
  try {
    const content = await ports.renderer.render(owed.document);
    const { sha256 } = await ports.files.write(content);
    await ports.database.pdfs.markReady(sealOf(owed.document, sha256, ports.clock.now(), ports.digests));
  } catch (error) {
    const now = ports.clock.now();
    const message = error instanceof Error ? error.message : String(error);
    const retryAt = owed.attempt < MAX_ATTEMPTS ? later(now, retryDelayMs(owed.attempt)) : null;
    ports.log.error('invoice.render_failed', { ...reference, attempt: owed.attempt, retryAt, error: message });
    await ports.database.pdfs.markFailed(reference, message, retryAt, now);
    return;
  }
  await askForWaitingEmails(ports, reference);
  await askForWebhooks(ports, reference.merchantId);
}

/** Mails wait for the PDF. One that is not asked for here is found by the sweep. */
async function askForWaitingEmails(ports: Ports, reference: InvoiceReference): Promise<void> {
  const waiting = await ports.database.emails.dueOf(reference, ports.clock.now());
  if (waiting.length > 0) await ports.jobs.sendEmails(waiting);
}

/** Twice as long after each attempt: 2 s, 4 s, 8 s, … at most ten minutes. */
export function retryDelayMs(attempt: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS);
}

function later(instant: Date, delayMs: number): Date {
  return new Date(instant.getTime() + delayMs);
}
