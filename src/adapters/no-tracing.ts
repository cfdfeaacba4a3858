// Tracing where none is configured: every step is only its work.

import type { Tracing } from '../ports.ts';

const STEP = { within: <T>(work: () => T): T => work(), end: () => {} };

export const noTracing: Tracing = {
  step: (_, __, work) => work(),
  begin: () => STEP,
  traceparent: () => null,
};
