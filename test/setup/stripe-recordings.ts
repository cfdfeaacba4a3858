// Stripe's API as documented for version 2026-10-28.endive, played by a server on this machine: every request is checked
// and kept, and gets the answer that the test has put there.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What one request came with. `form`: the parameters of its body, or of its address. */
export interface StripeRequest {
  readonly route: string;
  readonly form: Readonly<Record<string, string>>;
  readonly idempotencyKey: string | null;
}

/** `cut`: the connection ends after the request was received. `silence`: nothing ever comes. */
export type StripeReply = { readonly status: number; readonly body: object | string } | 'cut' | 'silence';

export interface StripeRecordings {
  readonly url: string;
  readonly secretKey: string;
  /** What came since the last `reset`, oldest first. */
  readonly requests: StripeRequest[];
  /** The next answers to `POST /v1/…` or `GET /v1/…`, each given once. */
  on(route: string, ...replies: readonly (StripeReply | ((request: StripeRequest) => StripeReply))[]): void;
  /** Forgets requests and answers. Throws when a request was not as Stripe wants it, or had no answer. */
  reset(): void;
  close(): Promise<void>;
}

const SECRET_KEY = 'sk_test_recorded4eC39HqLyjWDarjtT1zdp7dc';

export async function startStripeRecordings(): Promise<StripeRecordings> {
  const replies = new Map<string, (StripeReply | ((request: StripeRequest) => StripeReply))[]>();
  const requests: StripeRequest[] = [];
  const faults: string[] = [];
  const answer = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await read(incoming);
    requests.push(request);
    faults.push(...faultsOf(incoming, request));
    const next = replies.get(request.route)?.shift();
    if (!next) faults.push(`${request.route} has no recorded answer`);
    const reply = typeof next === 'function' ? next(request) : (next ?? { status: 501, body: {} });
    if (reply === 'cut') return void incoming.socket.destroy();
    if (reply === 'silence') return;
    response.writeHead(reply.status, {
      'content-type': 'application/json',
      'request-id': `req_${requests.length}`,
      'stripe-version': '2026-10-28.endive',
      ...(request.idempotencyKey === null ? {} : { 'idempotency-key': request.idempotencyKey }),
    });
    response.end(JSON.stringify(reply.body));
  };
  const server = createServer((incoming, response) => {
    answer(incoming, response).catch((error: unknown) => faults.push(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secretKey: SECRET_KEY,
    requests,
    on: (route, ...more) => void replies.set(route, [...(replies.get(route) ?? []), ...more]),
    reset: () => {
      replies.clear();
      requests.length = 0;
      const wrong = faults.splice(0);
      if (wrong.length > 0) throw new Error(wrong.join('\n'));
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

async function read(incoming: IncomingMessage): Promise<StripeRequest> {
  const { pathname, searchParams } = new URL(incoming.url ?? '', 'http://stripe');
  const body = await text(incoming);
  const key = incoming.headers['idempotency-key'];
  return {
    route: `${incoming.method} ${pathname}`,
    form: Object.fromEntries(incoming.method === 'GET' ? searchParams : new URLSearchParams(body)),
    idempotencyKey: typeof key === 'string' ? key : null,
  };
}

function faultsOf({ method, headers }: IncomingMessage, { route, idempotencyKey }: StripeRequest): readonly string[] {
  const wrong: string[] = [];
  if (headers.authorization !== `Bearer ${SECRET_KEY}`) wrong.push('without the key');
  if (headers['stripe-version'] !== '2026-10-28.endive') wrong.push('of another version');
  if (headers['x-stripe-client-telemetry'] !== undefined) wrong.push('with telemetry');
  if ((method === 'POST') !== (idempotencyKey !== null)) wrong.push('with a wrong idempotency key');
  if (method === 'POST' && headers['content-type'] !== 'application/x-www-form-urlencoded')
    wrong.push('in another form');
  return wrong.map((fault) => `${route} came ${fault}`);
}

/** The metadata that a request set, as Stripe shows it in its answer. */
export function metadataOf({ form }: StripeRequest): Record<string, string> {
  const entries = Object.entries(form).map(([name, value]) => [/^metadata\[(\w+)\]$/.exec(name)?.[1] ?? '', value]);
  return Object.fromEntries(entries.filter(([name]) => name !== ''));
}

export const ok = (body: object): StripeReply => ({ status: 200, body });

export function paymentIntent(changes: Record<string, unknown> = {}) {
  return {
    id: 'pi_3MrPBM2eZvKYlo2C1TEMacFD',
    object: 'payment_intent',
    amount: 2420,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 2420,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: { allow_redirects: 'never', enabled: true },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'manual',
    client_secret: 'pi_3MrPBM2eZvKYlo2C1TEMacFD_secret_9J35eTzWlxVmfbbQhmkNbewuL',
    confirmation_method: 'automatic',
    created: 1_795_305_600,
    currency: 'eur',
    customer: null,
    description: null,
    last_payment_error: null,
    latest_charge: 'ch_3MrPBM2eZvKYlo2C1QGVkB2q',
    livemode: false,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: 'pm_1MrPBL2eZvKYlo2CaNa8L11Y',
    payment_method_options: { card: { network: null, request_three_d_secure: 'automatic' } },
    payment_method_types: ['card'],
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
    ...changes,
  };
}

/** One that holds its amount. */
export function heldIntent(changes: Record<string, unknown> = {}) {
  return paymentIntent({ status: 'requires_capture', amount_capturable: 2420, amount_received: 0, ...changes });
}

export function paymentMethod(changes: Record<string, unknown> = {}) {
  return {
    id: 'pm_1MrPBL2eZvKYlo2CaNa8L11Y',
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    card: { brand: 'visa', country: 'NL', exp_month: 8, exp_year: 2030, funding: 'credit', last4: '4242' },
    created: 1_795_305_000,
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
    ...changes,
  };
}

export function refundOf(changes: Record<string, unknown> = {}) {
  return {
    id: 're_1Nispe2eZvKYlo2Cd31jOCgZ',
    object: 'refund',
    amount: 2420,
    balance_transaction: 'txn_1Nispe2eZvKYlo2CYezqFhEx',
    charge: 'ch_3MrPBM2eZvKYlo2C1QGVkB2q',
    created: 1_795_309_200,
    currency: 'eur',
    destination_details: {
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
      type: 'card',
    },
    metadata: {},
    payment_intent: 'pi_3MrPBM2eZvKYlo2C1TEMacFD',
    reason: null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
    ...changes,
  };
}

export function checkoutSession(changes: Record<string, unknown> = {}) {
  return {
    id: 'cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u',
    object: 'checkout.session',
    amount_subtotal: 2420,
    amount_total: 2420,
    cancel_url: 'https://shop.example/pay/token',
    client_reference_id: null,
    created: 1_795_305_600,
    currency: 'eur',
    expires_at: 1_795_392_000,
    livemode: false,
    metadata: {},
    mode: 'payment',
    payment_intent: null,
    payment_method_types: ['card'],
    payment_status: 'unpaid',
    status: 'open',
    success_url: 'https://shop.example/pay/token',
    url: 'https://checkout.stripe.com/c/pay/cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u',
    ...changes,
  };
}

export function listOf(url: string, data: readonly object[], object: 'list' | 'search_result' = 'list') {
  return { object, url, has_more: false, data };
}

/** 402: the bank, or Stripe's own judgement, declines. */
export function cardError(changes: Record<string, unknown> = {}): StripeReply {
  const error = {
    charge: 'ch_3MrPBM2eZvKYlo2C1QGVkB2q',
    code: 'card_declined',
    decline_code: 'insufficient_funds',
    doc_url: 'https://stripe.com/docs/error-codes/card-declined',
    message: 'Your card has insufficient funds.',
    payment_intent: paymentIntent({ status: 'requires_payment_method', amount_received: 0 }),
    type: 'card_error',
    ...changes,
  };
  return { status: 402, body: { error } };
}

/** 400: a request that Stripe does not carry out; 404 where `code` is `resource_missing`. */
export function invalidRequest(code: string, message: string, changes: Record<string, unknown> = {}): StripeReply {
  const error = {
    code,
    doc_url: `https://stripe.com/docs/error-codes/${code}`,
    message,
    type: 'invalid_request_error',
  };
  return { status: code === 'resource_missing' ? 404 : 400, body: { error: { ...error, ...changes } } };
}

/** What tells nothing of what became of the request. */
export function apiError(status: number, error: Record<string, unknown> = {}): StripeReply {
  return { status, body: { error: { message: 'An unknown error occurred', type: 'api_error', ...error } } };
}
