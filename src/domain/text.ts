// What text and identifiers may hold when they come in.

import type { Fault } from './errors.ts';

type Path = Fault['path'];

// C0 and C1 controls, and the separators of lines and paragraphs: what is one line here is one line everywhere.
const CONTROLS = /[\p{Cc}\u2028\u2029]/u;
// Bidirectional marks, overrides and isolates can make a name read as another one.
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
// Marks pile up over the lines around them. Letters with more than a few are in no language.
const PILED_MARKS = /\p{M}{11}/u;
// A letter, digit, mark or sign; spaces of all kinds and zero-width characters alone show nothing.
const VISIBLE = /[\p{L}\p{N}\p{M}\p{P}\p{S}]/u;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** What is wrong with a one-line text, or null: empty, too long, or characters that no name or address has. */
export function textFault(text: string, maxLength: number): string | null {
  if (!VISIBLE.test(text)) return 'must not be empty';
  if (text.length > maxLength) return `must have at most ${maxLength} characters`;
  if (LONE_SURROGATE.test(text)) return 'must be well-formed Unicode';
  if (CONTROLS.test(text)) return 'must not contain control characters';
  if (BIDI_CONTROLS.test(text)) return 'must not contain characters that change the direction of writing';
  if (PILED_MARKS.test(text)) return 'must not contain more than 10 combining marks in a row';
  return null;
}

const LONGEST_SHOWN = 100;
const NOT_SHOWN = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A text of a caller as a message may repeat it, whatever it is: short, on one line, and read as it is written. */
export function shown(text: string): string {
  const characters = Array.from(text.slice(0, 2 * LONGEST_SHOWN));
  const isWhole = characters.length <= LONGEST_SHOWN && text.length <= 2 * LONGEST_SHOWN;
  const kept = isWhole ? text : `${characters.slice(0, LONGEST_SHOWN).join('')}…`;
  return kept.replace(NOT_SHOWN, '\ufffd');
}

/** Collects the faults of one input, so that a caller sees all of them at once. */
export class Faults {
  readonly list: Fault[] = [];

  add(path: Path, message: string): void {
    this.list.push({ path, message });
  }

  /** Checks a text if there is one. */
  text(path: Path, text: string | null | undefined, maxLength: number): void {
    if (text === null || text === undefined) return;
    const fault = textFault(text, maxLength);
    if (fault) this.add(path, fault);
  }

  /** Checks a text that may have several lines. */
  lines(path: Path, text: string, maxLength: number): void {
    const fault = textFault(text.replace(/\r\n|[\n\t\u2028\u2029]/g, ' '), maxLength);
    if (fault) this.add(path, fault);
  }

  /** Checks an identifier that a caller chose, if there is one. */
  identifier(path: Path, id: string | null | undefined): void {
    this.text(path, id, MAX_ID_LENGTH);
  }
}

export const MAX_ID_LENGTH = 100;
