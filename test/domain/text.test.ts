// What a text may hold: letters of every script pass, what hides, deceives or breaks lines does not.

import { describe, expect, test } from 'vitest';
import { Faults, shown, textFault } from '../../src/domain/text.ts';

const linesFault = (text: string) => {
  const faults = new Faults();
  faults.lines(['memo'], text, 100);
  return faults.list[0]?.message ?? null;
};

describe('a text of one line', () => {
  test.each([
    'Ada Lovelace',
    'Müller & Söhne <GmbH> "Nord"',
    'Ngô Bảo Châu',
    'שָׁלוֹם مَرْحَبًا',
    'สวัสดี नमस्ते 日本語',
    '👩‍👩‍👧‍👦 🇳🇱 ☕️',
    "'; DROP TABLE invoices; --",
    `e${'\u0301'.repeat(10)}`,
    'x'.repeat(100),
  ])('%j passes', (text) => expect(textFault(text, 100)).toBeNull());

  test.each([
    ['', 'empty'],
    ['\u200b\u2060 ', 'empty'],
    ['x'.repeat(101), 'at most 100'],
    ['a\ud800', 'well-formed'],
    ['a\u0000', 'control'],
    ['a\nb', 'control'],
    ['a\u0085b', 'control'],
    ['a\u2028b', 'control'],
    ['a\u202eb', 'direction'],
    ['a\u2066b', 'direction'],
    ['a\u061cb', 'direction'],
    [`e${'\u0301'.repeat(11)}`, 'combining marks'],
  ])('%j is refused', (text, reason) => expect(textFault(text, 100)).toContain(reason));
});

describe('a text of several lines', () => {
  test.each(['a\nb', 'a\r\nb', 'a\tb', 'a\u2028b'])('%j passes', (text) => expect(linesFault(text)).toBeNull());
  test.each(['a\rb', 'a\u0000b', 'a\u202eb'])('%j is refused', (text) => expect(linesFault(text)).not.toBeNull());
});

describe('a text that a message repeats', () => {
  test('stays as it is when there is nothing wrong with it', () => expect(shown('Ada 👩‍👧 <b>')).toBe('Ada 👩‍👧 <b>'));
  test('is on one line and reads forwards', () =>
    expect(shown('a\r\nb\u0000\u202ec\ud800d\u2028e')).toBe('a\ufffd\ufffdb\ufffd\ufffdc\ufffdd\ufffde'));
  test('is short, and cut between characters', () => {
    expect(shown('x'.repeat(1_000_000))).toBe(`${'x'.repeat(100)}…`);
    expect(shown('😀'.repeat(101))).toBe(`${'😀'.repeat(100)}…`);
  });
});
