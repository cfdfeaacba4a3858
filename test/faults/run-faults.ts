// The long form of the fault suite: `npm run faults -- --runs 100 --scenario redis-gone --seed 7 --stages 2`.
//
// Each run has a seed of its own, counted up from --seed, so that one that finds a fault can be played again alone.

import { parseArgs } from 'node:util';
import { compileProduct, type CompiledProduct } from './compiled-product.ts';
import { NotPossibleHere, play, type Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { Stage, type QueueKind } from './stage.ts';

interface Tally {
  runs: number;
  faults: number;
  skipped: string | null;
}

interface Turn {
  readonly scenario: Scenario;
  readonly queue: QueueKind;
  readonly seed: number;
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100' },
    scenario: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
    stages: { type: 'string', default: '2' },
    short: { type: 'boolean', default: false },
  },
});

const tallies = new Map<string, Tally>();
// Lines to a database that is gone may still listen.
process.exit(await main());

async function main(): Promise<number> {
  const wanted = SCENARIOS.filter(({ name }) => values.scenario?.some((part) => name.includes(part)) ?? true);
  if (wanted.length === 0) {
    console.error(`There is no such scenario. There are:\n${SCENARIOS.map(({ name }) => `  ${name}`).join('\n')}`);
    return 2;
  }
  for (const { name } of wanted) tallies.set(name, { runs: 0, faults: 0, skipped: null });
  const product = await compileProduct();
  try {
    const turns = turnsOf(wanted);
    // Whoever has seen enough still gets the table, once the runs that are under way are done and cleared away.
    process.once('SIGINT', () => turns.splice(0));
    await Promise.all(Array.from({ length: Number(values.stages) }, () => workOff(product, turns)));
  } finally {
    await product.remove();
  }
  printTable();
  return [...tallies.values()].some(({ faults }) => faults > 0) ? 1 : 0;
}

/** Round by round, so that every scenario has had as many runs when it is stopped early. */
function turnsOf(wanted: readonly Scenario[]): Turn[] {
  const first = Number(values.seed);
  return Array.from({ length: Number(values.runs) }, (_, round) =>
    wanted.map((scenario): Turn => {
      const seed = first + round;
      return { scenario, seed, queue: scenario.queues[seed % scenario.queues.length] ?? 'PostgreSQL' };
    }),
  ).flat();
}

async function workOff(product: CompiledProduct, turns: Turn[]): Promise<void> {
  const stages = new Map<QueueKind, Stage>();
  for (let turn = turns.shift(); turn; turn = turns.shift()) {
    const { scenario, queue, seed } = turn;
    const tally = tallies.get(scenario.name);
    if (!tally || tally.skipped !== null) continue;
    const began = performance.now();
    try {
      const stage = stages.get(queue) ?? (await Stage.open(product, queue));
      if (!stage) throw new NotPossibleHere('there is no redis-server on the PATH');
      stages.set(queue, stage);
      await play(scenario, stage, { seed, isShort: values.short });
      tally.runs += 1;
      console.log(`ok     ${scenario.name}, seed ${seed}, ${queue}, ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      if (error instanceof NotPossibleHere) {
        tally.skipped = error.message;
        continue;
      }
      tally.runs += 1;
      tally.faults += 1;
      const how = error instanceof Error ? (error.stack ?? error.message) : String(error);
      console.log(`FAULT  ${scenario.name}, seed ${seed}, ${queue}:\n${how}`);
      // What is broken must not look like the next run's fault.
      await stages.get(queue)?.close();
      stages.delete(queue);
    }
  }
  for (const stage of stages.values()) await stage.close();
}

function printTable(): void {
  const width = Math.max(...[...tallies.keys()].map((name) => name.length));
  console.log(`\n${'scenario'.padEnd(width)}    runs  faults`);
  for (const [name, { runs, faults, skipped }] of tallies) {
    const counts = `${String(runs).padStart(4)}  ${String(faults).padStart(6)}`;
    console.log(`${name.padEnd(width)}    ${counts}${skipped === null ? '' : `  skipped: ${skipped}`}`);
  }
}
