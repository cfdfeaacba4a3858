// Running a request under an idempotency key, so that it takes effect once however often it is sent.
//
// 1. Each of its transactions leaves what it came to under the key, and commits with that or not at all. Whoever runs the
//    request again goes on after the last one that committed: what is noted is taken from there and not done again.
// 2. All ids that it makes follow from one seed, anew for each transaction, so that a second run asks for the same things by
//    the same ids, whatever it need not do again.
// 3. Whoever runs it renews a lease while it lives. When somebody else takes the request up after a silence, whatever the
//    former runner still does no longer commits.
// 4. An answer is kept when it is final. Any other one (the gateway is silent, a defect) leaves the request to the next try.

import type { Actor } from '../domain/access.ts';
import { readExactJson, writeExactJson } from '../domain/exact-json.ts';
import { answerUnderKey, KEY_LIFE_HOURS, keyInUse, type KeyedRequest } from '../domain/idempotency-key.ts';
import type { Ports, TakenKey } from '../ports.ts';

const LEASE_MS = 5_000;
const RENEW_EVERY_MS = 1_500;

/** One run of a request. */
export interface KeyedRun {
  /** What the request's actions are to be given. */
  readonly ports: Ports;
  /** The answer is final: it is given to everybody who sends the request again. */
  keep(answer: string): Promise<void>;
  /** The next one who sends the request may try. */
  letGo(): Promise<void>;
  /** Nothing was begun: the key is free for any request. */
  forget(): Promise<void>;
}

/** Renews the leases of the requests that this process runs, all together. */
export interface Leases {
  /** Returns how to stop. */
  keep(taken: TakenKey): () => void;
}

export function keepLeases({ database, log }: Ports): Leases {
  const kept = new Set<TakenKey>();
  let isRunning = false;
  const run = async () => {
    while (kept.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, RENEW_EVERY_MS).unref());
      if (kept.size === 0) break;
      await database.idempotencyKeys.renew([...kept], LEASE_MS).catch((error: unknown) => {
        // Once the lease is over somebody else may have the request; then nothing of ours commits.
        log.warn('idempotency_key.not_renewed', { cause: String(error) });
      });
    }
    isRunning = false;
  };
  return {
    keep: (taken) => {
      kept.add(taken);
      if (!isRunning) {
        isRunning = true;
        void run();
      }
      return () => void kept.delete(taken);
    },
  };
}

/** The answer of an earlier run, or a run that is to be ended. Throws what answerUnderKey throws. */
export async function answerOnce(
  ports: Ports,
  leases: Leases,
  actor: Actor,
  request: KeyedRequest,
): Promise<string | KeyedRun> {
  const { idempotencyKeys } = ports.database;
  const taken = await idempotencyKeys.take(request, {
    runner: ports.ids.next(),
    seed: ports.ids.next(),
    scopes: actor.scopes,
    leaseMs: LEASE_MS,
    lifeHours: KEY_LIFE_HOURS,
  });
  if (!('runner' in taken)) return answerUnderKey(taken, request, actor.scopes);
  const stopRenewing = leases.keep(taken);
  const ending = (end: () => Promise<void>) => {
    stopRenewing();
    return end();
  };
  return {
    ports: notingPorts(ports, taken),
    keep: (answer) => ending(() => idempotencyKeys.keepAnswer(taken, answer)),
    letGo: () => ending(() => idempotencyKeys.letGo(taken)),
    forget: () => ending(() => idempotencyKeys.forget(taken)),
  };
}

function notingPorts(ports: Ports, taken: TakenKey): Ports {
  const { database } = ports;
  let begun = 0;
  let ids = ports.ids.startingFrom(taken.seed, 0);
  const transact = async <T>(merchantId: string, work: Parameters<typeof database.transact<T>>[1]) => {
    const known = taken.steps[begun];
    begun += 1;
    ids = ports.ids.startingFrom(taken.seed, begun);
    if (known !== undefined) return readExactJson(known) as T;
    return database.transact(merchantId, async (transaction) => {
      const result = await work(transaction);
      if (!(await transaction.noteStep(taken, writeExactJson(result)))) throw keyInUse();
      return result;
    });
  };
  return { ...ports, database: { ...database, transact }, ids: { ...ports.ids, next: () => ids.next() } };
}
