// What text and identifiers may hold when they come in.

import type { Fault } from './errors.ts';

type Path = Fault['path'];

// C0 and C1 controls.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/u; // eslint-disable-line no-control-regex
// Bidirectional overrides and isolates can make a name read as another one.
const BIDI_CONTROLS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
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
  return null;
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
    const fault = textFault(text.replace(/\r\n|[\n\t]/g, ' '), maxLength);
    if (fault) this.add(path, fault);
  }

  /** Checks an identifier that a caller chose, if there is one. */
  identifier(path: Path, id: string | null | undefined): void {
    this.text(path, id, MAX_ID_LENGTH);
  }
}

export const MAX_ID_LENGTH = 100;
