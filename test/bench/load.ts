// The load generator: the same one for both sides of a comparison. It runs in the benchmark's process, they in theirs.

import { Pool } from 'undici';

export interface Target {
  readonly address: string;
  readonly path: string;
  readonly apiKey: string | null;
}

export interface Door {
  /** Posts a body, to the target's path where no other is named, and returns the answer. Throws when it is not a good one. */
  ask(body: string, path?: string): Promise<string>;
  close(): Promise<void>;
}

export function openDoor(target: Target, connections: number): Door {
  const pool = new Pool(target.address, { connections, pipelining: 1, keepAliveTimeout: 60_000 });
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (target.apiKey !== null) headers['authorization'] = `Bearer ${target.apiKey}`;
  return {
    ask: async (body, path = target.path) => {
      const answer = await pool.request({ path, method: 'POST', headers, body });
      const text = await answer.body.text();
      if (answer.statusCode !== 200 || text.includes('"errors"')) {
        throw new Error(`${target.address}${path} answered ${answer.statusCode}: ${text.slice(0, 500)}`);
      }
      return text;
    },
    close: () => pool.close(),
  };
}

export interface Turn {
  /** How many callers there are; each asks the next as soon as its last one was answered. */
  readonly concurrency: number;
  /** Nothing more is asked after that. */
  readonly longestMs?: number;
}

/** Does everything, or what fits into the time. Returns how many a second were done. */
export async function doAll<T>(all: readonly T[], turn: Turn, one: (each: T) => Promise<unknown>): Promise<number> {
  const { concurrency, longestMs = Infinity } = turn;
  let begun = 0;
  const began = performance.now();
  const caller = async () => {
    while (begun < all.length && performance.now() - began < longestMs) await one(all[begun++] as T);
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return (begun / (performance.now() - began)) * 1000;
}

export function askAll(door: Door, bodies: readonly string[], turn: Turn): Promise<number> {
  return doAll(bodies, turn, (body) => door.ask(body));
}

/** What a GraphQL client posts. */
export function graphql(query: string, variables: object): string {
  return JSON.stringify({ query, variables });
}
