// A canvas over pdfkit: text that is measured, wrapped and set on a baseline, rules and filled boxes. Nothing of invoices.

import { readFileSync } from 'node:fs';
import { create as createFont, type Font } from 'fontkit';
import PDFDocument from 'pdfkit';
import { charactersOf } from './font-coverage.ts';
import { trueTypeSubsets } from './truetype-subset.ts';

/** What the file says of itself. `createdAt` is the only time in it, so that the same content gives the same bytes. */
export interface FileInformation {
  readonly title: string;
  readonly author: string;
  readonly language: string;
  readonly createdAt: Date;
}

export interface TextStyle {
  readonly weight: 'regular' | 'semibold';
  readonly size: number;
  readonly color: string;
}

/** All lengths are in points, y counts from the top of the page. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly pages: number;
  addPage(): void;
  goToPage(index: number): void;
  widthOf(text: string, style: TextStyle): number;
  /** Never wider than `width`; a text of more than `maximum` lines ends in an ellipsis. */
  wrap(text: string, style: TextStyle, width: number, maximum: number): readonly string[];
  /**
   * Sets one line; what is wider than `options.fit` is set smaller, and, if it begins at the left, cut rather than set
   * so small that nobody can read it. Figures, which end at the right, are never cut. Returns the width that it takes.
   */
  text(text: string, x: number, baseline: number, style: TextStyle, options?: TextOptions): number;
  rule(x: number, y: number, width: number, thickness: number, color: string): void;
  box(x: number, y: number, width: number, height: number, radius: number, color: string): void;
  /** The whole file. Nothing can be drawn afterwards. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
}

export interface TextOptions {
  /** `right`: x is where the line ends. */
  readonly align?: 'left' | 'right';
  readonly fit?: number;
  /** An https address. */
  readonly link?: string | null;
}

// The fonts lie in src/, also for the compiled program: they are not compiled.
const readFont = (name: string) => readFileSync(new URL(`../../src/fonts/NotoSans-${name}.ttf`, import.meta.url));
const REGULAR = readFont('Regular');
/** By code unit. */
const DRAWABLE = new Uint8Array(0x1_0000);
for (const character of charactersOf(REGULAR)) DRAWABLE[character] = 1;
// Parsed once a thread: every file takes what it shows of them.
const FONTS = { regular: openFont(REGULAR), semibold: openFont(readFont('SemiBold')) };
const MISSING = '\ufffd';
const ELLIPSIS = '…';
const SMALLEST_SCALE = 0.6;
/** Kept a thread and weight, about 1 kB each. */
const MOST_WORDS = 4_000;

/** As much of a text that is laid out as pdfkit looks at. */
type Run = Pick<ReturnType<Font['layout']>, 'glyphs' | 'positions' | 'advanceWidth'>;

export function createCanvas(information: FileInformation): Canvas {
  const pdf = openFile(information);
  const flush = gatherContent(pdf);
  const measure = pdf.widthOfString.bind(pdf);
  // pdfkit measures each text twice more when it sets it, for links and a cursor that are not used here.
  pdf.widthOfString = () => 0;
  // Every text is measured before it is set, and words come again on every row.
  const widths = { regular: new Map<number, Map<string, number>>(), semibold: new Map<number, Map<string, number>>() };
  const widthOf = (text: string, { weight, size }: TextStyle): number => {
    let ofSize = widths[weight].get(size);
    if (!ofSize) widths[weight].set(size, (ofSize = new Map()));
    const known = ofSize.get(text);
    if (known !== undefined) return known;
    pdf.font(weight).fontSize(size);
    const width = measure(drawable(text));
    ofSize.set(text, width);
    return width;
  };
  const wrap = (text: string, style: TextStyle, width: number, maximum: number): readonly string[] => {
    const lines = wrapped(drawable(text), width, (part) => widthOf(part, style));
    if (lines.length <= maximum) return lines;
    return [...lines.slice(0, maximum - 1), shortened(lines[maximum - 1] ?? '')];
  };
  return {
    width: pdf.page.width,
    height: pdf.page.height,
    get pages() {
      return pdf.bufferedPageRange().count;
    },
    addPage: () => void pdf.addPage(),
    goToPage: (index) => void pdf.switchToPage(index),
    widthOf,
    wrap,
    text: (text, x, baseline, style, { align = 'left', fit = Infinity, link = null } = {}) => {
      const isCut = align === 'left' && widthOf(text, style) * SMALLEST_SCALE > fit;
      const shown = isCut ? (wrap(text, style, fit, 1)[0] ?? '') : drawable(text);
      const natural = widthOf(shown, style);
      const scale = natural > fit ? fit / natural : 1;
      const start = align === 'right' ? x - natural * scale : x;
      pdf
        .font(style.weight)
        .fontSize(style.size * scale)
        .fillColor(componentsOf(style.color));
      pdf.text(shown, start, baseline, { lineBreak: false, baseline: 'alphabetic' });
      if (link?.startsWith('https://')) {
        pdf.link(start, baseline - style.size, natural * scale, style.size * 1.3, link);
      }
      return natural * scale;
    },
    rule: (x, y, width, thickness, color) => void pdf.rect(x, y, width, thickness).fill(componentsOf(color)),
    box: (x, y, width, height, radius, color) =>
      void pdf.roundedRect(x, y, width, height, radius).fill(componentsOf(color)),
    finish: async () => {
      flush();
      pdf.end();
      return await contentOf(pdf);
    },
  };
}

/**
 * pdfkit makes an array of bytes of every operator, a dozen for each text. Here they are gathered to one a page. Returns what
 * writes the last of them down.
 */
function gatherContent(pdf: PDFKit.PDFDocument): () => void {
  let { page } = pdf;
  let content = '';
  const flush = () => {
    if (content !== '') page.write(Buffer.from(content, 'latin1'));
    content = '';
  };
  pdf.addContent = (operator: string) => {
    if (pdf.page !== page) {
      flush();
      ({ page } = pdf);
    }
    content += `${operator}\n`;
    return pdf;
  };
  return flush;
}

/** PDF/A-3b, so that an electronic invoice can be put into the file as XML. */
function openFile({ title, author, language, createdAt }: FileInformation): PDFKit.PDFDocument {
  const pdf = new PDFDocument({
    size: 'A4',
    margin: 0,
    bufferPages: true,
    // Without a version from 1.4 up pdfkit leaves the metadata out that PDF/A is recognised by.
    pdfVersion: '1.7',
    subset: 'PDF/A-3b',
    lang: language,
    // No standard font: nothing of it would be shown.
    font: '',
    displayTitle: true,
    // pdfkit copies the title as it is into the XML of the metadata; the author is written there by hand, because a
    // company's name often has an ampersand and readers that show the plain entry would show "&amp;".
    info: { Title: escapedXml(title), Creator: 'Billhead', CreationDate: createdAt, ModDate: createdAt },
  });
  pdf.appendXML(
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator><rdf:Seq>' +
      `<rdf:li>${escapedXml(author)}</rdf:li></rdf:Seq></dc:creator></rdf:Description>`,
  );
  for (const [weight, font] of Object.entries(FONTS))
    pdf.registerFont(weight, font as unknown as PDFKit.Mixins.PDFFontSource);
  return pdf;
}

/** With what each word looks like kept from one file to the next, and cut to what a file shows without parsing it anew. */
function openFont(file: Buffer): Font {
  const font = createFont(file) as Font;
  // pdfkit scales what it is given to a thousandth of the font's size, in place: here that changes nothing.
  if (font.unitsPerEm !== 1_000) throw new RangeError('A font that pdfkit would have to scale.');
  const layOut = font.layout.bind(font);
  const runs = new Map<string, Run>();
  const layout = (text: string): Run => {
    const known = runs.get(text);
    if (known) return known;
    const { glyphs, positions, advanceWidth } = layOut(text);
    const run = { glyphs, positions, advanceWidth };
    if (runs.size >= MOST_WORDS) runs.clear();
    runs.set(text, run);
    return run;
  };
  return Object.assign(font, { layout: layout as Font['layout'], createSubset: trueTypeSubsets(file) });
}

const components = new Map<string, [number, number, number]>();

/** Red, green and blue of `#rrggbb`. */
function componentsOf(color: string): [number, number, number] {
  let found = components.get(color);
  if (!found) {
    const value = Number.parseInt(color.slice(1), 16);
    components.set(color, (found = [value >> 16, (value >> 8) & 0xff, value & 0xff]));
  }
  return found;
}

async function contentOf(pdf: PDFKit.PDFDocument): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of pdf as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
  }
  // Its own memory, not a piece of a pool: it can be handed to another thread without a copy.
  const content = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    content.set(chunk, offset);
    offset += chunk.length;
  }
  return content;
}

/** What the font lacks is drawn in its compatible form (a full-width yen sign as ¥), else as U+FFFD. */
function drawable(text: string): string {
  if (isDrawable(text)) return text;
  let result = '';
  for (const character of text) result += isDrawable(character) ? character : substitute(character);
  return result;
}

function isDrawable(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    // What takes two units is beyond what the font has, and neither of them is a character.
    if (DRAWABLE[text.charCodeAt(index)] === 0) return false;
  }
  return true;
}

function substitute(character: string): string {
  const compatible = character.normalize('NFKC');
  return isDrawable(compatible) ? compatible : MISSING;
}

function shortened(line: string): string {
  return `${line.trimEnd().slice(0, -2).trimEnd()}${ELLIPSIS}`;
}

/** Breaks at spaces and after hyphens between letters; a word that is too long for a line, anywhere. */
function wrapped(text: string, width: number, widthOf: (part: string) => number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  let lineWidth = 0;
  const add = (part: string, partWidth: number): void => {
    if (line !== '' && lineWidth + partWidth > width) {
      lines.push(line.trimEnd());
      line = '';
      lineWidth = 0;
    }
    line += part;
    lineWidth += partWidth;
  };
  for (const word of text.match(/ +|[^ ]+?(?:(?<=\p{L}-)(?=\p{L})|(?= )|$)/gu) ?? []) {
    const wordWidth = widthOf(word);
    if (word.startsWith(' ')) {
      // A space may hang over the edge: it is trimmed there, and never begins a line.
      if (line !== '') {
        line += word;
        lineWidth += wordWidth;
      }
    } else if (wordWidth <= width) {
      add(word, wordWidth);
    } else {
      for (const character of word) add(character, widthOf(character));
    }
  }
  return line.trimEnd() === '' ? lines : [...lines, line.trimEnd()];
}

function escapedXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
