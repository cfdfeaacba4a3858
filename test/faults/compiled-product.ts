// The product as users run it: compiled, once for all processes of a run.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, watched, type RunningProcess } from '../setup/child-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER_PREFIX = '.faults-';

export interface CompiledProduct {
  readonly folder: string;
  start(entry: string, options: ProcessOptions): RunningProcess;
  remove(): Promise<void>;
}

export interface ProcessOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Modules of this folder that the process loads first. */
  readonly preload?: readonly string[];
  /** A program with words that runs the process, such as one that limits it. */
  readonly under?: readonly string[];
}

/** A folder directly in the project's, because the product finds its migrations beside its own. */
export async function compileProduct(): Promise<CompiledProduct> {
  await removeLeftovers();
  const folder = path.join(ROOT, `${FOLDER_PREFIX}${process.pid}`);
  const compiler = path.join(ROOT, 'node_modules', '.bin', 'tsc');
  const words = ['-p', path.join(ROOT, 'src'), '--outDir', folder, '--sourceMap', 'false'];
  const { code, output } = await toEnd(compiler, words, ROOT);
  if (code !== 0) throw new Error(`The product does not compile:\n${output}`);
  return compiledIn(folder);
}

export function compiledIn(folder: string): CompiledProduct {
  return {
    folder,
    start: (entry, options) => startNode([path.join(folder, entry.replace(/\.ts$/, '.js'))], options),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Nothing that we started outlives us. */
const alive = new Set<ChildProcess>();
process.once('exit', () => alive.forEach((child) => child.kill('SIGKILL')));

export function startNode(words: readonly string[], { env, preload = [], under = [] }: ProcessOptions): RunningProcess {
  const imports = preload.flatMap((name) => ['--import', new URL(name, import.meta.url).href]);
  const [program = '', ...rest] = [...under, process.execPath, ...imports, ...words];
  const child = spawn(program, rest, { env: { ...cleanEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  return watched(child);
}

/** Runs a program to its end. */
export async function toEnd(
  program: string,
  words: readonly string[],
  folder: string,
): Promise<{ readonly code: number | string | null; readonly output: string }> {
  const child = spawn(program, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const running = watched(child);
  const failed = once(child, 'error').then(([error]) => ({ code: null, output: String(error) }));
  return Promise.race([failed, running.exit().then((code) => ({ code, output: running.output() }))]);
}

async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(ROOT)) {
    const processId = Number(new RegExp(`^\\${FOLDER_PREFIX}(\\d+)$`).exec(name)?.[1]);
    if (Number.isNaN(processId) || isAlive(processId)) continue;
    await rm(path.join(ROOT, name), { recursive: true, force: true });
  }
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
