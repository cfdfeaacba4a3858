// Measure "pdf": PDFs a second and the memory it takes, for 10 and for 1,000 lines, against what else makes PDFs.

import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { extractText, getDocumentProxy } from 'unpdf';
import { openDoor, type Door } from './load.ts';
import { watchTree } from './memory.ts';
import type { Options } from './options.ts';
import { findFont, SUBSET, type Font } from './pdf-fonts.ts';
import type { Engine } from './pdf-peers.ts';
import { number, type Found, type Row } from './report.ts';
import { inTurns, median, ratioOf } from './rounds.ts';
import { startPeer, type Running, type Stage } from './stage.ts';

const LINES = [10, 1_000];
const CHROMIUM = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
];
const POOL = 'pool';
const THREAD = 'thread';

interface Contender {
  readonly name: string;
  readonly running: Running;
  readonly door: Door;
  /** The most memory of each of LINES, in MB. */
  readonly memory: Map<number, number>;
}

export async function measurePdf(stage: Stage, options: Options): Promise<Found> {
  const font = await findFont();
  const chromium = CHROMIUM.find((file) => file !== '' && existsSync(file));
  const notes = [
    `PDFs: the others embed ${font.name} whole, two weights of it; Billhead its subset of Noto Sans. The figures of Billhead ` +
      `are those of its renderer as the worker has it, with a thread a core (${availableParallelism()}); in brackets, in one thread.`,
  ];
  if (!chromium) notes.push('Left out: Chromium, which is not installed (CHROMIUM_PATH can name one).');
  const wanted: (readonly [name: string, engine: Engine, font: Font])[] = [
    [POOL, 'pool', font],
    [THREAD, 'thread', font],
    ['plain pdfkit, the font parsed anew each time', 'pdfkit', font],
    ['plain pdfkit with the subset font of Billhead', 'pdfkit', SUBSET],
    ['pdfmake', 'pdfmake', font],
    ...(chromium ? [['headless Chromium, print of a warm page', 'chromium', font] as const] : []),
  ];
  const contenders: Contender[] = [];
  try {
    for (const [name, engine, itsFont] of wanted) {
      const setting = JSON.stringify({ font: itsFont, folder: stage.folder, chromium });
      const running = await startPeer('render-server.ts', { ENGINE: engine, SETTING: setting });
      const door = openDoor({ address: running.address, path: '/', apiKey: null }, 1);
      contenders.push({ name, running, door, memory: new Map() });
    }
    const rows: Row[] = [];
    for (const lines of LINES) rows.push(...(await compare(contenders, lines, options)));
    return { rows, notes };
  } finally {
    await Promise.all(
      contenders.map(async ({ running, door }) => {
        await door.close();
        await running.stop();
      }),
    );
  }
}

async function compare(contenders: readonly Contender[], lines: number, options: Options): Promise<readonly Row[]> {
  const texts = new Map<string, string>();
  for (const { name, door } of contenders) texts.set(name, await textOf(door, lines));
  for (const [name, text] of texts) checkText(name, text, lines);
  const longestMs = options.isQuick ? 1_000 : 3_000;
  const sides = Object.fromEntries(
    contenders.map((contender) => [contender.name, () => turnOf(contender, lines, longestMs)]),
  );
  await inTurns(1, sides);
  const found = await inTurns(options.rounds, sides);
  const memoryOf = (name: string) => contenders.find((each) => each.name === name)?.memory.get(lines) ?? Number.NaN;
  const [pool = [], thread = []] = [found[POOL], found[THREAD]];
  const mine = `${number(median(pool))}/s (${number(median(thread))}/s), ${Math.round(memoryOf(POOL))} MB`;
  return contenders
    .filter(({ name }) => name !== POOL && name !== THREAD)
    .map(({ name }, index) => {
      const values = found[name] ?? [];
      const single = ratioOf(thread, values).median;
      return {
        measure: index === 0 ? `PDF of ${lines.toLocaleString('en-US')} lines` : '',
        billhead: index === 0 ? mine : '',
        other: `${name}: ${number(median(values))}/s, ${Math.round(memoryOf(name))} MB; one thread against it: ${number(single)}`,
        ratio: ratioOf(pool, values),
        goal: lines === 10 && !name.includes('subset') ? '≥ 6' : '',
      };
    });
}

async function turnOf({ door, running, memory }: Contender, lines: number, longestMs: number): Promise<number> {
  const stopWatching = watchTree(running.pid);
  const answer = await door.ask(JSON.stringify({ lines, longestMs }), '/many');
  memory.set(lines, Math.max(memory.get(lines) ?? 0, await stopWatching()));
  return (JSON.parse(answer) as { readonly perSecond: number }).perSecond;
}

async function textOf(door: Door, lines: number): Promise<string> {
  const answer = JSON.parse(await door.ask(JSON.stringify({ lines, longestMs: 0 }), '/one')) as {
    readonly pdf: string;
  };
  const document = await getDocumentProxy(new Uint8Array(Buffer.from(answer.pdf, 'base64')));
  const { text } = await extractText(document, { mergePages: true });
  return text.replaceAll(/\s+/g, '');
}

/** Who prints less would be the faster one. */
function checkText(name: string, text: string, lines: number): void {
  for (let position = 1; position <= lines; position += 1) {
    if (!text.includes(`nr.${position}`)) throw new Error(`The PDF of ${name} lacks line ${position}.`);
  }
  for (const word of ['VanDijk&Zonen', 'BakkerijDeGoudenAar', '2026-000042', 'NL91ABNA0417164300', '€']) {
    if (!text.includes(word)) throw new Error(`The PDF of ${name} lacks "${word}".`);
  }
}
