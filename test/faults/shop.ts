// A merchant of one run, who writes down every answer: what was promised, what was refused, and what nobody knows.

import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import type { GraphqlError } from '../setup/product.ts';

/** What came of a request for an invoice. */
export type Outcome =
  | { readonly kind: 'issued'; readonly id: string; readonly number: string; readonly total: number }
  | { readonly kind: 'refused'; readonly code: string; readonly blockers: readonly string[] }
  /** No answer, or one that says that nobody knows: it may have been done or not. */
  | { readonly kind: 'unknown'; readonly reason: string };

export interface Request {
  readonly itemIds: readonly string[];
  /** Chosen by the caller; null when it is left to the server. */
  readonly invoiceId: string | null;
  readonly sentAt: number;
  readonly tookMs: number;
  readonly outcome: Outcome;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  // What a query selects is only known to who wrote it.
  readonly body: any; // eslint-disable-line typescript/no-explicit-any
}

export interface Call {
  readonly invoiceId?: string | null;
  /** Another server than the shop's own. */
  readonly address?: string;
  readonly headers?: http.OutgoingHttpHeaders;
}

const REQUEST_TIMEOUT_MS = 90_000;
/** Codes that promise that nothing was done. */
const REFUSALS = new Set([
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'NOT_INVOICEABLE',
  'CONFLICT',
  'FORBIDDEN',
  'UNAUTHENTICATED',
]);

const INVOICE_ORDER = `mutation InvoiceOrder($input: InvoiceOrderInput!) {
  invoiceOrder(input: $input) { invoice { id number total lines { order_item_id } } }
}`;

export class Shop {
  readonly merchantId: string;
  readonly requests: Request[];
  /** Where its server is, asked for each call: it may have been started again. */
  readonly #address: () => Promise<string>;
  readonly #apiKey: string;
  #orders = 0;

  constructor(merchantId: string, apiKey: string, address: () => Promise<string>, requests: Request[] = []) {
    this.requests = requests;
    this.merchantId = merchantId;
    this.#apiKey = apiKey;
    this.#address = address;
  }

  /** The whole answer; rejects when there is none. */
  async post(query: string, variables: object = {}, { address, headers = {} }: Call = {}): Promise<HttpAnswer> {
    const url = `${address ?? (await this.#address())}/graphql`;
    return post(url, { authorization: `Bearer ${this.#apiKey}`, ...headers }, { query, variables });
  }

  /** The data of an answer without errors. */
  async ask(query: string, variables: object = {}): Promise<HttpAnswer['body']> {
    const { body } = await this.post(query, variables);
    if (body.errors) throw new Error(`Unexpected refusal: ${JSON.stringify(body.errors)}`);
    return body.data;
  }

  /** The same shop, with the same books, at another server. */
  at(address: string): Shop {
    return new Shop(this.merchantId, this.#apiKey, async () => address, this.requests);
  }

  /** Places an order, again until it is known to be there, and returns the ids of its items. */
  async placeOrder({ rows = 1, authorization = null as string | null } = {}): Promise<PlacedOrder> {
    this.#orders += 1;
    const id = `order-${this.#orders}`;
    const items = Array.from({ length: rows }, (_, row) => item({ id: `${id}-${row + 1}`, unit_price: 333 + row }));
    const customer = { id: 'customer', name: 'Ada Lovelace', email: `${this.merchantId}@example.com`, locale: 'nl-NL' };
    const payment = authorization === null ? {} : { payment: { method: 'card', authorization } };
    const input = order(id, { customer, items, ...payment });
    await untilKnown(() => this.ask(PLACE_ORDER, { input }));
    return { id, itemIds: items.map((row) => row.id ?? '') };
  }

  async placeOrders(count: number, options: Parameters<Shop['placeOrder']>[0] = {}): Promise<readonly PlacedOrder[]> {
    return Promise.all(Array.from({ length: count }, () => this.placeOrder(options)));
  }

  /** Asks once for an invoice over items. */
  issue(itemIds: readonly string[], call: Call = {}): Promise<Outcome> {
    const { invoiceId = null } = call;
    const input = { items: itemIds, ...(invoiceId !== null && { invoice_id: invoiceId }) };
    return this.#record(itemIds, invoiceId, () => this.post(INVOICE_ITEMS, { input }, call));
  }

  /** Asks once for an invoice over all of an order, with its payment and mail. */
  issueOrder({ id, itemIds }: PlacedOrder, { capture, mail, ...call }: Call & OrderWishes): Promise<Outcome> {
    const { invoiceId = null } = call;
    const input = { order_id: id, capture, send_email: mail, ...(invoiceId !== null && { invoice_id: invoiceId }) };
    return this.#record(itemIds, invoiceId, () => this.post(INVOICE_ORDER, { input }, call));
  }

  /** The bytes of a request for an invoice, for who writes them to a connection by hand. */
  requestFor(itemIds: readonly string[], invoiceId: string): string {
    const body = JSON.stringify({
      query: INVOICE_ITEMS,
      variables: { input: { items: itemIds, invoice_id: invoiceId } },
    });
    const head = [
      'POST /graphql HTTP/1.1',
      'host: billhead',
      'content-type: application/json',
      `authorization: Bearer ${this.#apiKey}`,
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ];
    return `${head.join('\r\n')}\r\n\r\n${body}`;
  }

  /** Writes down an answer that was read by hand. */
  note(itemIds: readonly string[], invoiceId: string, body: unknown): void {
    const outcome = outcomeOf({ status: 200, headers: {}, body });
    this.requests.push({ itemIds, invoiceId, sentAt: 0, tookMs: 0, outcome });
  }

  async #record(
    itemIds: readonly string[],
    invoiceId: string | null,
    ask: () => Promise<HttpAnswer>,
  ): Promise<Outcome> {
    const sentAt = performance.now();
    const outcome = await ask().then(outcomeOf, (error: unknown): Outcome => ({
      kind: 'unknown',
      reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    }));
    this.requests.push({ itemIds, invoiceId, sentAt, tookMs: performance.now() - sentAt, outcome });
    return outcome;
  }
}

export interface PlacedOrder {
  readonly id: string;
  readonly itemIds: readonly string[];
}

export interface OrderWishes {
  readonly capture: 'ONLINE' | 'OFFLINE' | 'NO_CAPTURE';
  readonly mail: boolean;
}

function outcomeOf({ body }: HttpAnswer): Outcome {
  const [error] = (body.errors ?? []) as readonly GraphqlError[];
  if (!error) {
    const { invoice } = Object.values(body.data as object)[0] as {
      invoice: { id: string; number: string; total: number };
    };
    return { kind: 'issued', id: invoice.id, number: invoice.number, total: invoice.total };
  }
  const { code, blockers = [] } = error.extensions;
  if (!REFUSALS.has(code)) return { kind: 'unknown', reason: `${code}: ${error.message}` };
  return { kind: 'refused', code, blockers: blockers.map((blocker) => blocker.code) };
}

/** Asks again, as a shop does, until somebody knows. */
export async function untilKnown<T>(ask: () => Promise<T>, timeoutMs = 60_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      const answer = await ask();
      const isUnknown = (answer as Partial<Outcome> | null)?.kind === 'unknown';
      if (!isUnknown) return answer;
      if (performance.now() > deadline) throw new Error(`Nobody knows: ${JSON.stringify(answer)}`);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await pause(100);
  }
}

/** One request on a connection of its own, so that no connection that is kept for reuse can be cut under it. */
export function post(url: string, headers: http.OutgoingHttpHeaders, body: object): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method: 'POST', agent: false, headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => {
          try {
            const { statusCode: status = 0, headers: answered } = response;
            resolve({ status, headers: answered, body: JSON.parse(text) });
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    request.setTimeout(REQUEST_TIMEOUT_MS, () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}
