// API keys: making one, and finding out on whose behalf a request comes.
//
// A key is `bh_<prefix>_<secret>`: the prefix finds it, the 32 random bytes of the secret prove it. Only a SHA-256 of the
// whole key is kept. Random bytes need no slow hash: there is nothing to guess.

import type { Actor, Scope } from '../domain/access.ts';
import { Refusal } from '../domain/errors.ts';
import type { Ports } from '../ports.ts';

const KEY = /^bh_([A-Za-z0-9-]{8,32})_[A-Za-z0-9_-]{43}$/;

/** Throws UNAUTHENTICATED, with one and the same message whatever is wrong with the key. */
export async function authenticate(ports: Ports, apiKey: string | null): Promise<Actor> {
  if (apiKey === null) {
    throw new Refusal('UNAUTHENTICATED', 'An API key is needed: send it as "Authorization: Bearer <key>".');
  }
  const prefix = KEY.exec(apiKey)?.[1];
  const candidates = prefix === undefined ? [] : await ports.database.apiKeys.findByPrefix(prefix);
  const sha256 = ports.digests.sha256(apiKey);
  const now = ports.clock.now();
  const key = candidates.find((candidate) => ports.digests.isEqual(candidate.sha256, sha256));
  if (!key || key.revokedAt !== null || (key.expiresAt !== null && key.expiresAt <= now)) {
    throw new Refusal('UNAUTHENTICATED', 'This API key is not valid.');
  }
  return { merchantId: key.merchantId, scopes: key.scopes };
}

export interface CreateApiKeyInput {
  readonly merchantId: string;
  /** What the key is for, for the people who look after it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date | null;
}

/** Returns the key itself, which is shown this once and kept nowhere. */
export async function createApiKey(ports: Ports, input: CreateApiKeyInput): Promise<string> {
  const prefix = ports.ids.next().replaceAll('-', '').slice(-12);
  const apiKey = `bh_${prefix}_${ports.digests.randomText(32)}`;
  await ports.database.apiKeys.insert({
    ...input,
    id: ports.ids.next(),
    prefix,
    sha256: ports.digests.sha256(apiKey),
    createdAt: ports.clock.now(),
  });
  return apiKey;
}
