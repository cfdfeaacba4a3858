// Access tokens: JSON Web Tokens, signed with a secret of this installation (RFC 9068, HS256).

import { jwtVerify, SignJWT } from 'jose';
import { SCOPES } from '../domain/access.ts';
import type { AccessTokens } from '../ports.ts';

const ALGORITHM = 'HS256';
const TYPE = 'at+jwt';
const ISSUER = 'billhead';
const AUDIENCE = 'billhead';

export interface SigningKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

/** `readKeys` gives the signing keys, the newest first; they are read again when a token names an unknown one. */
export function joseAccessTokens(readKeys: () => Promise<readonly SigningKey[]>): AccessTokens {
  let keys: Promise<readonly SigningKey[]> | null = null;
  const known = (isFresh: boolean) => {
    if (isFresh) keys = null;
    keys ??= readKeys().catch((error: unknown) => {
      keys = null;
      throw error;
    });
    return keys;
  };
  return {
    sign: async ({ merchantId, keyId, scopes }, issuedAt, expiresAt) => {
      const [newest] = await known(false);
      if (!newest) throw new RangeError('The first migration that knows of signing keys makes one.');
      return new SignJWT({ merchant: merchantId, scope: scopes.join(' ') })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: newest.id })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(keyId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(newest.secret);
    },
    verify: async (token, now) => {
      const secretOf = async ({ kid }: { readonly kid?: string }) => {
        const find = (list: readonly SigningKey[]) => list.find(({ id }) => id === kid);
        const key = find(await known(false)) ?? find(await known(true));
        if (!key) throw new UnknownKey();
        return key.secret;
      };
      try {
        // Which algorithm counts is ours to say, never the token's.
        const { payload } = await jwtVerify(token, secretOf, {
          algorithms: [ALGORITHM],
          typ: TYPE,
          issuer: ISSUER,
          audience: AUDIENCE,
          requiredClaims: ['sub', 'exp', 'iat'],
          currentDate: now,
        });
        const { sub: keyId, merchant, scope } = payload;
        if (typeof keyId !== 'string' || typeof merchant !== 'string' || typeof scope !== 'string') return null;
        const given = scope.split(' ');
        return { merchantId: merchant, keyId, scopes: SCOPES.filter((one) => given.includes(one)) };
      } catch (error) {
        if (error instanceof UnknownKey || isFaultOfToken(error)) return null;
        throw error;
      }
    },
  };
}

class UnknownKey extends Error {}

/** jose marks what is wrong with a token by a code; anything else went wrong with us. */
function isFaultOfToken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_J');
}
