// What a measure found, as rows of one table: for the terminal and for README.md.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import type { Spread } from './rounds.ts';

export interface Row {
  readonly measure: string;
  readonly billhead: string;
  /** What it is compared with, and what that did; empty where there is nothing to compare with. */
  readonly other: string;
  readonly ratio: Spread | null;
  readonly goal: string;
}

export interface Found {
  readonly rows: readonly Row[];
  /** What the reader must know, and what was left out and why. */
  readonly notes: readonly string[];
}

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

export function table(found: readonly Found[], heading: string): string {
  const rows = found.flatMap((each) => each.rows);
  const notes = found.flatMap((each) => each.notes);
  return [
    heading,
    '',
    '| measure | Billhead | compared with | ratio (least – most) | goal |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ measure, billhead, other, ratio, goal }) =>
        `| ${[measure, billhead, other, ratio === null ? '' : ratioText(ratio), goal].join(' | ')} |`,
    ),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${note}`)]),
    '',
  ].join('\n');
}

function ratioText({ median, least, most }: Spread): string {
  return `**${number(median)}** (${number(least)} – ${number(most)})`;
}

/** With as many digits as mean something. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

/** Replaces the marked part of the README. */
export async function writeReadme(text: string): Promise<void> {
  const readme = await readFile(README, 'utf8');
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`README.md has no part between ${BEGIN} and ${END}.`);
  const whole = `${readme.slice(0, begin + BEGIN.length)}\n\n${text}\n${readme.slice(end)}`;
  await writeFile(README, await format(whole, { ...(await resolveConfig(README)), filepath: README }));
}
