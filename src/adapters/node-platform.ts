// What Node itself provides: ids and digests.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { v7 } from 'uuid';
import type { Digests, Ids } from '../ports.ts';

/** More than an order has items. */
const MOST_IDS_A_PART = 10_000;

/** UUIDs of version 7 begin with the time, so that new rows go to the end of their index. */
export const timeSortedIds: Ids = {
  next: () => v7(),
  startingFrom: (seed, part) => {
    const msecs = Number.parseInt(seed.replaceAll('-', '').slice(0, 12), 16);
    let made = 0;
    return {
      next: () => {
        made += 1;
        const random = createHash('sha256').update(`${seed} ${part} ${made}`).digest().subarray(0, 16);
        // The counter beside the random bits keeps them sorting in the order in which they were made.
        return v7({ msecs, random, seq: part * MOST_IDS_A_PART + made });
      },
    };
  },
};

export const nodeDigests: Digests = {
  sha256: (content) => createHash('sha256').update(content).digest('hex'),
  randomText: (bytes) => randomBytes(bytes).toString('base64url'),
  isEqual: (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b)),
};
