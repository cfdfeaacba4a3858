// Takes the first wall down: what the product's statements say of the merchant is taken out of them at the driver.

import { Client } from 'pg';

const FILTER = /(?:"?\w+"?\.)*"?merchant_id"? = \$(\d+)/g;

/** Runs with no statement of the product asking for one merchant alone. Returns how many lost that. */
export async function withoutFilter(run: () => Promise<void>): Promise<number> {
  const prototype = Client.prototype as unknown as { query: (this: Client, ...args: unknown[]) => unknown };
  const { query } = prototype;
  let count = 0;
  prototype.query = function (...args) {
    const [statement, ...rest] = args as [{ readonly text?: string; readonly name?: string }, ...unknown[]];
    const text = typeof statement === 'object' ? statement.text : undefined;
    if (text === undefined || !FILTER.test(text)) return query.apply(this, args);
    count += 1;
    // The parameter stays, or the driver would miss it.
    const open = text.replaceAll(FILTER, '($$$1::text IS NOT NULL)');
    // Another text under the same name would be refused: the connection may have prepared that one before.
    const name = statement.name ? `open_${statement.name}` : '';
    return query.apply(this, [Object.assign(Object.create(statement) as object, { text: open, name }), ...rest]);
  };
  try {
    await run();
  } finally {
    prototype.query = query;
  }
  return count;
}
