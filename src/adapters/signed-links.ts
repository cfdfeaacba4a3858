// Signed links: what a link is for and what it opens, signed with the merchant's own secret (HMAC-SHA256).

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { LinkPurpose, SignedLink, SignedLinks } from '../ports.ts';

/** `secretOf` gives the secret of a merchant; null when there is no such merchant. */
export function signedLinks(secretOf: (merchantId: string) => Promise<Uint8Array | null>): SignedLinks {
  return {
    sign: async (purpose, link) => {
      const secret = await secretOf(link.merchantId);
      if (!secret) throw new RangeError('Only invoices of merchants that are there can be linked to.');
      const content = Buffer.from(JSON.stringify([link.merchantId, link.invoiceId, link.expiresAt.getTime()]));
      return `${content.toString('base64url')}.${signature(secret, purpose, content).toString('base64url')}`;
    },
    verify: async (purpose, token, now) => {
      const match = /^([A-Za-z0-9_-]{1,2000})\.([A-Za-z0-9_-]{43})$/.exec(token);
      const content = Buffer.from(match?.[1] ?? '', 'base64url');
      const link = readLink(content);
      if (!match || !link) return null;
      const secret = await secretOf(link.merchantId);
      if (!secret) return null;
      const given = Buffer.from(match[2] ?? '', 'base64url');
      // Encoded again, because base64 has several spellings of the same bytes and only one of them is the link we made.
      const isOurs =
        timingSafeEqual(given, signature(secret, purpose, content)) &&
        token === `${content.toString('base64url')}.${given.toString('base64url')}`;
      return isOurs && link.expiresAt > now ? link : null;
    },
  };
}

// A link for one purpose is none for another.
function signature(secret: Uint8Array, purpose: LinkPurpose, content: Buffer): Buffer {
  return createHmac('sha256', secret).update(`${purpose}-link\n`).update(content).digest();
}

function readLink(content: Buffer): SignedLink | null {
  try {
    const parsed: unknown = JSON.parse(content.toString('utf8'));
    if (!Array.isArray(parsed)) return null;
    const [merchantId, invoiceId, expiresAtMs] = parsed as unknown[];
    if (typeof merchantId !== 'string' || typeof invoiceId !== 'string' || typeof expiresAtMs !== 'number') return null;
    return { merchantId, invoiceId, expiresAt: new Date(expiresAtMs) };
  } catch {
    return null;
  }
}
