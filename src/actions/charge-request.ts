// Charging a request to its key, so that no key can take what the others need.

import type { Actor } from '../domain/access.ts';
import { rateLimited } from '../domain/errors.ts';
import type { Ports } from '../ports.ts';

/** `cost`: how many records the request may touch. Throws RATE_LIMITED, with the time after which there is more. */
export async function chargeRequest(ports: Ports, { keyId }: Actor, cost: number): Promise<void> {
  // The product's own work has no key.
  if (keyId === undefined) return;
  const waitMs = await ports.rateLimits.take(keyId, Math.max(1, cost));
  if (waitMs !== null) throw rateLimited(Math.max(1, Math.ceil(waitMs / 1000)));
}
