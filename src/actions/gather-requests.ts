// Gathering requests that come at the same time, so that one transaction serves them all (group commit).
//
// Every invoice of a merchant takes its number from one counter, so each waits until the one before it has reached the disk.
// Requests that arrive meanwhile are decided together in the next transaction.
//
// 1. A request that finds nothing under way begins at once: gathering adds no wait.
// 2. A merchant has one group under way, so no merchant keeps the others waiting, however much it asks for.
// 3. A group is bounded in its weight. Requests keep their order.
// 4. When a group fails as a whole, each of its requests is tried by itself: none suffers from what another one does. A group
//    whose commit was lost may have committed, so a request must be one that can be made twice.

export interface GatherOptions<Request, Outcome> {
  /** Decides the requests as if they had come one after the other; one outcome each, in their order. */
  readonly run: (merchantId: string, requests: readonly Request[]) => Promise<readonly Outcome[]>;
  readonly weightOf: (request: Request) => number;
  /** A group weighs no more, unless a single request does. */
  readonly mostWeight: number;
}

interface Waiting<Request, Outcome> {
  readonly request: Request;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

export type Gathered<Request, Outcome> = (merchantId: string, request: Request) => Promise<Outcome>;

export function gatherRequests<Request, Outcome>(options: GatherOptions<Request, Outcome>): Gathered<Request, Outcome> {
  // A merchant has an entry as long as a group of it is under way.
  const waitingOf = new Map<string, Waiting<Request, Outcome>[]>();

  const serve = async (merchantId: string, waiting: Waiting<Request, Outcome>[]) => {
    while (waiting.length > 0) await runGroup(options, merchantId, takeGroup(options, waiting));
    waitingOf.delete(merchantId);
  };

  return (merchantId, request) =>
    new Promise((resolve, reject) => {
      const one = { request, resolve, reject };
      const waiting = waitingOf.get(merchantId);
      if (waiting) {
        waiting.push(one);
        return;
      }
      const first = [one];
      waitingOf.set(merchantId, first);
      void serve(merchantId, first);
    });
}

function takeGroup<Request, Outcome>(
  { weightOf, mostWeight }: GatherOptions<Request, Outcome>,
  waiting: Waiting<Request, Outcome>[],
): readonly Waiting<Request, Outcome>[] {
  let weight = 0;
  const tooMuch = waiting.findIndex(({ request }) => (weight += weightOf(request)) > mostWeight);
  return waiting.splice(0, tooMuch === -1 ? waiting.length : Math.max(1, tooMuch));
}

/** Settles every one of the group, and never throws. */
async function runGroup<Request, Outcome>(
  { run }: GatherOptions<Request, Outcome>,
  merchantId: string,
  group: readonly Waiting<Request, Outcome>[],
): Promise<void> {
  try {
    const outcomes = await run(
      merchantId,
      group.map(({ request }) => request),
    );
    group.forEach(({ resolve }, index) => resolve(outcomes[index] as Outcome));
  } catch (error) {
    const [only] = group;
    if (only && group.length === 1) return only.reject(error);
    await Promise.all(
      group.map(({ request, resolve, reject }) =>
        run(merchantId, [request]).then(([outcome]) => resolve(outcome as Outcome), reject),
      ),
    );
  }
}
