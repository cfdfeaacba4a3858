// Runs in a thread of its own: from an invoice document to the bytes of its PDF.

import { move } from 'piscina';
import { invoicePage, type InvoicePage } from '../domain/invoice-page.ts';
import type { InvoiceDocument } from '../domain/invoice.ts';
import { createCanvas } from './pdfkit-canvas.ts';
import { drawFooters, drawLetterHead, type Flow } from './pdfkit-page.ts';
import { drawTable } from './pdfkit-table.ts';
import { drawMemo, drawPayment, drawTotals, heightOfClosing } from './pdfkit-totals.ts';

/** The bytes are moved to the caller's thread, not copied. null: to know that the thread has loaded. */
export default async function render(document: InvoiceDocument | null): Promise<ReturnType<typeof move> | null> {
  if (!document) return null;
  return move(await draw(invoicePage(document)));
}

export async function draw(page: InvoicePage): Promise<Uint8Array<ArrayBuffer>> {
  const { number, title, seller, language, createdAt } = page;
  const canvas = createCanvas({ title: `${title} ${number}`, author: seller.name, language, createdAt });
  const flow: Flow = { canvas, page, y: 0 };
  drawLetterHead(flow);
  drawTable(flow, heightOfClosing(canvas, page));
  drawTotals(flow);
  drawPayment(flow);
  drawMemo(flow);
  drawFooters(flow);
  return await canvas.finish();
}
