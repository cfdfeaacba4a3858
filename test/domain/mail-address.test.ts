// What a mail can be sent to: one plausible address, and nothing that could be more than that.

import { expect, test } from 'vitest';
import { mailAddressFault } from '../../src/domain/mail-address.ts';

const label = (length: number) => 'x'.repeat(length);

test.each([
  'ada@example.com',
  'ada.lovelace+invoices@sub.example.co.uk',
  "o'neil_99@example.com",
  'invoices@localhost',
  'γεωργία@παράδειγμα.ελ',
  'jörg@müller.example',
  'a@xn--mller-kva.example',
  `${label(64)}@example.com`,
  `a@${label(63)}.${label(63)}.${label(63)}.${label(60)}`,
])('%j is one', (address) => {
  expect(mailAddressFault(address)).toBeNull();
});

test.each([
  '',
  'ada',
  '@example.com',
  'ada@',
  'ada@example',
  'ada@@example.com',
  'a@b@example.com',
  'a@example.com,b@example.com',
  'a@example.com;b@example.com',
  'a@example.com b@example.com',
  'Ada <ada@example.com>',
  '<ada@example.com>',
  '"ada"@example.com',
  'ada(comment)@example.com',
  ' ada@example.com',
  'ada@example.com\n',
  'ada@example.com\r\nBcc: b@example.com',
  'ada\u0000@example.com',
  'ada\u202e@example.com',
  'ada\u00a0l@example.com',
  '\ud800@example.com',
  'ada@example.com\udfff',
  '.ada@example.com',
  'ada.@example.com',
  'a..da@example.com',
  'ada@.example.com',
  'ada@example..com',
  'ada@example.com.',
  'ada@-example.com',
  'ada@example-.com',
  'ada@[127.0.0.1]',
  'mailto:ada@example.com',
  `${label(65)}@example.com`,
  `ada@${label(64)}.com`,
  `a@${label(63)}.${label(63)}.${label(63)}.${label(61)}`,
])('%j is none', (address) => {
  expect(mailAddressFault(address)).toMatch(/^must /);
});
