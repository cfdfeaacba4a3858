// Real processes of the product for a test: compiled, as users run them, once for the whole test run.

import path from 'node:path';
import { inject } from 'vitest';
import { startCommand, type RunningProcess } from './child-process.ts';

/** Starts `src/<entry>` with nothing but the given variables in its environment, beside what finds programs. */
export function startProcess(entry: string, env: NodeJS.ProcessEnv, args: readonly string[] = []): RunningProcess {
  return startCommand([path.join(inject('compiledProduct'), entry.replace(/\.ts$/, '.js')), ...args], env);
}
