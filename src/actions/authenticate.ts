// Who asks: API keys and the access tokens made from them.
//
// A key is `bh_<prefix>_<secret>`: the prefix finds it, the 32 random bytes of the secret prove it. Only a SHA-256 of the
// whole key is kept. Random bytes need no slow hash: there is nothing to guess.

import { holdsScope, SCOPES, type Actor, type Scope } from '../domain/access.ts';
import { Refusal } from '../domain/errors.ts';
import type { Ports, StoredApiKey } from '../ports.ts';
import { gatherRequests, type Gathered } from './gather-requests.ts';

const KEY = /^bh_([A-Za-z0-9-]{8,32})_[A-Za-z0-9_-]{43}$/;
/** Often enough to tell which keys are in use, and rare enough to cost nothing. */
const USE_NOTED_EVERY_MS = 60_000;
export const TOKEN_LIFE_MS = 3_600_000;

/** Prefixes that are looked up at the same time are looked up together. All merchants share it: a prefix tells of none. */
export type KeyLookUp = Gathered<string, readonly StoredApiKey[]>;

const MOST_PREFIXES_AT_ONCE = 100;

export function gatherKeyLookUps({ database }: Ports): KeyLookUp {
  return gatherRequests({
    run: async (_, prefixes) => {
      const found = await database.apiKeys.findByPrefixes([...new Set(prefixes)]);
      return prefixes.map((prefix) => found.filter((key) => key.prefix === prefix));
    },
    weightOf: () => 1,
    mostWeight: MOST_PREFIXES_AT_ONCE,
  });
}

/** `credential` is an API key or an access token. Throws UNAUTHENTICATED, with one message whatever is wrong with it. */
export async function authenticate(ports: Ports, lookUp: KeyLookUp, credential: string | null): Promise<Actor> {
  if (credential === null) {
    throw new Refusal('UNAUTHENTICATED', 'An API key is needed: send it as "Authorization: Bearer <key>".');
  }
  const actor = KEY.test(credential)
    ? await actorOfKey(ports, lookUp, credential)
    : await actorOfToken(ports, credential);
  if (!actor) throw new Refusal('UNAUTHENTICATED', 'This API key or access token is not valid.');
  return actor;
}

async function actorOfKey(ports: Ports, lookUp: KeyLookUp, apiKey: string): Promise<Actor | null> {
  const key = await findKey(ports, lookUp, apiKey);
  return key && { merchantId: key.merchantId, scopes: key.scopes, keyId: key.id };
}

/** A token lives no longer than its key, and can do no more. */
async function actorOfToken(ports: Ports, token: string): Promise<Actor | null> {
  const claims = await ports.tokens.verify(token, ports.clock.now());
  if (!claims) return null;
  const key = await ports.database.apiKeys.find(claims.merchantId, claims.keyId);
  if (!key || !isValid(ports, key)) return null;
  const scopes = claims.scopes.filter((scope) => holdsScope(key, scope));
  return { merchantId: key.merchantId, scopes, keyId: key.id };
}

/** The key that was given, when it is valid. */
async function findKey(ports: Ports, lookUp: KeyLookUp, apiKey: string): Promise<StoredApiKey | null> {
  const { database, digests, clock } = ports;
  const candidates = await lookUp('', KEY.exec(apiKey)?.[1] ?? '');
  // Hashed and compared in any case, so that a known prefix answers like an unknown one.
  const sha256 = digests.sha256(apiKey);
  const key = candidates.find((candidate) => digests.isEqual(candidate.sha256, sha256));
  if (!key || !isValid(ports, key)) return null;
  const now = clock.now();
  if (key.lastUsedAt === null || now.getTime() - key.lastUsedAt.getTime() > USE_NOTED_EVERY_MS) {
    await database.apiKeys.noteUse(key, now);
  }
  return key;
}

function isValid({ clock }: Ports, { revokedAt, expiresAt }: StoredApiKey): boolean {
  return revokedAt === null && (expiresAt === null || expiresAt > clock.now());
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

/** What an OAuth client is: an API key, known by its beginning, `bh_<prefix>`, and proved by the whole of it. */
export interface Client {
  readonly merchantId: string;
  readonly keyId: string;
  readonly scopes: readonly Scope[];
}

/** null for a client that is unknown, expired or revoked, or whose secret is wrong. */
export async function findClient(
  ports: Ports,
  lookUp: KeyLookUp,
  clientId: string,
  clientSecret: string,
): Promise<Client | null> {
  if (!KEY.test(clientSecret) || !clientSecret.startsWith(`${clientId}_`)) return null;
  const key = await findKey(ports, lookUp, clientSecret);
  return key && { merchantId: key.merchantId, keyId: key.id, scopes: key.scopes };
}

/** The scopes that a client is given when it asks for these; all of its own when it asks for none. null for one it lacks. */
export function grantScopes(client: Client, asked: readonly string[] | null): readonly Scope[] | null {
  if (asked === null) return client.scopes;
  const granted = SCOPES.filter((scope) => asked.includes(scope) && holdsScope(client, scope));
  return granted.length === new Set(asked).size && granted.length > 0 ? granted : null;
}

/** A token that works like the key for an hour, within these scopes. */
export async function issueAccessToken(ports: Ports, client: Client, scopes: readonly Scope[]): Promise<string> {
  const { merchantId, keyId } = client;
  const issuedAt = ports.clock.now();
  return ports.tokens.sign({ merchantId, keyId, scopes }, issuedAt, new Date(issuedAt.getTime() + TOKEN_LIFE_MS));
}
