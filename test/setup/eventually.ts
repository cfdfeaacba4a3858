// Waits in tests for what will become true, as long as it takes and no longer.

import { setTimeout as pause } from 'node:timers/promises';

const DEFAULT_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/**
 * Resolves with what `check` returns, as soon as that is neither false, null nor undefined and `check` does not throw.
 * When time is up it fails with what `check` threw last, so expectations can stand in it.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = DEFAULT_TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let fault: unknown = null;
    try {
      const result = await check();
      if (isTrue(result)) return result;
    } catch (error) {
      fault = error;
    }
    if (performance.now() >= deadline) {
      throw fault ?? new Error(`It did not become true within ${timeoutMs} ms.`);
    }
    await pause(POLL_MS);
  }
}

function isTrue<T>(result: T): result is Exclude<T, false | null | undefined> {
  return result !== false && result !== null && result !== undefined;
}
