// The report of numbers: that every number of a series was given once, and that there is an invoice for each.

/** Of one series and year, as counted. `counter` is the last number that was given. */
export interface NumberCount {
  readonly series: string;
  readonly year: number;
  readonly count: number;
  readonly counter: number | null;
  readonly firstSequence: number | null;
  readonly lastSequence: number | null;
  readonly firstNumber: string | null;
  readonly lastNumber: string | null;
  readonly gaps: readonly NumberGap[];
  /** Numbers that stand on more than one invoice. */
  readonly duplicates: readonly string[];
}

/** Numbers that no invoice has, from the first to the last. */
export interface NumberGap {
  readonly first: number;
  readonly last: number;
}

export interface NumberSeriesReport extends NumberCount {
  readonly isComplete: boolean;
}

export interface NumberReport {
  readonly isComplete: boolean;
  readonly series: readonly NumberSeriesReport[];
}

/** More gaps, and more numbers that stand twice, are not listed: the first ones say what to look for. */
export const MOST_LISTED = 100;

export function numberReport(counts: readonly NumberCount[]): NumberReport {
  const series = counts.map((count) => ({ ...count, isComplete: isComplete(count) }));
  return { isComplete: series.every((one) => one.isComplete), series };
}

function isComplete({ count, counter, lastSequence, gaps, duplicates }: NumberCount): boolean {
  const last = lastSequence ?? 0;
  return gaps.length === 0 && duplicates.length === 0 && count === last && counter === last;
}
