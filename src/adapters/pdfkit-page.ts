// The sheet of an invoice: its look, where things stand on A4, and what every page carries (head, foot, page number).

import type { InvoicePage } from '../domain/invoice-page.ts';
import type { Canvas, TextStyle } from './pdfkit-canvas.ts';

export const COLORS = {
  ink: '#1a2330',
  muted: '#5d6875',
  hairline: '#dfe3e8',
  accent: '#0b6257',
  panel: '#f3f6f5',
} as const;

const styled = (weight: TextStyle['weight'], size: number, color: string): TextStyle => ({ weight, size, color });

export const STYLES = {
  brand: styled('semibold', 13, COLORS.ink),
  title: styled('semibold', 21, COLORS.ink),
  titleNumber: styled('regular', 21, COLORS.accent),
  subtitle: styled('regular', 9.5, COLORS.muted),
  label: styled('regular', 7.5, COLORS.muted),
  columnLabel: styled('semibold', 7.5, COLORS.muted),
  small: styled('regular', 8, COLORS.muted),
  body: styled('regular', 9, COLORS.ink),
  bodyMuted: styled('regular', 9, COLORS.muted),
  bodyStrong: styled('semibold', 9, COLORS.ink),
  detail: styled('regular', 7.5, COLORS.muted),
  total: styled('semibold', 11, COLORS.ink),
  totalAccent: styled('semibold', 11, COLORS.accent),
  due: styled('semibold', 12.5, COLORS.accent),
} as const;

/** Points from the top left of an A4 page. */
export const SHEET = {
  left: 64,
  right: 531,
  width: 467,
  bottom: 780,
  topOfFirstPage: 46,
  topOfNextPages: 86,
  footer: 793,
  /** The window of a DL envelope shows 45 to 90 mm: the address stands in it and the title below it. */
  address: 142,
  title: 258,
  /** The right one of the two columns of the letter's head. */
  column: 331,
  columnWidth: 200,
} as const;

/** Where the next thing goes. Everything that is drawn moves it down. */
export interface Flow {
  readonly canvas: Canvas;
  readonly page: InvoicePage;
  y: number;
}

export const THIN = 0.5;
export const FIRM = 0.9;
/** No name or address is worth more lines than this; the rest becomes an ellipsis. */
const MOST_LINES = 5;
const GAP_OF_LABEL = 12;
/** At most. */
const HEIGHT_OF_TITLE = 100;
const HEIGHT_OF_SHIPPING = 70;
const FOOTER_LEADING = 10.5;
const MOST_FOOTER_LINES = 3;

export function leading(style: TextStyle): number {
  return style.size * 1.36;
}

/** Draws lines from `top` down and returns where they end. */
export function drawLines(
  canvas: Canvas,
  lines: readonly string[],
  x: number,
  top: number,
  style: TextStyle,
  align: 'left' | 'right' = 'left',
): number {
  lines.forEach((line, index) => {
    canvas.text(line, x, top + index * leading(style) + style.size * 1.08, style, { align });
  });
  return top + lines.length * leading(style);
}

/** Starts a page that carries on: who wrote it, and which document it belongs to. */
export function nextPage(flow: Flow): void {
  const { canvas, page } = flow;
  canvas.addPage();
  const half = SHEET.width / 2 - GAP_OF_LABEL;
  const brand = { ...STYLES.bodyStrong, size: 8.5 };
  const document = { ...STYLES.bodyMuted, size: 8.5 };
  canvas.text(canvas.wrap(page.seller.name, brand, half, 1)[0] ?? '', SHEET.left, 58, brand);
  const [name = ''] = canvas.wrap(`${page.title} ${page.number}`.trim(), document, half, 1);
  canvas.text(name, SHEET.right, 58, document, { align: 'right' });
  canvas.rule(SHEET.left, 67, SHEET.width, THIN, COLORS.hairline);
  flow.y = SHEET.topOfNextPages;
}

/** Goes to a new page unless this height is left on the current one. */
export function ensureSpace(flow: Flow, height: number): void {
  if (flow.y + height > SHEET.bottom && flow.y > SHEET.topOfNextPages) nextPage(flow);
}

/** Everything above the table on the first page. */
export function drawLetterHead(flow: Flow): void {
  const { canvas, page } = flow;
  const nameEnd = drawBrand(canvas, page);
  const sellerEnd = drawWrapped(
    canvas,
    page.seller.lines,
    SHEET.column,
    SHEET.topOfFirstPage,
    SHEET.columnWidth,
    STYLES.small,
  );
  const buyerEnd = drawBuyer(canvas, page, Math.max(SHEET.address, nameEnd + 14));
  const detailsEnd = drawDetails(canvas, page, Math.max(SHEET.address, sellerEnd + 14));
  flow.y = Math.max(SHEET.title, buyerEnd + 22, detailsEnd + 22);
  drawTitle(flow);
  drawShipping(flow);
  flow.y += 16;
}

function drawBrand(canvas: Canvas, page: InvoicePage): number {
  canvas.rule(SHEET.left, SHEET.topOfFirstPage, 26, 3, COLORS.accent);
  const names = canvas.wrap(page.seller.name, STYLES.brand, SHEET.column - SHEET.left - 24, MOST_LINES);
  return drawLines(canvas, names, SHEET.left, SHEET.topOfFirstPage + 11, STYLES.brand);
}

function drawBuyer(canvas: Canvas, page: InvoicePage, top: number): number {
  const width = SHEET.column - SHEET.left - 36;
  const [first = '', ...others] = page.buyer.lines;
  let y = drawLines(canvas, [page.buyer.label], SHEET.left, top, STYLES.label) + 3;
  y = drawWrapped(canvas, [first], SHEET.left, y, width, { ...STYLES.bodyStrong, size: 9.5 });
  return drawWrapped(canvas, others, SHEET.left, y, width, { ...STYLES.body, size: 9.5 });
}

function drawWrapped(
  canvas: Canvas,
  texts: readonly string[],
  x: number,
  top: number,
  width: number,
  style: TextStyle,
): number {
  return texts.reduce((y, text) => drawLines(canvas, canvas.wrap(text, style, width, MOST_LINES), x, y, style), top);
}

/** Label to the left, value to the right; below each other where one line is too short for both. */
function drawDetails(canvas: Canvas, page: InvoicePage, top: number): number {
  const style = { ...STYLES.body, size: 8.5 };
  const label = { ...STYLES.bodyMuted, size: 8.5 };
  let y = top;
  for (const detail of page.details) {
    const labelWidth = canvas.text(detail.label, SHEET.column, y + 10, label, { fit: SHEET.columnWidth });
    const room = SHEET.columnWidth - labelWidth - GAP_OF_LABEL;
    if (canvas.widthOf(detail.text, style) > room) y += leading(style);
    const lines = canvas.wrap(detail.text, style, SHEET.columnWidth, 3);
    y = drawLines(canvas, lines, SHEET.right, y + 10 - style.size * 1.08, style, 'right') + 4;
    canvas.rule(SHEET.column, y - 1, SHEET.columnWidth, THIN, COLORS.hairline);
  }
  return y;
}

function drawTitle(flow: Flow): void {
  const { canvas, page } = flow;
  ensureSpace(flow, HEIGHT_OF_TITLE);
  const titleWidth = canvas.widthOf(page.title, STYLES.title);
  const numberWidth = canvas.widthOf(page.number, STYLES.titleNumber);
  const isOneLine = titleWidth + 8 + numberWidth <= SHEET.width;
  const baseline = flow.y + 21;
  canvas.text(page.title, SHEET.left, baseline, STYLES.title, { fit: SHEET.width });
  if (isOneLine) canvas.text(page.number, SHEET.left + titleWidth + 8, baseline, STYLES.titleNumber);
  else canvas.text(page.number, SHEET.left, baseline + 28, STYLES.titleNumber, { fit: SHEET.width });
  flow.y = baseline + (isOneLine ? 8 : 36);
  if (page.subtitle === null) return;
  const lines = canvas.wrap(page.subtitle, STYLES.subtitle, SHEET.width, 3);
  flow.y = drawLines(canvas, lines, SHEET.left, flow.y + 2, STYLES.subtitle);
}

function drawShipping(flow: Flow): void {
  const { canvas, page } = flow;
  if (page.shipping === null) return;
  ensureSpace(flow, HEIGHT_OF_SHIPPING);
  const style = { ...STYLES.body, size: 8.5 };
  const y = flow.y + 10;
  const indent = canvas.widthOf(page.shipping.label, { ...STYLES.bodyMuted, size: 8.5 }) + GAP_OF_LABEL;
  drawLines(canvas, [page.shipping.label], SHEET.left, y, { ...STYLES.bodyMuted, size: 8.5 });
  const lines = canvas.wrap(page.shipping.lines.join(', '), style, SHEET.width - indent, MOST_LINES);
  flow.y = drawLines(canvas, lines, SHEET.left + indent, y, style);
}

/** Foot and page number of every page, once it is known how many there are. */
export function drawFooters({ canvas, page }: Flow): void {
  const pages = canvas.pages;
  for (let index = 0; index < pages; index += 1) {
    canvas.goToPage(index);
    canvas.rule(SHEET.left, SHEET.footer, SHEET.width, THIN, COLORS.hairline);
    const pageOf = page.pageOf(index + 1, pages);
    const width = canvas.text(pageOf, SHEET.right, SHEET.footer + 14, STYLES.detail, { align: 'right', fit: 120 });
    drawFooterTexts(canvas, page, SHEET.width - width - 20);
  }
}

function drawFooterTexts(canvas: Canvas, page: InvoicePage, width: number): void {
  const style = STYLES.detail;
  const gap = canvas.widthOf('    ', style);
  let x: number = SHEET.left;
  let row = 0;
  for (const { text, link } of page.footer) {
    const textWidth = Math.min(canvas.widthOf(text, style), width);
    if (x > SHEET.left && x + textWidth > SHEET.left + width) {
      x = SHEET.left;
      row += 1;
    }
    // Beyond the edge of the paper nothing is printed; what the law asks for comes first.
    if (row === MOST_FOOTER_LINES) return;
    canvas.text(text, x, SHEET.footer + 14 + row * FOOTER_LEADING, style, { fit: width, link });
    x += textWidth + gap;
  }
}
