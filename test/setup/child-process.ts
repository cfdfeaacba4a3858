// Processes of Node for a test, and what they write.

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { eventually } from './eventually.ts';

type Child = ChildProcessByStdio<null, Readable, Readable>;

export interface RunningProcess {
  readonly child: Child;
  /** What it wrote so far, both streams together. */
  output(): string;
  /** Waits until the output has the text, and returns all of it. Fails when the process ends before. */
  waitFor(text: string): Promise<string>;
  /** Sends the signal, and returns the exit code or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | string | null>;
  /** Waits until it ends by itself. */
  exit(): Promise<number | string | null>;
}

/** What finds programs and folders; a process of the product gets nothing else of our environment. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: process.env['HOME'], TMPDIR: process.env['TMPDIR'] };
}

/** Starts Node with nothing but the given variables in its environment, beside what finds programs. */
export function startCommand(args: readonly string[], env: NodeJS.ProcessEnv, folder = process.cwd()): RunningProcess {
  return watched(
    spawn(process.execPath, args, {
      cwd: folder,
      env: { ...cleanEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
}

export function watched(child: Child): RunningProcess {
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const ended = once(child, 'close').then(() => child.exitCode ?? child.signalCode);
  return {
    child,
    output: () => output,
    waitFor: (text) =>
      eventually(
        () => {
          if (output.includes(text)) return output;
          if (child.exitCode !== null || child.signalCode !== null) throw new Error(`It ended early:\n${output}`);
          return null;
        },
        { timeoutMs: 60_000 },
      ),
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
    exit: () => ended,
  };
}
