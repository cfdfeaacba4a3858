// Runs the sweep every few seconds, never two at once.

import type { Log } from '../ports.ts';

export interface SweepOptions {
  readonly run: () => Promise<void>;
  readonly everyMs: number;
  readonly log: Log;
}

/** The first round starts at once. `close` waits for the round that is running. */
export function startSweep({ run, everyMs, log }: SweepOptions): { close(): Promise<void> } {
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  let round = sweep();

  async function sweep(): Promise<void> {
    try {
      await run();
    } catch (error) {
      // Whatever went wrong, the next round finds the same owed work again.
      log.error('sweep.failed', { error: error instanceof Error ? error.message : String(error) });
    }
    if (isClosed) return;
    timer = setTimeout(() => {
      round = sweep();
    }, everyMs);
    timer.unref();
  }

  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await round;
    },
  };
}
