// Sends webhooks over undici, and never to an address that a merchant has no business with.
//
// 1. What a name resolves to is checked in the look-up of the connection itself: the address that was checked is the one that
//    is dialled. Connections skip the look-up for literal addresses, so those are checked before, in the spelling that the
//    URL parser makes of them: 0x7f.1, 2130706433 and 127.0.0.1 are the same.
// 2. Only what is unicast in the public Internet may be dialled. Everything else is refused, known by name or not.
// 3. Redirects are not followed, and no proxy is asked.
// 4. Who answers slowly, or without end, is cut off; of an answer no more than a few KiB are read.

import { createHmac } from 'node:crypto';
import { lookup as lookupName, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Agent, request, type Dispatcher } from 'undici';
import type { WebhookReach } from '../config.ts';
import type { WebhookAnswer } from '../domain/webhook-delivery.ts';
import type { OutgoingWebhook, WebhookSender } from '../ports.ts';
import { scrubbed } from './pino-log.ts';

const MOST_READ_BYTES = 4_096;
const MOST_KEPT_CHARACTERS = 300;
/** What the answer says is worth no longer wait: the status counts. */
const READ_FOR_MS = 2_000;
const IDLE_CONNECTION_MS = 4_000;

/** Names in one call all that a host has: for tests. */
type Resolve = (host: string, callback: (error: Error | null, found: readonly LookupAddress[]) => void) => void;

export interface UndiciWebhooksOptions {
  readonly reach: WebhookReach;
  /** The system's own resolver when it is left out. */
  readonly resolve?: Resolve;
  /** Certificates to trust besides Node's own. */
  readonly certificates?: readonly string[];
}

export interface UndiciWebhooks extends WebhookSender {
  close(): Promise<void>;
}

const NOT_PUBLIC = 'must lead to a public address';

class NotPublic extends Error {
  // What the name resolved to would tell of the network around us.
  override readonly message = 'It does not lead to a public address.';
}

export function undiciWebhooks({
  reach,
  resolve = resolveBySystem,
  certificates,
}: UndiciWebhooksOptions): UndiciWebhooks {
  // As many connections as are asked for: merchants can share a host, and must not wait for each other there.
  const agent = new Agent({
    connect: { lookup: checkedLookup(reach, resolve), ...(certificates && { ca: [...certificates] }) },
    keepAliveTimeout: IDLE_CONNECTION_MS,
    keepAliveMaxTimeout: IDLE_CONNECTION_MS,
    maxRequestsPerClient: 100,
    pipelining: 1,
  });
  return {
    urlFault: (url) => urlFault(url, reach),
    send: (message, timeoutMs) => send(agent, reach, message, timeoutMs),
    // Not `close`, which would wait for whoever never ends an answer.
    close: () => agent.destroy(),
  };
}

function urlFault(text: string, reach: WebhookReach): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isHttp = url?.protocol === 'http:' && reach !== 'public';
  if (!url || (url.protocol !== 'https:' && !isHttp)) {
    return 'must be a URL like https://shop.example.com/webhooks';
  }
  if (url.username !== '' || url.password !== '') return 'must have no user and no password';
  if (url.hash !== '') return 'must have no "#"';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host)) return mayBeDialled(host, reach) ? null : NOT_PUBLIC;
  // Whatever the resolver would say.
  const isOwn = /(^|\.)(localhost|local|internal)\.?$/i.test(host) || !host.replace(/\.$/, '').includes('.');
  return isOwn && reach === 'public' ? NOT_PUBLIC : null;
}

function mayBeDialled(address: string, reach: WebhookReach): boolean {
  if (reach === 'any') return true;
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range === 'loopback') return reach === 'loopback';
  if (range !== 'unicast') return false;
  // Only this eighth of IPv6 was ever given out; what stands outside of it may be an IPv4 address in disguise.
  return parsed.kind() === 'ipv4' || parsed.match(ipaddr.parseCIDR('2000::/3'));
}

const resolveBySystem: Resolve = (host, callback) => {
  lookupName(host, { all: true, order: 'verbatim' }, (error, found) => callback(error, found ?? []));
};

function checkedLookup(reach: WebhookReach, resolve: Resolve): LookupFunction {
  return (host, options, callback) => {
    resolve(host, (error, found) => {
      const fault = error ?? (found.every(({ address }) => mayBeDialled(address, reach)) ? null : new NotPublic());
      const wanted = options.family === 4 || options.family === 6 ? options.family : null;
      const fitting = found.filter(({ family }) => wanted === null || family === wanted);
      const [first] = fitting;
      if (fault || !first) callback(fault ?? new Error('It has no address.'), []);
      else if (options.all === true) callback(null, fitting);
      else callback(null, first.address, first.family);
    });
  };
}

async function send(
  agent: Agent,
  reach: WebhookReach,
  { url, id, sentAt, body, secrets }: OutgoingWebhook,
  timeoutMs: number,
): Promise<WebhookAnswer> {
  const begun = performance.now();
  const durationMs = () => Math.round(performance.now() - begun);
  const failed = (error: string): WebhookAnswer => {
    return { status: null, response: null, error, retryAfterMs: null, durationMs: durationMs() };
  };
  // Checked when it was saved; but the reach may be another one now.
  const fault = urlFault(url, reach);
  if (fault !== null) return failed(`Its URL ${fault}.`);
  const signal = AbortSignal.timeout(timeoutMs);
  const timestamp = String(Math.floor(sentAt.getTime() / 1000));
  try {
    const response = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Billhead-Webhooks/1',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': secrets.map((secret) => `v1,${signature(secret, `${id}.${timestamp}.${body}`)}`).join(' '),
      },
      body,
      signal,
      dispatcher: agent,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    // From here on it has answered, whatever comes of the rest.
    const text = await beginningOf(response.body, Math.min(READ_FOR_MS, timeoutMs - durationMs()));
    const retryAfterMs = retryAfter(response.headers['retry-after'], sentAt);
    return { status: response.statusCode, response: text, error: null, retryAfterMs, durationMs: durationMs() };
  } catch (error) {
    return failed(signal.aborted ? `It did not answer within ${timeoutMs / 1000} seconds.` : reasonOf(error));
  }
}

/** `v1` of Standard Webhooks. */
function signature(secret: string, content: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}

/** How the body begins, as it may be shown; null when there is none. Never throws. */
async function beginningOf(body: Dispatcher.ResponseData['body'], readForMs: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  const cutOff = setTimeout(() => body.destroy(), Math.max(0, readForMs));
  try {
    for await (const chunk of body) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length >= MOST_READ_BYTES) break;
    }
  } catch {
    // What came before it broke is enough.
  } finally {
    clearTimeout(cutOff);
    // Leaving the loop early has done so; a listener, because breaking it off is no fault of anybody.
    body.on('error', () => {}).destroy();
  }
  return shownText(Buffer.concat(chunks).subarray(0, MOST_READ_BYTES).toString('utf8'));
}

/** No secrets, no control characters, and nothing that PostgreSQL cannot keep. */
function shownText(text: string): string | null {
  const line = scrubbed(text)
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim();
  const characters = Array.from(line);
  if (characters.length === 0) return null;
  return characters.length > MOST_KEPT_CHARACTERS ? `${characters.slice(0, MOST_KEPT_CHARACTERS).join('')}…` : line;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfter(header: string | string[] | undefined, now: Date): number | null {
  const value = (Array.isArray(header) ? header[0] : header)?.trim() ?? '';
  const waitMs = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now.getTime();
  return Number.isNaN(waitMs) || waitMs <= 0 ? null : waitMs;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Its host name does not resolve.',
  EAI_AGAIN: 'Its host name could not be resolved.',
  ECONNREFUSED: 'It refused the connection.',
  ECONNRESET: 'It broke the connection off.',
  EHOSTUNREACH: 'It cannot be reached.',
  ENETUNREACH: 'It cannot be reached.',
  ETIMEDOUT: 'It did not take the connection in time.',
  UND_ERR_CONNECT_TIMEOUT: 'It did not take the connection in time.',
  UND_ERR_SOCKET: 'It broke the connection off.',
  UND_ERR_HEADERS_OVERFLOW: 'The headers of its answer are too long.',
};

function reasonOf(error: unknown): string {
  for (const one of [error, ...(error instanceof AggregateError ? (error.errors as unknown[]) : [])]) {
    if (one instanceof NotPublic) return one.message;
    const code = one instanceof Error && 'code' in one ? String(one.code) : '';
    const reason = REASONS[code];
    if (reason !== undefined) return reason;
    if (one instanceof Error && one.name === 'HTTPParserError') return 'It does not speak HTTP.';
    // Of certificates the library's words are the best there are, and they name no address of ours.
    if (/^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)) {
      return `Its certificate is not valid: ${shownText((one as Error).message) ?? code}`;
    }
  }
  return 'It could not be called.';
}
