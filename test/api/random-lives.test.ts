// Random lives of orders, invoices and money against a simple model: after every step the server says what the model says.
//
// LIVES=1000 plays more of them, SEED=7 others, OUTCOMES=1 tells how often each operation had each outcome. A life that
// fails is shrunk, and printed as the steps that lead there.

import * as fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { PlayedLife } from '../setup/played-life.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { NAMES } from '../setup/random-life.ts';

const LIVES = Number(process.env['LIVES'] ?? 16);
const SEED = Number(process.env['SEED'] ?? 1);
const MAX_STEPS = 48;
const SHRINK_FOR_MS = 30_000;
const MS_PER_LIFE = 2_000;

let billhead: TestProduct;
let played = 0;
const outcomes = new Map<string, number>();

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

const lives = fc.record({
  orders: fc.noShrink(fc.nat()),
  isIncludingVat: fc.boolean(),
  // Without bias, or most lives would be short.
  steps: fc.noBias(
    fc.array(fc.record({ name: fc.constantFrom(...NAMES), seed: fc.noShrink(fc.nat()) }), {
      minLength: 1,
      maxLength: MAX_STEPS,
      size: 'max',
    }),
  ),
});

test(
  'after every step of a random life, done or refused, the server says what the model says',
  async () => {
    await fc.assert(
      fc.asyncProperty(lives, async ({ orders, isIncludingVat, steps }) => {
        const life = new PlayedLife(billhead, `life-${(played += 1)}`, isIncludingVat);
        try {
          await life.begin(orders);
          for (const { name, seed } of steps) await life.step(name, seed);
          for (const outcome of life.outcomes) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        } catch (error) {
          const told = life.steps.map((step, index) => `${index + 1}. ${step}`).join('\n');
          throw new Error(`${told}\n${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }),
      { seed: SEED, numRuns: LIVES, interruptAfterTimeLimit: LIVES * MS_PER_LIFE + SHRINK_FOR_MS },
    );
    if (process.env['OUTCOMES']) console.table(Object.fromEntries([['lives', played], ...outcomes]));
  },
  LIVES * MS_PER_LIFE + 2 * SHRINK_FOR_MS,
);
