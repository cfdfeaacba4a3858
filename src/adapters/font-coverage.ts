// Which characters a TrueType font can draw, read from its character map.

const SUBTABLE_FORMAT_OF_RANGES = 4;

/** The code points up to U+FFFF that the font has a glyph for. Reads the `cmap` table in format 4, as every font has it. */
export function charactersOf(font: Uint8Array): ReadonlySet<number> {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength);
  const ranges = rangesAt(view, tableOffset(view, 'cmap'));
  const count = view.getUint16(ranges + 6) / 2;
  const ends = ranges + 14;
  const starts = ends + 2 * count + 2;
  const deltas = starts + 2 * count;
  const glyphOffsets = deltas + 2 * count;
  const characters = new Set<number>();
  for (let index = 0; index < count; index += 1) {
    const start = view.getUint16(starts + 2 * index);
    const end = view.getUint16(ends + 2 * index);
    const glyphOffset = view.getUint16(glyphOffsets + 2 * index);
    for (let code = start; code <= end && code < 0xffff; code += 1) {
      // Either the glyph is the code plus a delta, or it stands in a list whose place is given relative to this entry.
      const listed = glyphOffsets + 2 * index + glyphOffset + 2 * (code - start);
      const base = glyphOffset === 0 ? code : view.getUint16(listed);
      const isMissing = glyphOffset !== 0 && base === 0;
      if (!isMissing && ((base + view.getUint16(deltas + 2 * index)) & 0xffff) !== 0) characters.add(code);
    }
  }
  return characters;
}

function tableOffset(view: DataView, tag: string): number {
  const tables = view.getUint16(4);
  for (let index = 0; index < tables; index += 1) {
    const entry = 12 + 16 * index;
    const name = String.fromCharCode(...[0, 1, 2, 3].map((place) => view.getUint8(entry + place)));
    if (name === tag) return view.getUint32(entry + 8);
  }
  throw new Error(`The font has no table "${tag}".`);
}

function rangesAt(view: DataView, cmap: number): number {
  const subtables = view.getUint16(cmap + 2);
  for (let index = 0; index < subtables; index += 1) {
    const offset = cmap + view.getUint32(cmap + 4 + 8 * index + 4);
    if (view.getUint16(offset) === SUBTABLE_FORMAT_OF_RANGES) return offset;
  }
  throw new Error('The font has no character map in format 4.');
}
