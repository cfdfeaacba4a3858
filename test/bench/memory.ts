// How much memory processes take, as Linux counts it.

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { median } from './rounds.ts';

const SAMPLE_EVERY_MS = 500;

/** What processes took over time, by their names. */
export type Samples = Readonly<Record<string, readonly number[]>>;

export interface Watch {
  end(): Promise<Samples>;
}

/** Looks at these processes every moment, until they or the watch end. */
export function watchMemory(processes: Readonly<Record<string, number>>): Watch {
  const samples = Object.fromEntries(Object.keys(processes).map((name) => [name, [] as number[]]));
  const watching = sampling(async () => {
    for (const [name, pid] of Object.entries(processes)) {
      const size = await memoryOf(pid);
      if (size > 0) samples[name]?.push(size);
    }
  });
  return {
    end: async () => {
      await watching.end();
      return samples;
    },
  };
}

/** What a process took in the first, the middle and the last third of the time, and at most: flat when they are alike. */
export function memoryText(samples: Samples | undefined, name: string): string {
  const sizes = samples?.[name] ?? [];
  const third = Math.ceil(sizes.length / 3);
  const thirds = [0, 1, 2].map((part) => median(sizes.slice(part * third, (part + 1) * third)));
  return `${thirds.map((size) => Math.round(size)).join(' – ')} MB by thirds of the time, at most ${Math.round(Math.max(...sizes))} MB`;
}

/** Watches a process and its descendants, what they share counted once. Returns what ends it and tells the most, in MB. */
export function watchTree(pid: number): () => Promise<number> {
  let most = 0;
  const watching = sampling(async () => {
    const sizes = await Promise.all((await treeOf(pid)).map(shareOf));
    most = Math.max(
      most,
      sizes.reduce((sum, size) => sum + size, 0),
    );
  });
  return async () => {
    await watching.end();
    return most;
  };
}

function sampling(sample: () => Promise<void>): { end(): Promise<void> } {
  const over = new AbortController();
  const going = (async () => {
    while (!over.signal.aborted) {
      await sample();
      await pause(SAMPLE_EVERY_MS, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  return {
    end: async () => {
      over.abort();
      await going;
    },
  };
}

function memoryOf(pid: number): Promise<number> {
  return field(`/proc/${pid}/status`, 'VmRSS');
}

async function shareOf(pid: number): Promise<number> {
  // Not every kernel lets us see it; then what is shared counts in each.
  return (await field(`/proc/${pid}/smaps_rollup`, 'Pss')) || memoryOf(pid);
}

async function treeOf(root: number): Promise<readonly number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    // The name of a program, in brackets, can hold anything.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent > 0) parents.set(Number(name), parent);
  }
  const tree = new Set([root]);
  for (let size = 0; size !== tree.size;) {
    size = tree.size;
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree];
}

async function field(file: string, name: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024;
}
