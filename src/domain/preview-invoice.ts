// What an invoice over some items would be, without issuing it.

import type { Blocker } from './errors.ts';
import type { InvoiceLine } from './invoice.ts';
import { drawUpLines, pickItems } from './issue-invoice.ts';
import { sum, type Money } from './money.ts';
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

export function previewInvoice(itemIds: readonly string[], orders: readonly OrderWithItems[]): InvoicePreview {
  const { picked, blockers } = pickItems(itemIds, orders);
  const lines = drawUpLines(picked, '');
  const firstKnown = itemIds
    .map((itemId) => orders.find(({ items }) => items.some((item) => item.id === itemId)))
    .find((found) => found !== undefined);
  return {
    blockers,
    currency: firstKnown?.order.currency ?? null,
    lines,
    vat: vatBreakdown(lines),
    totalExVat: sum(lines.map((line) => line.totalExVat)),
    totalVat: sum(lines.map((line) => line.totalVat)),
  };
}
