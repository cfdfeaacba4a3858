// Names for statements that come again and again, so that PostgreSQL plans them once a connection, policies included.
//
// 1. Lists have no names: which index serves them depends on what they are asked for, so they are planned each time.
// 2. A connection keeps what has a name. So only statements of few forms have one, and no more than a limit.

interface Query {
  readonly sql: string;
  readonly args: readonly unknown[];
}

const MOST_NAMES = 500;
/** `IN` has as many parameters as values: those with more are as many statements as there are lengths. */
const MOST_PARAMETERS = 8;
/** Look-ups as Prisma writes them, and this product's own changes. */
const REPEATED = /^\s*(?:SELECT "public"\.|INSERT|UPDATE)/;

/** Gives the same statement the same name; the empty one is none. */
export function statementNames(): (query: Query) => string {
  const names = new Map<string, string>();
  return ({ sql, args }) => {
    const known = names.get(sql);
    if (known !== undefined) return known;
    if (names.size >= MOST_NAMES || args.length > MOST_PARAMETERS || !REPEATED.test(sql)) return '';
    const name = `billhead_${names.size + 1}`;
    names.set(sql, name);
    return name;
  };
}
