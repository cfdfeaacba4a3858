// What an invoice over some items would be, without issuing it.

import type { Blocker } from './errors.ts';
import type { InvoiceLine } from './invoice.ts';
import { checkContraItems, drawUpLines, itemFinder, pickItems, totalsOf } from './issue-invoice.ts';
import type { Money } from './money.ts';
import type { OrderWithItems } from './order.ts';
import { vatBreakdown, type VatAmount } from './vat.ts';

export interface InvoicePreview {
  readonly blockers: readonly Blocker[];
  readonly currency: string | null;
  /** Of the items that nothing blocks. */
  readonly lines: readonly InvoiceLine[];
  readonly vat: readonly VatAmount[];
  readonly totalExVat: Money;
  readonly totalVat: Money;
}

/** Whether an invoice id was used before is not looked at. Throws BAD_USER_INPUT when the total is no amount. */
export function previewInvoice(itemIds: readonly string[], orders: readonly OrderWithItems[]): InvoicePreview {
  const find = itemFinder(orders);
  const { picked, blockers } = pickItems(itemIds, find);
  checkContraItems(picked);
  const lines = drawUpLines(picked, '');
  const firstKnown = itemIds.map(find).find((found) => found !== null);
  return {
    blockers,
    currency: firstKnown?.order.currency ?? null,
    lines,
    vat: vatBreakdown(lines),
    ...totalsOf(lines),
  };
}
