// Finding out what became of calls of the payment gateway: those that a crash left, and those it had not decided.

import type { GatewayCallReference, Ports } from '../ports.ts';
import { resumeGatewayCall } from './call-gateway.ts';

const BATCH = 20;
/** Longer than a gateway is waited for, so that no two sweeps ask for the same call at once. */
const LEASE_MS = 15_000;

/** The gateway says that something became of a call: it is asked what. Safe to be told twice, or wrongly. */
export async function settleGatewayCall(ports: Ports, reference: GatewayCallReference): Promise<void> {
  const call = await ports.database.gatewayCalls.find(reference);
  if (call && call.gateway === ports.gateway?.name) await resumeGatewayCall(ports, call);
}

/** Asks for every call that is due. Returns for how many. */
export async function settleDueGatewayCalls(ports: Ports): Promise<number> {
  const { gateway, clock, log } = ports;
  if (!gateway) return 0;
  for (let asked = 0; ;) {
    const now = clock.now();
    const leasedUntil = new Date(now.getTime() + LEASE_MS);
    const due = await ports.database.gatewayCalls.claimDue(gateway.name, now, leasedUntil, BATCH);
    await Promise.all(
      due.map((reference) =>
        settleGatewayCall(ports, reference).catch((error: unknown) => {
          // One that cannot be booked must not keep the others waiting.
          log.error('gateway.not_settled', {
            ...reference,
            cause: error instanceof Error ? error.stack : String(error),
          });
        }),
      ),
    );
    asked += due.length;
    if (due.length < BATCH) return asked;
  }
}

/** Says in the log that calls wait for a gateway that is not configured any more: nobody can ask what became of them. */
export async function warnOfCallsElsewhere({ database, gateway, log }: Ports): Promise<void> {
  const calls = await database.gatewayCalls.countUnsettledElsewhere(gateway?.name ?? null);
  if (calls > 0) {
    const meaning = 'their orders stay in payment review until the gateway that they were asked of is configured again';
    log.warn('gateway.calls_of_another', { calls, meaning });
  }
}
