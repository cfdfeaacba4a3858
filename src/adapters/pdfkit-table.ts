// The lines of an invoice as a table that runs over as many pages as it needs.
//
// 1. A row is never split, and a heading is never left without its first row.
// 2. The column labels stand on every page of the table.
// 3. The last row stands on the page of the totals, so that no page has totals alone.

import type { PrintedGroup, PrintedRow } from '../domain/invoice-page-lines.ts';
import type { InvoicePage } from '../domain/invoice-page.ts';
import type { Canvas } from './pdfkit-canvas.ts';
import { COLORS, drawLines, FIRM, leading, nextPage, SHEET, STYLES, THIN, type Flow } from './pdfkit-page.ts';

/** A column of figures: they end at `right` and have `width` points. */
interface Column {
  readonly label: string;
  readonly right: number;
  readonly width: number;
}

interface Table {
  readonly columns: readonly Column[];
  readonly descriptionWidth: number;
}

const GAP = 14;
const NARROWEST_DESCRIPTION = 140;
const NARROW_COLUMN = 50;
/** As long as the description keeps this, the column labels stand on one line. */
const COMFORTABLE_DESCRIPTION = 200;
const ROW_PADDING = 4;
const HEADING_HEIGHT = 25;
/** At most: two lines and the rule below them. */
const LABELS_HEIGHT = 27;
/** Together about a third of a page: more is no description, and a row must fit on one page. */
const MOST_NAME_LINES = 14;
const MOST_DETAIL_LINES = 6;
const DETAIL_SEPARATOR = '  ·  ';

/** `heightOfClosing` is what must fit below the last row. */
export function drawTable(flow: Flow, heightOfClosing: number): void {
  const table = layOut(flow.canvas, flow.page);
  const last = flow.page.groups.at(-1)?.rows.at(-1);
  let isLabelled = false;
  for (const group of flow.page.groups) {
    group.rows.forEach((row, index) => {
      const heading = index === 0 ? group.heading : null;
      const cell = wrapRow(flow.canvas, table, row);
      const height = (isLabelled ? 0 : LABELS_HEIGHT) + (heading ? HEADING_HEIGHT : 0) + cell.height;
      if (!fits(flow, height, row === last ? heightOfClosing : 0)) {
        nextPage(flow);
        isLabelled = false;
      }
      if (!isLabelled) drawColumnLabels(flow, table);
      isLabelled = true;
      if (heading) drawHeading(flow, heading);
      drawRow(flow, table, row, cell);
    });
  }
}

function fits(flow: Flow, height: number, reserve: number): boolean {
  if (flow.y + height + reserve <= SHEET.bottom) return true;
  // Totals too long for any page do not drag a row along: they run over pages by themselves.
  const isReserveHopeless = SHEET.topOfNextPages + LABELS_HEIGHT + height + reserve > SHEET.bottom;
  return isReserveHopeless && flow.y + height <= SHEET.bottom;
}

/** Each column is as wide as its widest figure and its label need it; the description has the rest. */
function layOut(canvas: Canvas, page: InvoicePage): Table {
  const rows = page.groups.flatMap((group) => group.rows);
  const figures = page.columns.map((_, column) =>
    widest(rows.map((row) => canvas.widthOf(row.cells[column] ?? '', STYLES.body))),
  );
  const gaps = GAP * figures.length;
  const fitted = (labelLines: number): readonly number[] =>
    page.columns.map((label, index) => Math.max(figures[index] ?? 0, labelWidth(canvas, label, labelLines)));
  const onOneLine = fitted(1);
  const isRoomy = SHEET.width - gaps - sumOf(onOneLine) >= COMFORTABLE_DESCRIPTION;
  const widths = squeezed(isRoomy ? onOneLine : fitted(2), SHEET.width - gaps - NARROWEST_DESCRIPTION);
  let right: number = SHEET.right;
  const columns: Column[] = [];
  for (const [index, width] of [...widths.entries()].reverse()) {
    columns.unshift({ label: page.columns[index] ?? '', right, width });
    right -= width + GAP;
  }
  return { columns, descriptionWidth: right - SHEET.left };
}

/** Figures of an absurd length are set smaller: wide columns give up what is too much, narrow ones keep their width. */
function squeezed(widths: readonly number[], available: number): readonly number[] {
  const tooMuch = sumOf(widths) - available;
  if (tooMuch <= 0) return widths;
  const beyondNarrow = (width: number): number => Math.max(0, width - NARROW_COLUMN);
  const share = tooMuch / sumOf(widths.map(beyondNarrow));
  return widths.map((width) => width - beyondNarrow(width) * share);
}

/** The narrowest that a label can be set in, on one line or on two. */
function labelWidth(canvas: Canvas, label: string, lines: number): number {
  const widthOf = (text: string): number => canvas.widthOf(text, STYLES.columnLabel);
  const words = label.split(' ');
  if (lines === 1 || words.length === 1) return widthOf(label);
  const breaks = words.slice(1).map((_, index) => [words.slice(0, index + 1), words.slice(index + 1)]);
  return Math.min(...breaks.map((parts) => widest(parts.map((part) => widthOf(part.join(' '))))));
}

function widest(widths: readonly number[]): number {
  return widths.reduce((most, width) => Math.max(most, width), 0);
}

function sumOf(widths: readonly number[]): number {
  return widths.reduce((total, width) => total + width, 0);
}

/** Labels of several lines stand on the same last line. */
function drawColumnLabels(flow: Flow, table: Table): void {
  const { canvas, page } = flow;
  const style = STYLES.columnLabel;
  // As narrow as two lines allow, so that they are about as long: "Price / excl. VAT", not "Price excl. / VAT".
  const labels = table.columns.map(({ label, width }) => {
    const isOneLine = canvas.widthOf(label, style) <= width + 0.01;
    return isOneLine ? [label] : canvas.wrap(label, style, Math.min(width, labelWidth(canvas, label, 2)) + 0.01, 3);
  });
  const height = Math.max(1, ...labels.map((lines) => lines.length)) * leading(style);
  const topOf = (lines: readonly string[]): number => flow.y + height - lines.length * leading(style);
  const description = canvas.wrap(page.descriptionLabel, style, table.descriptionWidth, 3);
  drawLines(canvas, description, SHEET.left, topOf(description), style);
  table.columns.forEach((column, index) => {
    const lines = labels[index] ?? [];
    drawLines(canvas, lines, column.right, topOf(lines), style, 'right');
  });
  flow.y += height + 5;
  canvas.rule(SHEET.left, flow.y, SHEET.width, FIRM, COLORS.ink);
}

function drawHeading(flow: Flow, heading: NonNullable<PrintedGroup['heading']>): void {
  const { canvas } = flow;
  const baseline = flow.y + 16.5;
  const width = canvas.text(heading.title, SHEET.left, baseline, STYLES.bodyStrong, { fit: SHEET.width - 150 });
  canvas.text(heading.date, SHEET.left + width + 8, baseline, { ...STYLES.bodyMuted, size: 8.5 }, { fit: 140 });
  flow.y += HEADING_HEIGHT;
  canvas.rule(SHEET.left, flow.y - THIN, SHEET.width, THIN, COLORS.hairline);
}

interface WrappedRow {
  readonly names: readonly string[];
  readonly details: readonly string[];
  readonly height: number;
}

function wrapRow(canvas: Canvas, table: Table, row: PrintedRow): WrappedRow {
  const names = canvas.wrap(row.name, STYLES.body, table.descriptionWidth, MOST_NAME_LINES);
  const detail = row.details.join(DETAIL_SEPARATOR);
  const details = canvas.wrap(detail, STYLES.detail, table.descriptionWidth, MOST_DETAIL_LINES);
  const height =
    2 * ROW_PADDING + Math.max(1, names.length) * leading(STYLES.body) + details.length * leading(STYLES.detail);
  return { names, details, height };
}

function drawRow(flow: Flow, table: Table, row: PrintedRow, { names, details, height }: WrappedRow): void {
  const { canvas } = flow;
  const top = flow.y + ROW_PADDING;
  const end = drawLines(canvas, names, SHEET.left, top, STYLES.body);
  drawLines(canvas, details, SHEET.left, end, STYLES.detail);
  table.columns.forEach(({ right, width }, index) => {
    const figure = row.cells[index] ?? '';
    canvas.text(figure, right, top + STYLES.body.size * 1.08, STYLES.body, { align: 'right', fit: width });
  });
  flow.y += height;
  canvas.rule(SHEET.left, flow.y - THIN, SHEET.width, THIN, COLORS.hairline);
}
