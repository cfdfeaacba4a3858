// Links to PDFs: what was signed opens until it expires, and nothing else opens.

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { signedPdfLinks } from '../../src/adapters/signed-pdf-links.ts';

const secrets = new Map([
  ['a', randomBytes(32)],
  ['b', randomBytes(32)],
]);
const links = signedPdfLinks(async (merchantId) => secrets.get(merchantId) ?? null);
const expiresAt = new Date('2026-06-01T12:00:00Z');
const link = { merchantId: 'a', invoiceId: 'factuur/één', expiresAt };

test('a link opens what it was signed for, to the last moment and not after it', async () => {
  const token = await links.sign(link);
  expect(await links.verify(token, new Date(expiresAt.getTime() - 1))).toEqual(link);
  expect(await links.verify(token, expiresAt)).toBeNull();
  expect(await links.verify(token, new Date(expiresAt.getTime() + 86_400_000))).toBeNull();
});

test('a changed character anywhere, or the signature of another merchant, opens nothing', async () => {
  const token = await links.sign(link);
  const now = new Date(0);
  for (let index = 0; index < token.length; index += 1) {
    const other = token[index] === 'A' ? 'B' : 'A';
    expect(await links.verify(`${token.slice(0, index)}${other}${token.slice(index + 1)}`, now)).toBeNull();
  }
  const [content = ''] = token.split('.');
  const [, signature = ''] = (await links.sign({ ...link, merchantId: 'b' })).split('.');
  expect(await links.verify(`${content}.${signature}`, now)).toBeNull();
});
