// Gathering requests that come at the same time, so that one transaction or one statement serves them all.
//
// Every invoice of a merchant takes its number from one counter, so each waits until the one before it has reached the disk.
// Requests that arrive meanwhile are decided together in the next transaction (group commit). Readers share round trips in
// the same way: what is read is read after the request came, never before.
//
// 1. A request that finds nothing under way begins at once: gathering adds no wait.
// 2. Requests of one key go together. Every key has a merchant in it, so no merchant keeps the others waiting, however much it
//    asks for.
// 3. A second group of a key begins beside the first one as soon as it is as large: while the database commits one, this process
//    decides the other. Callers who ask again as soon as they are answered come to be in groups that are alike.
// 4. A group is bounded in its weight. Requests begin in their order.
// 5. When a group fails as a whole, each of its requests is tried by itself: none suffers from what another one does. A group
//    whose commit was lost may have committed, so a request must be one that can be made twice. Few are tried at a time:
//    what waits for transactions waits in one line for all merchants, and a hundred of one would stand before the others.

/** Groups of one key. One is worked on by the database while the other one is by this process; more would only be smaller. */
const GROUPS_AT_ONCE = 2;

/** A commit for less than this costs more than it brings, as long as another one is under way. */
const WORTH_A_GROUP = 8;

/** Of a group that fell apart. More than one, lest a request that waits for a lock keeps the others waiting. */
const ALONE_AT_ONCE = 3;

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

/** The requests of one key. */
interface Line<Request, Outcome> {
  readonly waiting: Waiting<Request, Outcome>[];
  readonly underWay: Set<readonly Waiting<Request, Outcome>[]>;
}

export type Gathered<Request, Outcome> = (key: string, request: Request) => Promise<Outcome>;

export function gatherRequests<Request, Outcome>(options: GatherOptions<Request, Outcome>): Gathered<Request, Outcome> {
  // A key has a line as long as a group of it is under way.
  const lines = new Map<string, Line<Request, Outcome>>();

  const begin = (key: string, line: Line<Request, Outcome>) => {
    while (mayBegin(line)) {
      const group = takeGroup(options, line.waiting);
      line.underWay.add(group);
      void runGroup(options, key, group).finally(() => {
        line.underWay.delete(group);
        begin(key, line);
      });
    }
    if (line.underWay.size === 0) lines.delete(key);
  };

  return (key, request) =>
    new Promise((resolve, reject) => {
      const line = lines.get(key) ?? { waiting: [], underWay: new Set() };
      lines.set(key, line);
      line.waiting.push({ request, resolve, reject });
      begin(key, line);
    });
}

function mayBegin<Request, Outcome>({ waiting, underWay }: Line<Request, Outcome>): boolean {
  if (waiting.length === 0 || underWay.size === GROUPS_AT_ONCE) return false;
  return [...underWay].every((group) => waiting.length >= Math.max(WORTH_A_GROUP, group.length));
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
