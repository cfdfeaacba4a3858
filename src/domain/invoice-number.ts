// Invoice numbers: per merchant, series and year, gapless and strictly increasing.

import type { CalendarDate } from './invoice.ts';

/** The one series of a merchant for now: invoices and credit invoices share it, so their numbers never collide. */
export const INVOICE_SERIES = 'invoice';

/** `{sequence:6}` is the counter padded to six digits; a longer one is printed whole. */
export const DEFAULT_NUMBER_PATTERN = '{year}-{sequence:6}';

const SEQUENCE = /\{sequence(?::(\d{1,2}))?\}/;

/** What is wrong with a pattern, or null. Without the year a new year would give the old numbers again. */
export function numberPatternFault(pattern: string): string | null {
  if (!SEQUENCE.test(pattern)) return 'must contain {sequence} or {sequence:6}';
  if (!pattern.includes('{year}')) return 'must contain {year}';
  if (/[{}]/.test(pattern.replace(SEQUENCE, '').replace('{year}', '')))
    return 'may hold {year} and {sequence} once each';
  return null;
}

/** How the numbers of a year are written: the counter, padded with zeros to a width, between two texts. */
export interface NumberShape {
  readonly before: string;
  readonly width: number;
  readonly after: string;
}

export function numberShape(pattern: string, year: number): NumberShape {
  const written = pattern.replace('{year}', year.toString());
  const [counter = '', width = '1'] = SEQUENCE.exec(written) ?? [];
  const place = written.indexOf(counter);
  return { before: written.slice(0, place), width: Number(width), after: written.slice(place + counter.length) };
}

/** The year whose series a document of that day takes its number from. */
export function numberYear(issueDate: CalendarDate): number {
  return Number(issueDate.slice(0, 4));
}
