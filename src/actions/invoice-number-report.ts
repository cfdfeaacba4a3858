// invoiceNumberReport: shows that every number of the merchant was given once, and stands on an invoice.

import { requireScope, type Actor } from '../domain/access.ts';
import { MOST_LISTED, numberReport, type NumberReport } from '../domain/number-report.ts';
import type { Ports } from '../ports.ts';

/** Of one year, or of all. */
export async function invoiceNumberReport(ports: Ports, actor: Actor, year: number | null): Promise<NumberReport> {
  requireScope(actor, 'invoices:read');
  return numberReport(await ports.database.proofs.countNumbers(actor.merchantId, year, MOST_LISTED));
}
