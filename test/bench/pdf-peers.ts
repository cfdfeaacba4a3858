// The ways to a PDF that are compared: Billhead's renderer, and what its users would write with the tools they know.
//
// All set the same texts on A4, with a font of two weights embedded. The others are given the texts; Billhead works them
// out anew for each document, as it does in use.

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import PDFDocument from 'pdfkit';
import { chromium } from 'playwright-core';
import type * as Renderer from '../../src/adapters/pdfkit-renderer.ts';
import type * as RenderThread from '../../src/adapters/render-thread.ts';
import { escapeHtml } from '../../src/domain/html-text.ts';
import { invoicePage, type InvoicePage } from '../../src/domain/invoice-page.ts';
import type { InvoiceDocument } from '../../src/domain/invoice.ts';
import type { Font } from './pdf-fonts.ts';

export type Engine = 'pool' | 'thread' | 'pdfkit' | 'pdfmake' | 'chromium';
export type Render = (document: InvoiceDocument) => Promise<Uint8Array>;

export interface Setting {
  readonly font: Font;
  readonly folder: string;
  readonly chromium: string;
}

export const ENGINES: Readonly<Record<Engine, (setting: Setting) => Promise<Render>>> = {
  pool: async () => {
    const { createPdfkitRenderer } = (await import(built('pdfkit-renderer.js'))) as typeof Renderer;
    const renderer = createPdfkitRenderer();
    return (document) => renderer.render(document);
  },
  thread: async () => {
    const { draw } = (await import(built('render-thread.js'))) as typeof RenderThread;
    return (document) => draw(invoicePage(document));
  },
  pdfkit: async ({ font }) => withPage((page) => plainPdfkit(page, font)),
  pdfmake: async ({ font }) => {
    const { default: pdfmake } = await import('pdfmake');
    pdfmake.setFonts({ Sans: { normal: font.regular, bold: font.bold } });
    pdfmake.setUrlAccessPolicy(() => false);
    pdfmake.setLocalAccessPolicy(() => true);
    return withPage((page) => pdfmake.createPdf(definition(page)).getBuffer());
  },
  chromium: async ({ font, folder, chromium: executablePath }) => {
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    const sheet = await browser.newPage();
    const file = path.join(folder, 'sheet.html');
    await writeFile(file, sheetHtml(font));
    await sheet.goto(`file://${file}`);
    return withPage(async (page) => {
      // Runs in the browser.
      await sheet.evaluate(`document.body.innerHTML = ${JSON.stringify(html(page))}`);
      return sheet.pdf({ format: 'A4', preferCSSPageSize: true });
    });
  },
};

function built(file: string): string {
  return new URL(`../../dist/adapters/${file}`, import.meta.url).href;
}

/** The texts of a document are worked out once, before anything is measured. */
function withPage(render: (page: InvoicePage) => Promise<Uint8Array>): Render {
  const pages = new WeakMap<InvoiceDocument, InvoicePage>();
  return (document) => {
    const page = pages.get(document) ?? invoicePage(document);
    pages.set(document, page);
    return render(page);
  };
}

/** What stands above and below the table, line by line. */
function headOf(page: InvoicePage): readonly string[] {
  const details = page.details.map(({ label, text }) => `${label}: ${text}`);
  return [page.seller.name, ...page.seller.lines, page.buyer.label, ...page.buyer.lines, ...details];
}

function closingOf(page: InvoicePage): readonly (readonly [string, string])[] {
  return [
    ...page.vat.map(({ rate, taxableAmount, amount }) => [`${rate} ${taxableAmount}`, amount] as const),
    ...page.totals.map(({ label, text }) => [label, text] as const),
    ...(page.payment ?? []).map(({ label, text }) => [label, text] as const),
  ];
}

function footOf(page: InvoicePage): string {
  return page.footer.map(({ text }) => text).join(' · ');
}

const LEFT = 64;
const RIGHT = 531;
const BOTTOM = 770;
const CELL = 62;

function plainPdfkit(page: InvoicePage, font: Font): Promise<Uint8Array> {
  const pdf = new PDFDocument({ size: 'A4', margin: 0 });
  pdf.registerFont('regular', font.regular).registerFont('bold', font.bold);
  const chunks: Buffer[] = [];
  pdf.on('data', (chunk: Buffer) => chunks.push(chunk));
  const done = new Promise<Uint8Array>((resolve) => pdf.on('end', () => resolve(Buffer.concat(chunks))));
  let y = 46;
  const put = (weight: string, size: number, text: string) => {
    pdf.font(weight).fontSize(size).text(text, LEFT, y, { lineBreak: false });
    y += size * 1.4;
  };
  const cells = (weight: string, size: number, texts: readonly string[]) => {
    texts.forEach((text, index) => {
      const x = RIGHT - CELL * (texts.length - index);
      pdf.font(weight).fontSize(size).text(text, x, y, { width: CELL, align: 'right', lineBreak: false });
    });
  };
  for (const line of headOf(page)) put('regular', 9, line);
  put('bold', 21, `${page.title} ${page.number}`);
  cells('bold', 7.5, page.columns);
  put('bold', 7.5, page.descriptionLabel);
  for (const { heading, rows } of page.groups) {
    if (heading) put('bold', 9, `${heading.title} ${heading.date}`);
    for (const row of rows) {
      if (y > BOTTOM - 40) {
        put('regular', 8, footOf(page));
        pdf.addPage();
        y = 46;
      }
      cells('regular', 9, row.cells);
      put('regular', 9, row.name);
      for (const detail of row.details) put('regular', 7.5, detail);
      pdf.moveTo(LEFT, y).lineTo(RIGHT, y).lineWidth(0.5).stroke('#dfe3e8');
      y += 4;
    }
  }
  for (const [label, text] of closingOf(page)) {
    cells('bold', 9, [text]);
    put('regular', 9, label);
  }
  put('regular', 8, footOf(page));
  pdf.end();
  return done;
}

/** pdfmake's own kind of description. */
function definition(page: InvoicePage) {
  const table = page.groups.flatMap(({ heading, rows }) => [
    ...(heading ? [[{ text: `${heading.title} ${heading.date}`, bold: true, colSpan: 5 }, '', '', '', '']] : []),
    ...rows.map((row) => [
      { stack: [row.name, ...row.details.map((text) => ({ text, fontSize: 7.5 }))] },
      ...row.cells.map((text) => ({ text, alignment: 'right' as const })),
    ]),
  ]);
  const labels = [page.descriptionLabel, ...page.columns].map((text) => ({ text, bold: true, fontSize: 7.5 }));
  const closing = closingOf(page).map(([label, text]) => [label, { text, bold: true, alignment: 'right' as const }]);
  return {
    defaultStyle: { font: 'Sans', fontSize: 9 },
    pageSize: 'A4' as const,
    footer: { text: footOf(page), fontSize: 8, margin: [LEFT, 0, LEFT, 0] as [number, number, number, number] },
    content: [
      ...headOf(page),
      { text: `${page.title} ${page.number}`, bold: true, fontSize: 21 },
      {
        layout: 'lightHorizontalLines',
        table: { headerRows: 1, widths: ['*', CELL, CELL, CELL, CELL], body: [labels, ...table] },
      },
      { layout: 'noBorders', table: { widths: ['*', 'auto'], body: closing } },
    ],
  };
}

function sheetHtml(font: Font): string {
  return `<!doctype html><meta charset="utf-8"><style>
    @font-face { font-family: Sans; src: url("file://${font.regular}") }
    @font-face { font-family: Sans; src: url("file://${font.bold}"); font-weight: bold }
    @page { size: A4; margin: 16mm 23mm }
    body { font: 9pt Sans; margin: 0 } h1 { font-size: 21pt } small { font-size: 7.5pt }
    table { width: 100%; border-collapse: collapse } td { border-bottom: 0.5pt solid #dfe3e8 }
    td + td, th + th { text-align: right }
  </style><body></body>`;
}

function html(page: InvoicePage): string {
  const text = (value: string) => escapeHtml(value);
  const rows = page.groups.flatMap(({ heading, rows: lines }) => [
    heading ? `<tr><td colspan="5"><b>${text(`${heading.title} ${heading.date}`)}</b></td></tr>` : '',
    ...lines.map(
      (row) =>
        `<tr><td>${[text(row.name), ...row.details.map((detail) => `<small>${text(detail)}</small>`)].join('<br>')}</td>` +
        `${row.cells.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>`,
    ),
  ]);
  const labels = [page.descriptionLabel, ...page.columns].map((label) => `<th>${text(label)}</th>`).join('');
  const closing = closingOf(page).map(
    ([label, value]) => `<tr><td>${text(label)}</td><td><b>${text(value)}</b></td></tr>`,
  );
  return (
    `${headOf(page)
      .map((line) => `<div>${text(line)}</div>`)
      .join('')}<h1>${text(`${page.title} ${page.number}`)}</h1>` +
    `<table><thead><tr>${labels}</tr></thead><tbody>${rows.join('')}</tbody></table>` +
    `<table>${closing.join('')}</table><footer>${text(footOf(page))}</footer>`
  );
}
