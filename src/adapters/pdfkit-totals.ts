// What stands below the lines of an invoice: VAT by rate beside the totals, how to pay, and the memo.

import type { InvoicePage, LabelledText, PrintedVat } from '../domain/invoice-page.ts';
import type { Canvas, TextStyle } from './pdfkit-canvas.ts';
import { COLORS, drawLines, ensureSpace, FIRM, leading, SHEET, STYLES, THIN, type Flow } from './pdfkit-page.ts';

const TOP_GAP = 14;
const VAT_WIDTH = 226;
const VAT_RATE_WIDTH = 54;
const VAT_AMOUNT_WIDTH = 76;
const VAT_ROW_HEIGHT = 15;
const VAT_STYLE: TextStyle = { ...STYLES.body, size: 8.5 };
const REASON_STYLE: TextStyle = { ...STYLES.small, color: COLORS.ink };
const MOST_REASON_LINES = 8;
const TOTALS_LEFT = 331;
const TOTAL_HEIGHT = 16;
const STRONG_TOTAL_HEIGHT = 24;
const PANEL_PADDING = 11;
const PANEL_GAP = 14;
const SETTLED_HEIGHT = 40;
/** Amount and due date, then the account, then BIC and reference. */
const PANEL_COLUMNS = [
  { x: 0, width: 124 },
  { x: 138, width: 176 },
  { x: 328, width: 113 },
] as const;
const ROWS_IN_COLUMN = 2;
const CELL_LABEL_HEIGHT = 12;
const CELL_GAP = 6;
const MOST_CELL_LINES = 5;
const MEMO_STYLE: TextStyle = { ...STYLES.body, size: 8.5 };
const MEMO_GAP = 13;

interface WrappedVat {
  readonly row: PrintedVat;
  readonly reason: readonly string[];
  readonly height: number;
}

/** What should follow the last row on its page: totals with VAT beside them, and how to pay. No page holds a panel alone. */
export function heightOfClosing(canvas: Canvas, page: InvoicePage): number {
  const payment = page.payment ? PANEL_GAP + panelHeight(canvas, page.payment) : 0;
  return heightOfTotals(canvas, page) + payment + (page.settled === null ? 0 : SETTLED_HEIGHT);
}

/** The height of the block that must not be torn apart: VAT by rate and totals, side by side. */
function heightOfTotals(canvas: Canvas, page: InvoicePage): number {
  return TOP_GAP + Math.max(totalsHeight(page), vatHeight(canvas, page));
}

export function drawTotals(flow: Flow): void {
  const { canvas, page } = flow;
  ensureSpace(flow, Math.min(heightOfTotals(canvas, page), TOP_GAP + totalsHeight(page) + 40));
  flow.y += TOP_GAP;
  const totalsEnd = drawSums(canvas, page, flow.y);
  const pagesBefore = canvas.pages;
  drawVat(flow);
  if (canvas.pages === pagesBefore) flow.y = Math.max(flow.y, totalsEnd);
}

function totalsHeight(page: InvoicePage): number {
  return page.totals.reduce((height, row) => height + (row.isStrong ? STRONG_TOTAL_HEIGHT : TOTAL_HEIGHT), 0);
}

function drawSums(canvas: Canvas, page: InvoicePage, top: number): number {
  const lastStrong = page.totals.findLastIndex((row) => row.isStrong);
  const width = SHEET.right - TOTALS_LEFT;
  let y = top;
  page.totals.forEach((row, index) => {
    const baseline = y + (row.isStrong ? 17 : 9);
    const accent = index === lastStrong ? STYLES.totalAccent : STYLES.total;
    if (row.isStrong) canvas.rule(TOTALS_LEFT, y + 1, width, FIRM, COLORS.ink);
    const figure = row.isStrong ? accent : STYLES.body;
    const figureWidth = canvas.text(row.text, SHEET.right, baseline, figure, { align: 'right', fit: 0.7 * width });
    const label = row.isStrong ? STYLES.total : STYLES.bodyMuted;
    canvas.text(row.label, TOTALS_LEFT, baseline, label, { fit: width - figureWidth - 10 });
    y += row.isStrong ? STRONG_TOTAL_HEIGHT : TOTAL_HEIGHT;
  });
  return y;
}

function wrapVat(canvas: Canvas, page: InvoicePage): readonly WrappedVat[] {
  return page.vat.map((row) => {
    const reason = row.reason === null ? [] : canvas.wrap(row.reason, REASON_STYLE, VAT_WIDTH, MOST_REASON_LINES);
    const reasonHeight = reason.length === 0 ? 0 : reason.length * leading(REASON_STYLE) + 3;
    return { row, reason, height: VAT_ROW_HEIGHT + reasonHeight };
  });
}

function vatLabelLines(canvas: Canvas, page: InvoicePage): readonly string[] {
  const width = VAT_WIDTH - VAT_RATE_WIDTH - VAT_AMOUNT_WIDTH - 6;
  return canvas.wrap(page.vatLabels.taxableAmount, STYLES.columnLabel, width, 2);
}

function vatHeight(canvas: Canvas, page: InvoicePage): number {
  const labels = vatLabelLines(canvas, page).length * leading(STYLES.columnLabel) + 6;
  return wrapVat(canvas, page).reduce((height, { height: row }) => height + row, labels);
}

/** Usually one block; with very many rates its rows run on to the next page. */
function drawVat(flow: Flow): void {
  const { canvas, page } = flow;
  const style = STYLES.columnLabel;
  const taxableRight = SHEET.left + VAT_WIDTH - VAT_AMOUNT_WIDTH;
  const amountRight = SHEET.left + VAT_WIDTH;
  const labels = vatLabelLines(canvas, page);
  const lastLine = flow.y + (labels.length - 1) * leading(style);
  drawLines(canvas, [page.vatLabels.rate], SHEET.left, lastLine, style);
  drawLines(canvas, labels, taxableRight, flow.y, style, 'right');
  drawLines(canvas, [page.vatLabels.amount], amountRight, lastLine, style, 'right');
  flow.y = lastLine + leading(style) + 3;
  canvas.rule(SHEET.left, flow.y, VAT_WIDTH, THIN, COLORS.hairline);
  flow.y += 3;
  for (const { row, reason, height } of wrapVat(canvas, page)) {
    ensureSpace(flow, height);
    const baseline = flow.y + 10.5;
    canvas.text(row.rate, SHEET.left, baseline, VAT_STYLE, { fit: VAT_RATE_WIDTH });
    const room = VAT_WIDTH - VAT_RATE_WIDTH - VAT_AMOUNT_WIDTH - 6;
    canvas.text(row.taxableAmount, taxableRight, baseline, VAT_STYLE, { align: 'right', fit: room });
    canvas.text(row.amount, amountRight, baseline, VAT_STYLE, { align: 'right', fit: VAT_AMOUNT_WIDTH - 8 });
    drawLines(canvas, reason, SHEET.left, flow.y + VAT_ROW_HEIGHT, REASON_STYLE);
    flow.y += height;
  }
}

/** How to pay, or that it is done. */
export function drawPayment(flow: Flow): void {
  const { canvas, page } = flow;
  if (page.payment) drawPanel(flow, page.payment);
  if (page.settled === null) return;
  ensureSpace(flow, SETTLED_HEIGHT);
  const style = { ...STYLES.bodyStrong, color: COLORS.accent };
  flow.y = drawLines(canvas, canvas.wrap(page.settled, style, SHEET.width, 2), SHEET.left, flow.y + PANEL_GAP, style);
}

interface PanelCell {
  readonly label: string;
  readonly lines: readonly string[];
  readonly style: TextStyle;
  readonly x: number;
  readonly row: number;
  readonly width: number;
}

function drawPanel(flow: Flow, texts: readonly LabelledText[]): void {
  const { canvas } = flow;
  const cells = panelCells(canvas, texts);
  const [firstRow = 0] = panelRowHeights(cells);
  const height = panelHeight(canvas, texts);
  ensureSpace(flow, PANEL_GAP + height);
  const top = flow.y + PANEL_GAP;
  canvas.box(SHEET.left, top, SHEET.width, height, 4, COLORS.panel);
  for (const { label, lines, style, x, row, width } of cells) {
    const y = top + PANEL_PADDING + (row === 0 ? 0 : firstRow + CELL_GAP);
    canvas.text(label, x, y + 7, STYLES.label, { fit: width });
    drawLines(canvas, lines, x, y + CELL_LABEL_HEIGHT, style);
  }
  flow.y = top + height;
}

function panelHeight(canvas: Canvas, texts: readonly LabelledText[]): number {
  const rows = panelRowHeights(panelCells(canvas, texts));
  return 2 * PANEL_PADDING + CELL_GAP + rows.reduce((sum, row) => sum + row, 0);
}

function panelRowHeights(cells: readonly PanelCell[]): readonly number[] {
  return [0, 1].map((row) =>
    cells
      .filter((cell) => cell.row === row)
      .reduce((most, { lines, style }) => Math.max(most, CELL_LABEL_HEIGHT + lines.length * leading(style)), 0),
  );
}

/** Down the first column, then the next. The amount comes first and is larger. */
function panelCells(canvas: Canvas, texts: readonly LabelledText[]): readonly PanelCell[] {
  return texts.map(({ label, text }, index) => {
    const { x, width } = PANEL_COLUMNS[Math.floor(index / ROWS_IN_COLUMN)] ?? PANEL_COLUMNS[0];
    const style = fitting(canvas, text, index === 0 ? STYLES.due : STYLES.bodyStrong, index === 0 ? width : Infinity);
    const lines = canvas.wrap(text, style, width, MOST_CELL_LINES);
    return { label, lines, style, x: SHEET.left + PANEL_PADDING + x, row: index % ROWS_IN_COLUMN, width };
  });
}

/** An amount is never broken over lines: it is set smaller. */
function fitting(canvas: Canvas, text: string, style: TextStyle, width: number): TextStyle {
  const natural = canvas.widthOf(text, style);
  return natural <= width ? style : { ...style, size: (style.size * width) / natural - 0.01 };
}

export function drawMemo(flow: Flow): void {
  const { canvas, page } = flow;
  const lines = page.memo.flatMap((line) =>
    line === '' ? [''] : canvas.wrap(line, MEMO_STYLE, SHEET.width, Number.MAX_SAFE_INTEGER),
  );
  if (lines.length === 0) return;
  flow.y += MEMO_GAP;
  for (const line of lines) {
    ensureSpace(flow, leading(MEMO_STYLE));
    flow.y = drawLines(canvas, [line], SHEET.left, flow.y, MEMO_STYLE);
  }
}
