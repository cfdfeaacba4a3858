// The sweep: finds owed PDFs whose job was lost or whose retry is due, and asks for them again.

import type { Ports } from '../ports.ts';

const BATCH = 500;
/** How long a PDF that was asked for is left to its job before the sweep asks again. */
const LEASE_MS = 8_000;

/** Returns how many it asked for. */
export async function sweepOwedWork(ports: Ports): Promise<number> {
  let asked = 0;
  for (;;) {
    const now = ports.clock.now();
    const due = await ports.database.pdfs.claimDue(now, new Date(now.getTime() + LEASE_MS), BATCH);
    if (due.length > 0) await ports.jobs.renderInvoices(due);
    asked += due.length;
    if (due.length < BATCH) return asked;
  }
}
