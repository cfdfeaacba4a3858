// Asking the queue to send what webhook endpoints are owed, once the transaction of the event has committed.

import type { Ports } from '../ports.ts';

/** Best effort: what is not asked for here is found by the sweep. */
export async function askForWebhooks({ database, jobs, clock, log }: Ports, merchantId: string): Promise<void> {
  try {
    const due = await database.webhooks.dueOf(merchantId, clock.now());
    if (due.length > 0) await jobs.sendWebhooks(due);
  } catch (error) {
    // The event has happened: whoever made it happen is not to be told otherwise.
    log.warn('webhook.not_asked', { merchantId, cause: error instanceof Error ? error.message : String(error) });
  }
}
