// Makes any text from outside fit for one line of a printed page. Only the page is cleaned; what is stored stays as it is.

export const REPLACEMENT_CHARACTER = '\ufffd';

// Soft hyphens, zero-width characters, direction marks, variation selectors and byte order marks: nothing to see, so
// nothing is lost.
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff]|\p{Variation_Selector}/gu;

// Overrides, embeddings and isolates can make a number read backwards. In u mode \p{Cs} finds only lone surrogates;
// the others are private use and characters that do not exist.
const UNPRINTABLE = /[\u202a-\u202e\u2066-\u2069]|\p{Cs}|\p{Co}|\p{Cn}/gu;

const SPACES = /[\p{Cc}\u2028\u2029 ]+/gu;

/**
 * NFC, on one line: control characters and runs of spaces become one space, invisible characters go, and what could
 * deceive or does not exist becomes U+FFFD. No-break spaces stay.
 */
export function printable(text: string): string {
  return text
    .normalize('NFC')
    .replace(SPACES, ' ')
    .replace(UNPRINTABLE, REPLACEMENT_CHARACTER)
    .replace(INVISIBLE, '')
    .trim();
}

/** The lines of a text that may have several, each printable; empty ones at the ends are left out. */
export function printableLines(text: string): readonly string[] {
  const lines = text.split(/\r\n|[\n\r\u2028\u2029]/).map(printable);
  const first = lines.findIndex((line) => line !== '');
  if (first === -1) return [];
  return lines.slice(first, lines.findLastIndex((line) => line !== '') + 1);
}
