// What a scenario of the fault suite is, and how one run of it is played: short in the tests, long by `npm run faults`.

import { checkEverything } from './check-everything.ts';
import { randomFrom, type Random } from './random.ts';
import type { Shop } from './shop.ts';
import type { QueueKind, Stage } from './stage.ts';

export interface Run {
  readonly seed: number;
  /** In the tests: a few seconds. */
  readonly isShort: boolean;
  readonly random: Random;
  readonly stage: Stage;
  /** A merchant of this run alone. */
  readonly shop: Shop;
}

export interface Scenario {
  readonly name: string;
  /** Where it makes sense. */
  readonly queues: readonly QueueKind[];
  /** Throws when something does not hold that only this scenario can see; the rest is checked after each run. */
  readonly play: (run: Run) => Promise<void>;
}

export const BOTH_QUEUES: readonly QueueKind[] = ['Redis', 'PostgreSQL'];

const OPENED_IN_SHORT = 10;

/** Thrown by a scenario that this machine does not permit. */
export class NotPossibleHere extends Error {
  override readonly name = 'NotPossibleHere';
}

/** Plays a scenario once, lets everything recover, and checks everything. */
export async function play(scenario: Scenario, stage: Stage, how: { seed: number; isShort: boolean }): Promise<void> {
  // Both run before anything is hurt, also on a stage that is new.
  await stage.server();
  await stage.worker();
  const shop = await stage.openShop();
  const run = { ...how, random: randomFrom(how.seed), stage, shop };
  const outcomes = [await outcomeOf(scenario.play(run)), await outcomeOf(stage.restore())];
  // What went wrong first is what is told.
  for (const fault of outcomes) if (fault !== null) throw fault;
  await checkEverything(stage, shop, how.isShort ? { opened: OPENED_IN_SHORT } : {});
  const crashes = stage.takeCrashes();
  if (crashes.length > 0) throw new Error(crashes.join('\n'));
}

async function outcomeOf(work: Promise<void>): Promise<Error | null> {
  return work.then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}
