// The cut of our fonts, against the one that fontkit makes.

import { readFileSync } from 'node:fs';
import { create, type Font } from 'fontkit';
import { describe, expect, test } from 'vitest';
import { charactersOf } from '../../src/adapters/font-coverage.ts';
import { trueTypeSubsets } from '../../src/adapters/truetype-subset.ts';

const fileOf = (weight: string) => readFileSync(new URL(`../../src/fonts/NotoSans-${weight}.ttf`, import.meta.url));
const REGULAR = fileOf('Regular');

const everything = String.fromCodePoint(...charactersOf(REGULAR));
const TEXTS = [
  ['nothing', ''],
  ['what an invoice has', 'Factuur 2026-000017 – € 1.234,56 · 21% BTW'],
  ['letters that are put together from others', 'Ãéñőřßż ΆΈ Йї Ǻṩ'],
  ['the same letters again and in another order', 'bacabc cab é e é'],
  ['every character of the font', everything],
] as const;

describe.each(['Regular', 'SemiBold'])('a cut of %s', (weight) => {
  const file = fileOf(weight);

  test.each(TEXTS)('with %s has the bytes of fontkit’s own', (_, text) => {
    const font = create(file) as Font;
    const ours = trueTypeSubsets(file)();
    const theirs = font.createSubset();
    for (const glyph of font.layout(text).glyphs) {
      theirs.includeGlyph(glyph);
      ours.includeGlyph(glyph.id);
    }
    expect(Buffer.from(ours.encode()).equals(theirs.encode())).toBe(true);
  });
});

test('a font that it cannot cut is refused, not spoilt', () => {
  const changed = (tag: string, change: (file: Buffer, entry: number) => void) => {
    const file = Buffer.from(REGULAR);
    change(file, file.indexOf(tag));
    return () => trueTypeSubsets(file);
  };
  expect(changed('post', (file, entry) => file.write('prep', entry))).toThrow('hinting');
  expect(changed('hmtx', (file, entry) => file.write('HMTX', entry))).toThrow('hmtx');
  expect(changed('head', (file, entry) => file.writeInt16BE(1, file.readUInt32BE(entry + 8) + 50))).toThrow('long');
});
