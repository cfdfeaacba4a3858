// Every scenario of the fault suite, in the order of the table that `npm run faults` prints.

import { manyCallers } from './callers.ts';
import { oddMachines } from './odd-machines.ts';
import { postgresFaults } from './postgres-faults.ts';
import { previousVersion } from './previous-version.ts';
import { redisFaults } from './redis-faults.ts';
import { retriesWithKey } from './retries-with-key.ts';
import type { Scenario } from './scenario.ts';
import { serverDeaths } from './server-deaths.ts';
import { twoWorkers } from './two-workers.ts';
import { workerDeaths } from './worker-deaths.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...workerDeaths,
  ...serverDeaths,
  ...redisFaults,
  ...postgresFaults,
  ...retriesWithKey,
  ...manyCallers,
  ...twoWorkers,
  ...oddMachines,
  ...previousVersion,
];
