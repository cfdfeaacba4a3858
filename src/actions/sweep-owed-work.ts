// The sweep: finds owed PDFs, mails and webhooks whose job was lost or whose retry is due, and asks for them again. Seals what
// is not sealed yet, and removes what is kept for a time only.

import type { Ports } from '../ports.ts';
import { KEY_LIFE_HOURS } from '../domain/idempotency-key.ts';
import { EMAIL_LIFE_MS } from './deliver-email.ts';
import { sealInvoices } from './seal-invoices.ts';

const BATCH = 500;
/** How long what was asked for is left to its job before the sweep asks again. */
const LEASE_MS = 8_000;
/**
 * A PDF that is due because many wait before it is not lost. As long as the queue may need for them, which is about three times
 * what a small machine takes, it is left to its job: to ask again for each, every few seconds, costs more than it brings.
 */
const PATIENCE_MS_A_PDF = 30;
const MOST_PATIENCE_MS = 10 * 60_000;
/** Shorter, because the job of an endpoint stops after a few seconds and leaves the rest to the next one. */
const WEBHOOK_LEASE_MS = 3_000;
/** Of the endpoints that were silent, each round: most will be so again, and an attempt takes as long as five rounds. */
const SILENT_ENDPOINTS_A_ROUND = 5;
const SILENT_ENDPOINT_LEASE_MS = 30_000;
const WEBHOOKS_KEPT_MS = 30 * 24 * 3_600_000;

/** What is owed for longer will not be wanted any more. */
const WEBHOOKS_OWED_FOR_MS = 3 * 86_400_000;

/** Returns how many it asked for. One part that fails keeps none of the others from being done; its fault is thrown last. */
export async function sweepOwedWork(ports: Ports): Promise<number> {
  const { database, jobs, clock } = ports;
  const ago = (ms: number) => new Date(clock.now().getTime() - ms);
  const parts: readonly (() => Promise<number | void>)[] = [
    () => askForPdfs(ports),
    () => expireEmails(ports),
    () =>
      askInBatches(
        ports,
        (now, askAgainAt) => database.emails.claimDue(now, askAgainAt, BATCH),
        (due) => jobs.sendEmails(due),
      ),
    () =>
      askInBatches(
        ports,
        (now, askAgainAt) => database.webhooks.claimDue(now, askAgainAt, BATCH),
        (due) => jobs.sendWebhooks(due),
        WEBHOOK_LEASE_MS,
      ),
    () => askForRestedWebhooks(ports),
    () => sealInvoices(ports),
    async () => {
      await database.idempotencyKeys.removeOld(KEY_LIFE_HOURS);
      // A batch each round is more than comes in.
      await database.webhooks.giveUp(ago(WEBHOOKS_OWED_FOR_MS), BATCH);
      await database.webhooks.forget(ago(WEBHOOKS_KEPT_MS), BATCH);
    },
  ];
  let asked = 0;
  const faults: unknown[] = [];
  for (const part of parts) {
    await part().then(
      (count) => (asked += count ?? 0),
      (error: unknown) => faults.push(error),
    );
  }
  if (faults.length > 0) throw faults[0];
  return asked;
}

async function askForPdfs(ports: Ports): Promise<number> {
  const { database, jobs } = ports;
  const patienceMs = Math.min((await jobs.waitingRenderings()) * PATIENCE_MS_A_PDF, MOST_PATIENCE_MS);
  return askInBatches(
    ports,
    (now, leasedUntil) => database.pdfs.claimDue(new Date(now.getTime() - patienceMs), leasedUntil, BATCH),
    (due) => jobs.renderInvoices(due),
  );
}

async function expireEmails({ database, clock, log }: Ports): Promise<void> {
  const now = clock.now();
  const oldest = new Date(now.getTime() - EMAIL_LIFE_MS);
  const expired = await database.emails.expire(oldest, now, 'It could not be sent within 24 hours.');
  if (expired > 0) log.warn('invoice.emails_expired', { expired });
}

async function askForRestedWebhooks({ database, jobs, clock }: Ports): Promise<number> {
  const now = clock.now();
  const askAgainAt = new Date(now.getTime() + SILENT_ENDPOINT_LEASE_MS);
  const rested = await database.webhooks.claimRested(now, askAgainAt, SILENT_ENDPOINTS_A_ROUND);
  if (rested.length > 0) await jobs.sendWebhooks(rested);
  return rested.length;
}

async function askInBatches<Reference>(
  { clock }: Ports,
  claim: (now: Date, until: Date) => Promise<readonly Reference[]>,
  ask: (due: readonly Reference[]) => Promise<void>,
  leaseMs = LEASE_MS,
): Promise<number> {
  let asked = 0;
  for (;;) {
    const now = clock.now();
    const due = await claim(now, new Date(now.getTime() + leaseMs));
    if (due.length > 0) await ask(due);
    asked += due.length;
    if (due.length < BATCH) return asked;
  }
}
