// Pages of a list by cursor, as the GraphQL Cursor Connections specification has them.

import { badInput } from './errors.ts';
import { Faults } from './text.ts';

/** Position of a record in a list: when it was created, then its id. */
export interface SortKey {
  readonly createdAt: Date;
  readonly id: string;
}

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
  readonly after: SortKey | null;
  readonly before: SortKey | null;
}

export interface Page<T> {
  readonly records: readonly T[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

const MAX_PAGE = 100;
const DEFAULT_PAGE = 20;

/** Throws BAD_USER_INPUT for sizes outside 1 to 100, and for both directions at once. */
export function windowOf(input: PageInput): Window {
  const faults = new Faults();
  for (const side of ['first', 'last'] as const) {
    const size = input[side];
    if (size !== null && (size < 1 || size > MAX_PAGE)) faults.add([side], `must be between 1 and ${MAX_PAGE}`);
  }
  if (input.first !== null && input.last !== null) faults.add(['last'], 'cannot be combined with first');
  if (faults.list.length > 0) throw badInput(faults.list);
  return {
    limit: input.first ?? input.last ?? DEFAULT_PAGE,
    isBackward: input.last !== null,
    after: input.after,
    before: input.before,
  };
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
