// Calling the payment gateway with a saved call, and finding out what became of one whose answer was lost.
//
// 1. No lock is held while the gateway is asked.
// 2. Without an answer nothing is assumed: the call stays ASKED, and the sweep asks again.

import { Refusal } from '../domain/errors.ts';
import { isUnsettled, type GatewayAnswer, type GatewayCall } from '../domain/gateway-call.ts';
import type { PaymentGateway, Ports } from '../ports.ts';
import { bookGatewayAnswer } from './book-gateway-answer.ts';

/** How long a gateway is waited for; well within the time after which the sweep asks. */
const PATIENCE_MS = 5_000;

/** Throws PAYMENT_GATEWAY_ERROR when there is none. */
export function requireGateway({ gateway }: Ports): PaymentGateway {
  if (!gateway) throw new Refusal('PAYMENT_GATEWAY_ERROR', 'No payment gateway is configured.');
  return gateway;
}

/** Makes a call that was just saved, and books the answer. Returns the call as it stands then. */
export async function makeGatewayCall(ports: Ports, call: GatewayCall, make = makeUnattended): Promise<GatewayCall> {
  const gateway = requireGateway(ports);
  const answer = await answerOf(ports, call, () => make(gateway, call));
  // The answer may be lost where the call was not.
  return book(ports, call, answer ?? (await answerOf(ports, call, () => gateway.find(call))));
}

/**
 * Asks what became of a call; one that the gateway never heard of is made. Returns the call as it stands then. Throws
 * PAYMENT_GATEWAY_ERROR for a call of another gateway than the one in use, which can say nothing of it.
 */
export async function resumeGatewayCall(ports: Ports, call: GatewayCall): Promise<GatewayCall> {
  const gateway = requireGateway(ports);
  if (!isUnsettled(call)) return call;
  if (call.gateway !== gateway.name) {
    const message = `The payment gateway "${call.gateway}" was asked and has not answered, and is not in use any more.`;
    throw new Refusal('PAYMENT_GATEWAY_ERROR', message);
  }
  const answer = await answerOf(ports, call, async () => {
    const known = await gateway.find(call);
    return known ?? (call.status === 'ASKED' ? makeUnattended(gateway, call) : null);
  });
  return book(ports, call, answer);
}

async function book(ports: Ports, call: GatewayCall, answer: GatewayAnswer | null): Promise<GatewayCall> {
  return answer === null ? call : bookGatewayAnswer(ports, call, answer);
}

async function makeUnattended(gateway: PaymentGateway, call: GatewayCall): Promise<GatewayAnswer> {
  switch (call.kind) {
    case 'AUTHORIZE':
      return gateway.authorize(call);
    case 'CAPTURE':
      return gateway.capture(call);
    case 'CHECKOUT':
      // The person who wanted to pay has gone: the next visit opens another page.
      return { status: 'FAILED', reference: call.id, reason: 'the page was never opened' };
    case 'REFUND':
      return gateway.refund(call);
    case 'VOID':
    case 'GIVE_BACK':
      return gateway.void(call);
  }
}

/** null when the gateway says nothing in time, or knows nothing. */
async function answerOf(
  { log }: Ports,
  { merchantId, id: callId, kind }: GatewayCall,
  ask: () => Promise<GatewayAnswer | null>,
): Promise<GatewayAnswer | null> {
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([ask(), impatience]);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    log.warn('gateway.no_answer', { merchantId, callId, kind, cause });
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** Throws PAYMENT_GATEWAY_ERROR for calls that failed, or of which nobody knows yet what became of them. */
export function requireAnswered(calls: readonly GatewayCall[]): void {
  const failed = calls.find(({ status }) => status === 'FAILED');
  if (failed) {
    throw new Refusal('PAYMENT_GATEWAY_ERROR', `The payment gateway declined: ${failed.error ?? 'it gave no reason'}.`);
  }
  const unanswered = calls.find(({ status }) => status === 'ASKED');
  if (unanswered) {
    // Once the first refund is found out, the same call again is a second one.
    const next = unanswered.kind === 'REFUND' ? 'read the invoice before you ask again' : 'the same call again asks';
    throw new Refusal(
      'PAYMENT_GATEWAY_ERROR',
      `The payment gateway did not answer. What became of the payment is found out by itself; ${next}.`,
    );
  }
}
