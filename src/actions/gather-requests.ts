// Gathering requests that come at the same time, so that one transaction or one statement serves them all.
//
// Every invoice of a merchant takes its number from one counter, so each waits until the one before it has reached the disk.
// Requests that arrive meanwhile are decided together in the next transaction (group commit). Readers share round trips in
// the same way: what is read is read after the request came, never before.
//
// 1. A request that finds nothing under way begins at once: gathering adds no wait.
// 2. Requests of one key go together, and a key has one group under way. Every key has a merchant in it, so no merchant keeps
//    the others waiting, however much it asks for.
// 3. A group is bounded in its weight. Requests keep their order.
//    Callers who ask again as soon as they are answered would end up in one large group and a small one by turns, and the
//    database and this process would wait for each other. Groups that are alike keep both at work.
// 4. When a group fails as a whole, each of its requests is tried by itself: none suffers from what another one does. A group
//    whose commit was lost may have committed, so a request must be one that can be made twice. Few are tried at a time:
//    what waits for transactions waits in one line for all merchants, and a hundred of one would stand before the others.

/** Of a group that fell apart. More than one, lest a request that waits for a lock keeps the others waiting. */
const ALONE_AT_ONCE = 3;

/** A commit for less than this costs more than it brings. */
const WORTH_SPLITTING = 8;

export interface GatherOptions<Request, Outcome> {
  /** Decides the requests as if they had come one after the other; one outcome each, in their order. */
  readonly run: (key: string, requests: readonly Request[]) => Promise<readonly Outcome[]>;
  readonly weightOf: (request: Request) => number;
  /** A group weighs no more, unless a single request does. */
  readonly mostWeight: number;
}

interface Waiting<Request, Outcome> {
  readonly request: Request;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

export type Gathered<Request, Outcome> = (key: string, request: Request) => Promise<Outcome>;

export function gatherRequests<Request, Outcome>(options: GatherOptions<Request, Outcome>): Gathered<Request, Outcome> {
  // A key has an entry as long as a group of it is under way.
  const waitingOf = new Map<string, Waiting<Request, Outcome>[]>();

  const serve = async (key: string, waiting: Waiting<Request, Outcome>[]) => {
    let before = 0;
    while (waiting.length > 0) {
      const group = takeGroup(options, waiting, shareOf(waiting.length, before));
      before = group.length;
      await runGroup(options, key, group);
    }
    waitingOf.delete(key);
  };

  return (key, request) =>
    new Promise((resolve, reject) => {
      const one = { request, resolve, reject };
      const waiting = waitingOf.get(key);
      if (waiting) {
        waiting.push(one);
        return;
      }
      const first = [one];
      waitingOf.set(key, first);
      void serve(key, first);
    });
}

/** How many of those that wait go next: about as many as the group before them had, whose callers will ask again. */
function shareOf(waiting: number, before: number): number {
  return waiting <= WORTH_SPLITTING || waiting <= before ? waiting : Math.ceil((waiting + before) / 2);
}

function takeGroup<Request, Outcome>(
  { weightOf, mostWeight }: GatherOptions<Request, Outcome>,
  waiting: Waiting<Request, Outcome>[],
  most: number,
): readonly Waiting<Request, Outcome>[] {
  let weight = 0;
  const tooMuch = waiting.findIndex(({ request }) => (weight += weightOf(request)) > mostWeight);
  return waiting.splice(0, tooMuch === -1 ? most : Math.min(most, Math.max(1, tooMuch)));
}

/** Settles every one of the group, and never throws. */
async function runGroup<Request, Outcome>(
  { run }: GatherOptions<Request, Outcome>,
  key: string,
  group: readonly Waiting<Request, Outcome>[],
): Promise<void> {
  try {
    const outcomes = await run(
      key,
      group.map(({ request }) => request),
    );
    group.forEach(({ resolve }, index) => resolve(outcomes[index] as Outcome));
  } catch (error) {
    const [only] = group;
    if (only && group.length === 1) return only.reject(error);
    const left = group.values();
    const tryAlone = async () => {
      for (const { request, resolve, reject } of left) {
        await run(key, [request]).then(([outcome]) => resolve(outcome as Outcome), reject);
      }
    };
    await Promise.all(Array.from({ length: ALONE_AT_ONCE }, tryAlone));
  }
}
