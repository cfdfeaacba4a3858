// The part of a TrueType font that a file shows, as PDF wants it embedded: fontkit's own subset, byte for byte, without parsing
// every outline again for every file.
//
// Knows what our own fonts have (src/fonts) and refuses any other: short offsets, and no programs for hinting.

/** As pdfkit asks for it. */
export interface FontSubset {
  /** The number of a glyph within the subset. */
  includeGlyph(glyph: number): number;
  encode(): Uint8Array;
}

const HEADER_SIZE = 12;
const ENTRY_SIZE = 16;
const HINTING = ['cvt ', 'fpgm', 'prep'];
const LOCATION_FORMAT = 50;
const METRICS_COUNT = 34;
const GLYPH_COUNT = 4;
const METRIC_SIZE = 4;
/** Of a glyph that is put together from others. */
const FIRST_COMPONENT = 10;
const HAS_WORDS = 0x1;
const HAS_SCALE = 0x8;
const HAS_MORE = 0x20;
const HAS_TWO_SCALES = 0x40;
const HAS_MATRIX = 0x80;

interface Tables {
  readonly head: DataView;
  readonly hhea: DataView;
  readonly maxp: DataView;
  readonly loca: DataView;
  readonly glyf: DataView;
  readonly hmtx: DataView;
}

/** Throws on a font that it does not know how to cut. */
export function trueTypeSubsets(file: Uint8Array): () => FontSubset {
  const tables = tablesOf(file);
  if (tables.head.getInt16(LOCATION_FORMAT) !== 0) throw new RangeError('A font with long offsets.');
  return () => createSubset(tables);
}

function createSubset(tables: Tables): FontSubset {
  // The glyph for what is missing comes first.
  const glyphs = [0];
  const numbers = new Map([[0, 0]]);
  const includeGlyph = (glyph: number): number => {
    const known = numbers.get(glyph);
    if (known !== undefined) return known;
    numbers.set(glyph, glyphs.length);
    return glyphs.push(glyph) - 1;
  };
  return { includeGlyph, encode: () => encode(tables, glyphs, includeGlyph) };
}

function encode(
  { head, hhea, maxp, loca, glyf, hmtx }: Tables,
  glyphs: readonly number[],
  include: FontSubset['includeGlyph'],
): Uint8Array {
  const outlines: Uint8Array[] = [];
  // What a glyph is put together from is added while they are read.
  for (let index = 0; index < glyphs.length; index += 1) {
    outlines.push(outlineOf(loca, glyf, glyphs[index] ?? 0, include));
  }
  const metricsCount = hhea.getUint16(METRICS_COUNT);
  const metrics = new DataView(new ArrayBuffer(glyphs.length * METRIC_SIZE));
  const offsets = new DataView(new ArrayBuffer((glyphs.length + 1) * 2));
  let offset = 0;
  outlines.forEach((outline, index) => {
    const glyph = glyphs[index] ?? 0;
    // Those at the end may share the last advance.
    const bearing =
      glyph < metricsCount ? glyph * METRIC_SIZE + 2 : metricsCount * METRIC_SIZE + (glyph - metricsCount) * 2;
    metrics.setUint16(index * METRIC_SIZE, hmtx.getUint16(Math.min(glyph, metricsCount - 1) * METRIC_SIZE));
    metrics.setInt16(index * METRIC_SIZE + 2, hmtx.getInt16(bearing));
    offset += outline.length;
    offsets.setUint16((index + 1) * 2, offset / 2);
  });
  return joined([
    ['head', [bytesOf(head)]],
    ['hhea', [changed(hhea, METRICS_COUNT, glyphs.length)]],
    ['loca', [bytesOf(offsets)]],
    ['maxp', [changed(maxp, GLYPH_COUNT, glyphs.length)]],
    ['glyf', outlines],
    ['hmtx', [bytesOf(metrics)]],
  ]);
}

function outlineOf(loca: DataView, glyf: DataView, glyph: number, include: FontSubset['includeGlyph']): Uint8Array {
  const begin = loca.getUint16(glyph * 2) * 2;
  const end = loca.getUint16(glyph * 2 + 2) * 2;
  const outline = bytesOf(glyf).subarray(begin, end);
  if (begin === end || glyf.getInt16(begin) >= 0) return outline;
  const own = outline.slice();
  const view = new DataView(own.buffer);
  let flags = HAS_MORE;
  for (let at = FIRST_COMPONENT; (flags & HAS_MORE) !== 0;) {
    flags = view.getUint16(at);
    view.setUint16(at + 2, include(view.getUint16(at + 2)));
    at +=
      4 +
      (flags & HAS_WORDS ? 4 : 2) +
      (flags & HAS_MATRIX ? 8 : flags & HAS_TWO_SCALES ? 4 : flags & HAS_SCALE ? 2 : 0);
  }
  return own;
}

/** A file of these tables, without checksums, for which nobody looks in a PDF. */
function joined(tables: readonly (readonly [tag: string, parts: readonly Uint8Array[]])[]): Uint8Array {
  const power = 2 ** Math.floor(Math.log2(tables.length));
  const header = new DataView(new ArrayBuffer(HEADER_SIZE + tables.length * ENTRY_SIZE));
  writeTag(header, 0, 'true');
  header.setUint16(4, tables.length);
  header.setUint16(6, power * ENTRY_SIZE);
  header.setUint16(8, Math.log2(power));
  header.setUint16(10, (tables.length - power) * ENTRY_SIZE);
  let offset = header.byteLength;
  tables.forEach(([tag, parts], index) => {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const entry = HEADER_SIZE + index * ENTRY_SIZE;
    writeTag(header, entry, tag);
    header.setUint32(entry + 8, offset);
    header.setUint32(entry + 12, length);
    offset += length;
  });
  const file = new Uint8Array(offset);
  let at = 0;
  for (const part of [bytesOf(header), ...tables.flatMap(([, parts]) => parts)]) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function tablesOf(file: Uint8Array): Tables {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const found = new Map<string, DataView>();
  for (let index = 0; index < view.getUint16(4); index += 1) {
    const entry = HEADER_SIZE + index * ENTRY_SIZE;
    const tag = String.fromCharCode(...file.subarray(entry, entry + 4));
    found.set(tag, new DataView(file.buffer, file.byteOffset + view.getUint32(entry + 8), view.getUint32(entry + 12)));
  }
  if (HINTING.some((tag) => found.has(tag))) throw new RangeError('A font with programs for hinting.');
  const table = (tag: string): DataView => {
    const it = found.get(tag);
    if (!it) throw new RangeError(`A font without the table "${tag}".`);
    return it;
  };
  return {
    head: table('head'),
    hhea: table('hhea'),
    maxp: table('maxp'),
    loca: table('loca'),
    glyf: table('glyf'),
    hmtx: table('hmtx'),
  };
}

function changed(table: DataView, at: number, value: number): Uint8Array {
  const copy = bytesOf(table).slice();
  new DataView(copy.buffer).setUint16(at, value);
  return copy;
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function writeTag(view: DataView, at: number, tag: string): void {
  for (let index = 0; index < tag.length; index += 1) view.setUint8(at + index, tag.charCodeAt(index));
}
