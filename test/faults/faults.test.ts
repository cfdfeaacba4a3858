// The fault suite in short: every scenario once. `npm run faults -- --runs 100` plays the long form of the same.

import { afterAll, beforeAll, describe, test } from 'vitest';
import { compileProduct, type CompiledProduct } from './compiled-product.ts';
import { NotPossibleHere, play } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { Stage } from './stage.ts';

let product: CompiledProduct;
let stage: Stage | null = null;

beforeAll(async () => {
  product = await compileProduct();
}, 120_000);
afterAll(async () => {
  await stage?.close();
  await product.remove();
});

/** On Redis where there is one: crash.test.ts empties the queue of both kinds. */
async function openStage(): Promise<Stage> {
  const opened = (await Stage.open(product, 'Redis')) ?? (await Stage.open(product, 'PostgreSQL'));
  if (!opened) throw new RangeError('There is always a PostgreSQL.');
  return opened;
}

describe('nothing is lost, nothing happens twice, and every answer was true', () => {
  test.for(SCENARIOS)(
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
