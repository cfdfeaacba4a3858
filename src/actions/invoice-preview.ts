// invoicePreview: what invoiceItems would do with the same input, nothing saved.

import { requireScope, type Actor } from '../domain/access.ts';
import { checkInvoiceItemsInput } from '../domain/issue-invoice.ts';
import { previewInvoice, type InvoicePreview } from '../domain/preview-invoice.ts';
import type { Ports } from '../ports.ts';
import type { InvoiceItemsInput } from './invoice-items.ts';

export async function invoicePreview(ports: Ports, actor: Actor, input: InvoiceItemsInput): Promise<InvoicePreview> {
  requireScope(actor, 'orders:read');
  checkInvoiceItemsInput(input);
  return previewInvoice(input.items, await ports.database.orders.withItems(actor.merchantId, input.items));
}
