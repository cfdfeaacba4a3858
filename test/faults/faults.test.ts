// The fault suite in short: of each kind of fault at least one scenario, once. `npm run faults -- --runs 100` plays all of them, and
// longer.

import { readFile, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { checkEverything } from './check-everything.ts';
import { compiledIn } from './compiled-product.ts';
import { NotPossibleHere, play } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { Stage } from './stage.ts';

const product = compiledIn(inject('compiledProduct'));
let stage: Stage | null = null;
afterAll(() => stage?.close());

/** On Redis where there is one: crash.test.ts empties the queue of both kinds. */
async function openStage(): Promise<Stage> {
  const opened = (await Stage.open(product, 'Redis')) ?? (await Stage.open(product, 'PostgreSQL'));
  if (!opened) throw new RangeError('There is always a PostgreSQL.');
  return opened;
}

test('the check sees a lost line, a missing number, a torn file, an untrue answer and a mail that never came', async () => {
  stage ??= await openStage();
  const shop = await stage.openShop();
  const orders = await shop.placeOrders(4, { rows: 2 });
  await stage.worker();
  for (const { id, itemIds } of orders) await shop.issue(itemIds, { invoiceId: id });
  await checkEverything(stage, shop);
  const { postgres, dataDir } = stage;
  const broken = await postgres.connect();
  // Nobody but a superuser could do this.
  await broken.query('SET session_replication_role = replica');
  const change = (text: string) => broken.query(text, [shop.merchantId]);
  await change(`DELETE FROM invoice_lines WHERE merchant_id = $1 AND invoice_id = 'order-1' AND position = 2`);
  await change(`UPDATE invoices SET sequence = 9, number = 'other' WHERE merchant_id = $1 AND id = 'order-2'`);
  await change(`INSERT INTO invoice_emails (merchant_id, id, invoice_id, recipient, status, attempts, created_at, sent_at)
    VALUES ($1, 'mail', 'order-2', 'ada@example.com', 'SENT', 1, now(), now())`);
  const { rows } = await change(`SELECT pdf_sha256 AS sha FROM invoices WHERE merchant_id = $1 AND id = 'order-3'`);
  const { sha } = rows[0] as { sha: string };
  const file = path.join(dataDir, 'pdf', sha.slice(0, 2), `${sha}.pdf`);
  const whole = await readFile(file);
  await truncate(file, 1_000);
  await broken.end();
  const found = await checkEverything(stage, shop).then(
    () => 'nothing',
    (error: unknown) => (error as Error).message,
  );
  // A later scenario looks at all files.
  await writeFile(file, whole);
  for (const fault of [
    /an invoice without all its lines/,
    /a missing number/,
    /an item that does not add up/,
    /the PDF of invoice order-3 .* is not the one of its row/,
    /invoice order-1 was asked for over order-1-1,order-1-2 and is over order-1-1/,
    /answered .*order-2.*, but it is other/,
    /the PDF of invoice order-2: it does not say other/,
    /1 mails were asked for, and the mail server has 0/,
  ]) {
    expect(found).toMatch(fault);
  }
  const refused = await stage.openShop();
  const { itemIds } = await refused.placeOrder();
  await refused.issue(itemIds, { invoiceId: 'real' });
  const [request] = refused.requests.splice(0);
  if (!request) throw new RangeError('One was made.');
  refused.requests.push({ ...request, outcome: { kind: 'refused', code: 'CONFLICT', blockers: [] } });
  await expect(checkEverything(stage, refused)).rejects.toThrow(/invoice real .* was refused, or never asked for/);
}, 120_000);

/** Each has a sibling among the others that hurts in nearly the same way. */
const LONG_FORM_ONLY: ReadonlySet<string> = new Set([
  'redis-killed-forgetting',
  'redis-killed-persistent',
  'postgres-restarted-fast',
  'postgres-connections-ended',
  'clock-hour-ahead',
]);

describe('nothing is lost, nothing happens twice, and every answer was true', () => {
  test.for(SCENARIOS.filter(({ name }) => !LONG_FORM_ONLY.has(name)))(
    '$name',
    { timeout: 240_000 },
    async (scenario, { skip }) => {
      stage ??= await openStage();
      try {
        if (!scenario.queues.includes(stage.queue)) throw new NotPossibleHere('there is no redis-server on the PATH');
        await play(scenario, stage, { seed: 1, isShort: true });
      } catch (error) {
        if (error instanceof NotPossibleHere) {
          console.warn(`\n!!! NOT TRIED: ${scenario.name}: ${error.message} !!!\n`);
          skip(error.message);
        }
        // What is broken must not look like the next scenario's fault.
        await stage.close();
        stage = null;
        throw error;
      }
    },
  );
});
