// Whatever becomes of invoices, the events that are owed say so: nothing that did not happen, nothing twice, nothing missing.

import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, test } from 'vitest';
import { PlayedLife } from '../setup/played-life.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { NAMES } from '../setup/random-life.ts';

const USUAL_LIVES = 8;
const LIVES = Number(process.env['LIVES'] ?? USUAL_LIVES);
const SEED = Number(process.env['SEED'] ?? 2);

let billhead: TestProduct;
let database: pg.Client;
let played = 0;

beforeAll(async () => {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  await billhead.ask(`mutation { createWebhookEndpoint(input: { url: "https://hooks.example.com/",
    events: [INVOICE_CREATED, INVOICE_PAID, INVOICE_CANCELED, INVOICE_CREDITED] }) { secret } }`);
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

interface InvoiceRow {
  readonly id: string;
  readonly state: string;
  readonly corrects_invoice_id: string | null;
  readonly amounts: string;
}

const AMOUNTS = `ARRAY[amount_paid, amount_refunded, amount_credited]`;

async function invoices(): Promise<ReadonlyMap<string, InvoiceRow>> {
  const { rows } = await database.query<InvoiceRow>(
    `SELECT id, state, corrects_invoice_id, ${AMOUNTS}::text AS amounts FROM invoices`,
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** What was owed since the last look, each with the state and the amounts that it tells. */
async function newlyOwed(): Promise<readonly string[]> {
  const { rows } = await database.query<{ told: string }>(
    `DELETE FROM webhook_deliveries RETURNING concat_ws(' ', event, invoice_id, snapshot ->> 'creditInvoiceId',
       snapshot ->> 'state', ARRAY[snapshot -> 'amountPaid', snapshot -> 'amountRefunded', snapshot -> 'amountCredited']::text) AS told`,
  );
  return rows.map(({ told }) => told).toSorted();
}

/** What a look at the invoices before and after says that happened. */
function happened(before: ReadonlyMap<string, InvoiceRow>, after: ReadonlyMap<string, InvoiceRow>): readonly string[] {
  const events: string[] = [];
  for (const { id, state, corrects_invoice_id: correctsId, amounts } of after.values()) {
    const known = before.get(id);
    if (!known) events.push(`INVOICE_CREATED ${id} ${state} ${amounts}`);
    if (known?.state !== state && state !== 'OPEN') events.push(`INVOICE_${state} ${id} ${state} ${amounts}`);
    const corrected = after.get(correctsId ?? '');
    if (!known && corrected) {
      events.push(`INVOICE_CREDITED ${corrected.id} ${id} ${corrected.state} ${corrected.amounts}`);
    }
  }
  return events.toSorted();
}

const lives = fc.record({
  orders: fc.noShrink(fc.nat()),
  steps: fc.noBias(
    fc.array(fc.record({ name: fc.constantFrom(...NAMES), seed: fc.noShrink(fc.nat()) }), {
      minLength: 20,
      maxLength: 48,
      size: 'max',
    }),
  ),
});

test(
  'after every step of a random life what is owed is what happened',
  async () => {
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(lives, async ({ orders, steps }) => {
        const life = new PlayedLife(billhead, `life-${(played += 1)}`, played % 2 === 0);
        await life.begin(orders);
        let before = await invoices();
        for (const { name, seed } of steps) {
          await life.step(name, seed);
          const after = await invoices();
          const owed = await newlyOwed();
          assert.deepEqual(owed, happened(before, after), life.steps.join('\n'));
          for (const one of owed) kinds.add(one.split(' ')[0] ?? '');
          before = after;
        }
      }),
      { seed: SEED, numRuns: LIVES, endOnFailure: true },
    );
    if (LIVES >= USUAL_LIVES) assert.equal(kinds.size, 4, 'the lives are long enough for every kind of event');
  },
  LIVES * 30_000,
);
