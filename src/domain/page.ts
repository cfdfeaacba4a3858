// Pages of a list by cursor, as the GraphQL Cursor Connections specification has them.

import type { SortField, SortKey } from './list-sort.ts';
import type { Faults } from './text.ts';

/** One window of a list. A backward one takes the last records before `before`, still in list order. */
export interface Window {
  readonly limit: number;
  readonly isBackward: boolean;
  readonly after: SortKey | null;
  readonly before: SortKey | null;
}

export interface PageInput {
  readonly first: number | null;
  readonly last: number | null;
  readonly after: CursorInput;
  readonly before: CursorInput;
}

/** What a cursor said, if there is one and it is one of ours. */
export type CursorInput = SortKey | 'unreadable' | null;

export interface Page<T> {
  readonly records: readonly T[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

export const MAX_PAGE = 100;
export const DEFAULT_PAGE = 20;

/** Adds a fault for sizes outside 1 to 100, for both directions at once, and for cursors of anything but this sort. */
export function windowOf(input: PageInput, field: SortField, faults: Faults): Window {
  for (const side of ['first', 'last'] as const) {
    const size = input[side];
    if (size !== null && (size < 1 || size > MAX_PAGE)) faults.add([side], `must be between 1 and ${MAX_PAGE}`);
  }
  if (input.first !== null && input.last !== null) faults.add(['last'], 'cannot be combined with first');
  return {
    limit: input.first ?? input.last ?? DEFAULT_PAGE,
    isBackward: input.last !== null,
    after: cursorOf('after', input.after, field, faults),
    before: cursorOf('before', input.before, field, faults),
  };
}

function cursorOf(side: 'after' | 'before', cursor: CursorInput, field: SortField, faults: Faults): SortKey | null {
  if (cursor === 'unreadable') faults.add([side], 'is no cursor of this list');
  else if (cursor === null || cursor.field === field) return cursor;
  else faults.add([side], `is a cursor of a list sorted by ${cursor.field}, not by ${field}`);
  return null;
}

/** Cuts what was read for a window, one record more than its limit, down to the page. */
export function pageOf<T>(read: readonly T[], window: Window): Page<T> {
  const hasMore = read.length > window.limit;
  if (window.isBackward) {
    return {
      records: hasMore ? read.slice(-window.limit) : read,
      hasNextPage: window.before !== null,
      hasPreviousPage: hasMore,
    };
  }
  return { records: read.slice(0, window.limit), hasNextPage: hasMore, hasPreviousPage: window.after !== null };
}
