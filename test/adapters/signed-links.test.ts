// Signed links: what was signed opens until it expires, for its purpose, and nothing else opens.

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { signedLinks } from '../../src/adapters/signed-links.ts';

const secrets = new Map([
  ['a', randomBytes(32)],
  ['b', randomBytes(32)],
]);
const links = signedLinks(async (merchantId) => secrets.get(merchantId) ?? null);
const expiresAt = new Date('2026-06-01T12:00:00Z');
const link = { merchantId: 'a', invoiceId: 'factuur/één', expiresAt };

test('a link opens what it was signed for, to the last moment and not after it', async () => {
  const token = await links.sign('pdf', link);
  expect(await links.verify('pdf', token, new Date(expiresAt.getTime() - 1))).toEqual(link);
  expect(await links.verify('pdf', token, expiresAt)).toBeNull();
  expect(await links.verify('pdf', token, new Date(expiresAt.getTime() + 86_400_000))).toBeNull();
});

test('a changed character anywhere, or the signature of another merchant, opens nothing', async () => {
  const token = await links.sign('pdf', link);
  const now = new Date(0);
  for (let index = 0; index < token.length; index += 1) {
    const other = token[index] === 'A' ? 'B' : 'A';
    expect(await links.verify('pdf', `${token.slice(0, index)}${other}${token.slice(index + 1)}`, now)).toBeNull();
  }
  const [content = ''] = token.split('.');
  const [, signature = ''] = (await links.sign('pdf', { ...link, merchantId: 'b' })).split('.');
  expect(await links.verify('pdf', `${content}.${signature}`, now)).toBeNull();
});

test('a link to a PDF leads to no payment, nor the other way round', async () => {
  const now = new Date(0);
  expect(await links.verify('pay', await links.sign('pdf', link), now)).toBeNull();
  expect(await links.verify('pdf', await links.sign('pay', link), now)).toBeNull();
  expect(await links.verify('pay', await links.sign('pay', link), now)).toEqual(link);
});
