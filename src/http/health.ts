// Whether the process lives, and whether requests are welcome: /healthz and /readyz.
//
// 1. /healthz depends on nothing: whoever restarts processes by it must not do so because a database is away.
// 2. /readyz says what is so now. What is not needed for taking requests makes it "degraded", with status 200: a queue that
//    is away is away from every server, and a load balancer that took them all out would end what still works.

import type { FastifyInstance } from 'fastify';
import type { Log } from '../ports.ts';

const READY_DEADLINE_MS = 2_000;

export interface ReadyCheck {
  /** 'ok', or another word for what is not as it should be while requests are welcome. Rejects where it cannot be had. */
  readonly ask: () => Promise<string>;
  /** Without it requests are not welcome. */
  readonly isNeeded: boolean;
}

export type ReadyChecks = Readonly<Record<string, ReadyCheck>>;

export function routeHealth(server: FastifyInstance, log: Log, checks: ReadyChecks, isStopping: () => boolean): void {
  server.get('/healthz', async (_, reply) => reply.send({ status: 'ok' }));
  const told = new Map<string, string>();
  const ask = async ([name, check]: [string, ReadyCheck]): Promise<readonly [string, string]> => {
    let state: string;
    let cause: string | null = null;
    try {
      state = await withDeadline(check.ask(), READY_DEADLINE_MS);
    } catch (error) {
      state = 'unavailable';
      cause = String(error);
    }
    // Asked every few seconds: only what is new is worth a line.
    const before = told.get(name) ?? 'ok';
    told.set(name, state);
    if (state !== before && state !== 'ok') log.warn('http.not_ready', { check: name, state, cause });
    if (state !== before && state === 'ok') log.info('http.ready_again', { check: name });
    return [name, state];
  };
  server.get('/readyz', async (_, reply) => {
    if (isStopping()) return reply.code(503).send({ status: 'stopping' });
    const states = await Promise.all(Object.entries(checks).map(ask));
    const isReady = states.every(([name, state]) => state !== 'unavailable' || checks[name]?.isNeeded === false);
    const isWhole = states.every(([, state]) => state === 'ok');
    const status = !isReady ? 'unavailable' : isWhole ? 'ok' : 'degraded';
    return reply.code(isReady ? 200 : 503).send({ status, ...Object.fromEntries(states) });
  });
}

export async function withDeadline<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${deadlineMs} ms`)), deadlineMs);
  });
  return Promise.race([work, deadline]).finally(() => clearTimeout(timer));
}
