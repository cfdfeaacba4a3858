// A log for tests: silent about what goes well, loud about errors.

import type { Log } from '../../src/ports.ts';

export const quietLog: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: (event, details) => console.error(event, details),
};
