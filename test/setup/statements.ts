// Sees the very statements that the product sends to PostgreSQL, at the driver that it shares with the tests.

import { Client } from 'pg';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Everything that Prisma asked of the database while `run` ran. The queue's own statements are left out, and what comes now and then whatever is asked: the setting of the merchant, which the pool needs, and the look at the clock. */
export async function statementsOf(run: () => Promise<unknown>): Promise<readonly Statement[]> {
  const seen: Statement[] = [];
  const prototype = Client.prototype as unknown as { query: (this: Client, ...args: unknown[]) => unknown };
  const { query } = prototype;
  prototype.query = function (...args) {
    const [statement] = args;
    if (isPrisma(this) && typeof statement === 'object' && statement !== null && 'text' in statement) {
      const { text, values } = statement as Statement;
      if (!NOW_AND_THEN.test(text)) seen.push({ text, values });
    }
    return query.apply(this, args);
  };
  try {
    await run();
  } finally {
    prototype.query = query;
  }
  return seen;
}

const NOW_AND_THEN = /^SELECT (set_config\(|clock_timestamp\(\) AS time)/;

function isPrisma(client: Client): boolean {
  const { connectionParameters } = client as unknown as {
    readonly connectionParameters: { readonly application_name?: string };
  };
  return connectionParameters.application_name?.startsWith('billhead:') ?? false;
}
