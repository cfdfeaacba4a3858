// Stripe as the payment gateway, through its official library. One account serves every merchant of the installation.
//
// 1. What changes something carries merchant and call as its idempotency key, under which Stripe gives the first answer
//    again for at least 24 hours; and as metadata, by which the call is found after that.
// 2. What Stripe refuses, a decline or a request that it does not carry out, is FAILED. Whatever leaves open if the call
//    was carried out is thrown: no answer, Stripe's own errors, too many requests, the same key under way. A secret key
//    that is not accepted as well: an earlier try may have been made with one that was.
// 3. Money that came is known by its PaymentIntent, captured or paid at a page alike: that is what is refunded.

import Stripe from 'stripe';
import type { GatewayAnswer, GatewayCall } from '../domain/gateway-call.ts';
import type { PaymentGateway } from '../ports.ts';
import { stripeAmount } from './stripe-amount.ts';

/** The version that these mappings were written for; the library accepts no other one. */
const API_VERSION = '2026-10-28.endive';
/** Below the patience of whoever waits for a gateway, so that the library gives up first and says why. */
const TIMEOUT_MS = 4_000;

export interface StripeAccess {
  readonly secretKey: string;
  /** null is Stripe itself. */
  readonly apiUrl: string | null;
  readonly timeoutMs?: number;
}

export function connectStripe({ secretKey, apiUrl, timeoutMs = TIMEOUT_MS }: StripeAccess): PaymentGateway {
  const stripe = new Stripe(secretKey, {
    apiVersion: API_VERSION,
    // The sweep asks again. A connection that was closed is tried once more all the same, under the same key.
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    telemetry: false,
    httpClient: soundHttpClient(),
    ...(apiUrl === null ? {} : addressOf(new URL(apiUrl))),
  });
  return new StripeGateway(stripe);
}

function addressOf({ protocol, hostname, port }: URL): Pick<Stripe.StripeConfig, 'protocol' | 'host' | 'port'> {
  const isPlain = protocol === 'http:';
  return {
    protocol: isPlain ? 'http' : 'https',
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port || (isPlain ? 80 : 443),
  };
}

/**
 * Lets nothing pass that is not Stripe's: the library takes any JSON without an `error` for an answer, whatever its status,
 * such as the 503 of a proxy on the way, and a mere text in JSON would end the process.
 */
function soundHttpClient(): NonNullable<Stripe.StripeConfig['httpClient']> {
  const client = Stripe.createNodeHttpClient();
  return {
    getClientName: () => client.getClientName(),
    makeRequest: async (...request) => {
      const response = await client.makeRequest(...request);
      const read = response.toJSON.bind(response);
      response.toJSON = async () => {
        const body: unknown = await read();
        if (typeof body === 'object' && body !== null && ('object' in body || 'error' in body)) return body;
        throw new SyntaxError('The answer is not of Stripe.');
      };
      return response;
    },
  };
}

class StripeGateway implements PaymentGateway {
  readonly name = 'stripe';
  readonly #stripe: Stripe;

  constructor(stripe: Stripe) {
    this.#stripe = stripe;
  }

  authorize(call: GatewayCall): Promise<GatewayAnswer> {
    return make(call, async (amount) => {
      const source = call.source ?? '';
      // It becomes a part of an address.
      if (!/^\w+$/.test(source)) return failed(call, 'the means of payment is not a PaymentMethod of Stripe');
      // A means of payment that is saved with a customer is only accepted together with that customer.
      const { customer } = await this.#stripe.paymentMethods.retrieve(source);
      const intent = await this.#stripe.paymentIntents.create(
        {
          amount,
          currency: call.currency.toLowerCase(),
          payment_method: source,
          ...(customer === null ? {} : { customer: idOf(customer) }),
          capture_method: 'manual',
          confirm: true,
          // Nobody is there who could be sent to the bank: what asks for that is declined.
          off_session: true,
          automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
          metadata: marksOf(call),
        },
        onceAs(call),
      );
      return authorization(intent);
    });
  }

  /**
   * Takes the amount and releases what else the PaymentIntent holds: another part of it cannot be captured later, which is
   * then FAILED.
   */
  capture(call: GatewayCall): Promise<GatewayAnswer> {
    return make(call, async (amount) => {
      const id = intentOf(call);
      if (id === null) return failed(call, 'the authorisation is not a PaymentIntent of Stripe');
      const { paymentIntents } = this.#stripe;
      // A capture names neither currency nor merchant, and all merchants share the account.
      const held = await paymentIntents.retrieve(id);
      const fault = misfit(call, held);
      if (fault !== null) return failed(call, fault);
      const params = { amount_to_capture: amount, metadata: marksOf(call) };
      return capture(await paymentIntents.capture(id, params, onceAs(call)));
    });
  }

  /** A PaymentIntent that was captured cannot be cancelled: all that was captured is refunded. */
  void(call: GatewayCall): Promise<GatewayAnswer> {
    return this.refund(call);
  }

  refund(call: GatewayCall): Promise<GatewayAnswer> {
    return make(call, async (amount) => {
      const intent = intentOf(call);
      if (intent === null) return failed(call, 'what was paid is not a PaymentIntent of Stripe');
      const metadata = marksOf(call);
      return refund(await this.#stripe.refunds.create({ payment_intent: intent, amount, metadata }, onceAs(call)));
    });
  }

  openCheckout(call: GatewayCall, returnUrl: string): Promise<GatewayAnswer> {
    return make(call, async (amount) => {
      const session = await this.#stripe.checkout.sessions.create(
        {
          mode: 'payment',
          line_items: [
            {
              quantity: 1,
              price_data: {
                currency: call.currency.toLowerCase(),
                unit_amount: amount,
                product_data: { name: 'Invoice' },
              },
            },
          ],
          client_reference_id: call.id,
          success_url: returnUrl,
          cancel_url: returnUrl,
          metadata: marksOf(call),
          payment_intent_data: { metadata: marksOf(call) },
        },
        onceAs(call),
      );
      return checkout(session);
    });
  }

  checkoutUrl({ reference }: GatewayCall): Promise<string | null> {
    return ask(async () => {
      if (reference === null) return null;
      const { status, url } = await this.#stripe.checkout.sessions.retrieve(reference);
      return status === 'open' ? url : null;
    });
  }

  find(call: GatewayCall): Promise<GatewayAnswer | null> {
    return ask(() => {
      switch (call.kind) {
        case 'AUTHORIZE':
          return this.#findAuthorization(call);
        case 'CAPTURE':
          return this.#findCapture(call);
        case 'CHECKOUT':
          return this.#findCheckout(call);
        case 'VOID':
        case 'REFUND':
        case 'GIVE_BACK':
          return this.#findRefund(call);
      }
    });
  }

  /**
   * Stripe's search lags behind, by a minute or in bad times an hour. That is soon enough: who is told null makes the call
   * again, and for a day after the first time its idempotency key gives the first answer.
   */
  async #findAuthorization(call: GatewayCall): Promise<GatewayAnswer | null> {
    const { paymentIntents } = this.#stripe;
    if (call.reference !== null) return authorization(await paymentIntents.retrieve(call.reference));
    const query = `metadata["billhead_call"]:"${call.id}"`;
    const { data } = await paymentIntents.search({ query, limit: 10 });
    const intent = data.find(({ metadata }) => isOf(call, metadata));
    return intent ? authorization(intent) : null;
  }

  async #findCapture(call: GatewayCall): Promise<GatewayAnswer | null> {
    const intent = intentOf(call);
    if (intent === null) return null;
    const found = await this.#stripe.paymentIntents.retrieve(intent);
    // Captured by somebody else, or not at all.
    if (!isOf(call, found.metadata) || found.status === 'requires_capture') return null;
    return capture(found);
  }

  /** A page whose opening was never answered cannot be looked up, and needs not be: nobody was ever sent there. */
  async #findCheckout({ reference }: GatewayCall): Promise<GatewayAnswer | null> {
    if (reference === null) return null;
    const session = await this.#stripe.checkout.sessions.retrieve(reference, { expand: ['payment_intent'] });
    return checkout(session);
  }

  async #findRefund(call: GatewayCall): Promise<GatewayAnswer | null> {
    if (call.reference !== null) return refund(await this.#stripe.refunds.retrieve(call.reference));
    const intent = intentOf(call);
    if (intent === null) return null;
    for await (const found of this.#stripe.refunds.list({ payment_intent: intent, limit: 100 })) {
      if (isOf(call, found.metadata)) return refund(found);
    }
    return null;
  }
}

async function make(call: GatewayCall, request: (amount: number) => Promise<GatewayAnswer>): Promise<GatewayAnswer> {
  const converted = stripeAmount(call.amount, call.currency);
  if ('refusal' in converted) return failed(call, converted.refusal);
  try {
    return await request(converted.amount);
  } catch (error) {
    if (error instanceof Stripe.errors.StripeCardError || error instanceof Stripe.errors.StripeInvalidRequestError) {
      return failed(call, error.message, error.payment_intent?.id);
    }
    throw unknown(error);
  }
}

/** null for what Stripe does not have. */
async function ask<T>(request: () => Promise<T | null>): Promise<T | null> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === 'resource_missing') return null;
    throw unknown(error);
  }
}

/** Only the words are passed on: the library's errors carry whole answers with them. */
function unknown(error: unknown): Error {
  if (!(error instanceof Stripe.errors.StripeError)) return error instanceof Error ? error : new Error(String(error));
  return new Error(`Stripe (${error.statusCode ?? 'no answer'}): ${error.message}`);
}

function onceAs({ merchantId, id }: GatewayCall): Stripe.RequestOptions {
  return { idempotencyKey: `${merchantId}:${id}` };
}

function marksOf({ merchantId, id }: GatewayCall): Record<string, string> {
  return { billhead_call: id, billhead_merchant: merchantId };
}

function isOf(call: GatewayCall, metadata: Stripe.Metadata | null): boolean {
  return Object.entries(marksOf(call)).every(([name, value]) => metadata?.[name] === value);
}

/** Why the PaymentIntent is not one to capture for this call, or null. */
function misfit(call: GatewayCall, { currency, metadata }: Stripe.PaymentIntent): string | null {
  if (currency !== call.currency.toLowerCase()) return `the authorisation is in ${currency.toUpperCase()}`;
  const merchant = metadata['billhead_merchant'];
  return merchant === undefined || merchant === call.merchantId ? null : 'the authorisation is of another merchant';
}

function intentOf({ source }: GatewayCall): string | null {
  return source !== null && /^pi_\w+$/.test(source) ? source : null;
}

function idOf(object: string | { readonly id: string }): string {
  return typeof object === 'string' ? object : object.id;
}

function failed(call: GatewayCall, reason: string, reference = call.source ?? call.id): GatewayAnswer {
  return { status: 'FAILED', reference, reason: phrase(reason) };
}

/** Our own sentences go on after Stripe's words. */
function phrase(words: string): string {
  return words.replace(/\.$/, '');
}

type Meanings = Readonly<Record<string, GatewayAnswer['status']>>;

const CAPTURED: Meanings = {
  succeeded: 'SUCCEEDED',
  processing: 'PENDING',
  requires_action: 'PENDING',
  requires_payment_method: 'FAILED',
  canceled: 'FAILED',
};
const AUTHORIZED: Meanings = { ...CAPTURED, requires_capture: 'SUCCEEDED' };
const REFUNDED: Meanings = {
  succeeded: 'SUCCEEDED',
  pending: 'PENDING',
  requires_action: 'PENDING',
  failed: 'FAILED',
  canceled: 'FAILED',
};

function authorization(intent: Stripe.PaymentIntent): GatewayAnswer {
  return meant(intent, AUTHORIZED, intent.last_payment_error?.message);
}

function capture(intent: Stripe.PaymentIntent): GatewayAnswer {
  return meant(intent, CAPTURED, intent.last_payment_error?.message);
}

function refund(made: Stripe.Refund): GatewayAnswer {
  return meant({ ...made, status: made.status ?? 'pending' }, REFUNDED, made.failure_reason);
}

/** A status that is not among the meanings is no answer: nothing is assumed of it. */
function meant(
  { object, id: reference, status: told }: { readonly object: string; readonly id: string; readonly status: string },
  meanings: Meanings,
  reason: string | undefined,
): GatewayAnswer {
  const status = meanings[told];
  if (status === undefined) throw new Error(`Stripe (no answer): the ${object} ${reference} is "${told}"`);
  return { status, reference, reason: status === 'FAILED' ? phrase(reason ?? `the ${object} is ${told}`) : null };
}

function checkout({ id, status, payment_status, payment_intent: intent }: Stripe.Checkout.Session): GatewayAnswer {
  if (payment_status === 'paid' && intent !== null) {
    return { status: 'SUCCEEDED', reference: idOf(intent), reason: null };
  }
  if (status === 'expired') return { status: 'FAILED', reference: id, reason: 'the page expired' };
  // The person is done, and the bank takes days to decide, or has decided against it.
  const isDone = status === 'complete' && intent !== null && typeof intent === 'object';
  const answer = isDone ? capture(intent) : null;
  return answer && answer.status !== 'PENDING' ? answer : { status: 'PENDING', reference: id, reason: null };
}
