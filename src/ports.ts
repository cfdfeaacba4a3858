// Every outside thing that the product needs, as small interfaces in its own words.
//
// Terminology
// - record: something the database keeps; a store holds the records of one kind, always of one merchant.
// - transaction: all its changes become true together, or none. Locks are taken in one global order:
//   orders by id, their items, the invoice, the number series.
// - gateway call: a call of the payment gateway, saved before it is made and settled once (domain/gateway-call.ts).
// - owed PDF: an invoice whose row says PENDING. The row is the promise; a queued job only makes it quick.
// - owed mail: a request to send one whose row says QUEUED, kept in the same way.
// - owed webhook: a delivery of an event to an endpoint whose row says PENDING, kept in the same way.
// - idempotency key: what a caller names a request by, so that it can be sent again (domain/idempotency-key.ts). Its
//   runner is the server that works on it now.
// - seal: an entry in the chain of hashes over a merchant's issued documents (domain/seal.ts).
// - sweep: looks for owed work whose job was lost or whose retry is due, and asks for it again.

import type { Scope } from './domain/access.ts';
import type { GatewayAnswer, GatewayCall } from './domain/gateway-call.ts';
import type { InvoiceMail } from './domain/invoice-mail.ts';
import type { InvoiceDocument } from './domain/invoice.ts';
import type { WebhookAnswer } from './domain/webhook-delivery.ts';
import type { Database } from './database-ports.ts';
import type { EmailReference, InvoiceReference, WebhookEndpointReference } from './owed-work-ports.ts';

export type * from './database-ports.ts';
export type * from './owed-work-ports.ts';

/**
 * A payment gateway. Every method makes the call once, however often it is asked with the same call: the call's id is the
 * idempotency key. It may throw, and then nobody knows what became of the call until `find` tells.
 */
export interface PaymentGateway {
  /** Saved with every call: another gateway knows nothing of it. */
  readonly name: string;
  /** Holds the amount; `source` is the customer's means of payment. The answer's reference is the authorisation. */
  authorize(call: GatewayCall): Promise<GatewayAnswer>;
  /** Takes the amount, the whole or a part of what the authorisation in `source` holds. */
  capture(call: GatewayCall): Promise<GatewayAnswer>;
  /** Takes the capture in `source` back as if it had never been, whether it was settled with the customer's bank or not. */
  void(call: GatewayCall): Promise<GatewayAnswer>;
  /** Gives back the amount, the whole or a part of the capture in `source`. */
  refund(call: GatewayCall): Promise<GatewayAnswer>;
  /** Opens a page where a person pays the amount; PENDING until that was done. */
  openCheckout(call: GatewayCall, returnUrl: string): Promise<GatewayAnswer>;
  /** Where the open page of a call is; null when it is closed. */
  checkoutUrl(call: GatewayCall): Promise<string | null>;
  /** What became of a call; null when the gateway never heard of it. */
  find(call: GatewayCall): Promise<GatewayAnswer | null>;
}

export interface RateLimits {
  /** Takes `cost` from what the key may ask for; otherwise how many milliseconds until there is more. */
  take(keyId: string, cost: number): Promise<number | null>;
}

/** Signed tokens that stand for an API key for a while. */
export interface AccessTokens {
  sign(claims: TokenClaims, issuedAt: Date, expiresAt: Date): Promise<string>;
  /** What a token says; null when it was forged or changed, or has expired. */
  verify(token: string, now: Date): Promise<TokenClaims | null>;
}

export interface TokenClaims {
  readonly merchantId: string;
  readonly keyId: string;
  readonly scopes: readonly Scope[];
}

/** The queue. Asking is best effort and never waits long: what is lost is asked for again by the sweep. */
export interface Jobs {
  renderInvoices(references: readonly InvoiceReference[]): Promise<void>;
  /** How many PDFs have been asked for and not begun, at most; 0 where the queue does not tell. */
  waitingRenderings(): Promise<number>;
  sendEmails(references: readonly EmailReference[]): Promise<void>;
  /** One job an endpoint, which sends all that is due: however slow one is, the others do not wait behind it. */
  sendWebhooks(references: readonly WebhookEndpointReference[]): Promise<void>;
}

/** Brings mails to a mail server, or where else they are kept. */
export interface Mailer {
  /**
   * Resolves with null once the server took the mail, or with the server's reason when it refused it for good. Throws
   * when it may be tried again: nobody can say then whether the server has it, so the next copy has the same Message-ID.
   * Never takes longer than `deadlineMs`.
   */
  deliver(mail: OutgoingMail, deadlineMs: number): Promise<string | null>;
}

/** Brings messages to the endpoints of merchants, signed as Standard Webhooks has it, and to no address of ours. */
export interface WebhookSender {
  /** What is wrong with an address, as far as it tells by itself; null when it may be tried. */
  urlFault(url: string): string | null;
  /** Never throws, never follows a redirect, and never takes longer than `timeoutMs`. */
  send(message: OutgoingWebhook, timeoutMs: number): Promise<WebhookAnswer>;
}

export interface OutgoingWebhook {
  readonly url: string;
  readonly id: string;
  readonly sentAt: Date;
  readonly body: string;
  /** It is signed with each of them. */
  readonly secrets: readonly string[];
}

/** The same `id` and `date` make the same Message-ID and Date header. */
export interface OutgoingMail {
  readonly id: string;
  readonly date: Date;
  readonly to: string;
  readonly content: InvoiceMail;
  readonly pdf: Uint8Array;
}

/** Draws documents off the event loop. The same document gives the same bytes. */
export interface PdfRenderer {
  render(document: InvoiceDocument): Promise<Uint8Array>;
}

/** Files by the SHA-256 of their content: a name is only ever seen with its whole content behind it. */
export interface PdfFiles {
  write(content: Uint8Array): Promise<{ readonly sha256: string }>;
  /** null when there is no such file. */
  open(sha256: string): Promise<StoredFile | null>;
  /** The SHA-256 of what lies under that name now; null when there is no such file. */
  digestOf(sha256: string): Promise<string | null>;
}

export interface StoredFile {
  readonly size: number;
  /** Streams the bytes from `start` to `end`, both included; the whole file without them. */
  stream(range?: { readonly start: number; readonly end: number }): NodeJS.ReadableStream;
}

/** Tells when the state of a PDF may have changed, whichever process changed it. */
export interface PdfChanges {
  watch(reference: InvoiceReference): PdfWatch;
}

export interface PdfWatch {
  /** Resolves with the next change since the watch began or this resolved last, or after a while: look, then wait again. */
  changed(): Promise<void>;
  /** Gives the watch back; who waits is woken up. */
  end(): void;
}

/** Signed, expiring links to an invoice's PDF, or to where it is paid. */
export interface SignedLinks {
  sign(purpose: LinkPurpose, link: SignedLink): Promise<string>;
  /** The link that a token stands for; null when it was forged or changed, is for something else, or has expired. */
  verify(purpose: LinkPurpose, token: string, now: Date): Promise<SignedLink | null>;
}

export type LinkPurpose = 'pdf' | 'pay';

export interface SignedLink {
  readonly merchantId: string;
  readonly invoiceId: string;
  readonly expiresAt: Date;
}

export interface Clock {
  now(): Date;
}

export interface Ids {
  /** A new id, unique and sorting by time. */
  next(): string;
  /** Ids that follow from a seed that `next` made, and from a part of the work: the same ones in every run. */
  startingFrom(seed: string, part: number): Pick<Ids, 'next'>;
}

export interface Digests {
  /** SHA-256 in hex. */
  sha256(content: string): string;
  /** Random text of that many bytes, in characters that are safe in URLs and headers. */
  randomText(bytes: number): string;
  /** Compares without telling by its time how much of the two was equal. */
  isEqual(a: string, b: string): boolean;
}

/** Everything, as the actions receive it. */
export interface Ports {
  readonly database: Database;
  readonly jobs: Jobs;
  /** null when none is configured. */
  readonly gateway: PaymentGateway | null;
  readonly mailer: Mailer;
  readonly webhookSender: WebhookSender;
  /** The address under which a payment token opens, for mails; null when nobody has said how the world reaches us. */
  readonly paymentUrl: ((token: string) => string) | null;
  readonly renderer: PdfRenderer;
  readonly files: PdfFiles;
  readonly pdfChanges: PdfChanges;
  readonly links: SignedLinks;
  readonly tokens: AccessTokens;
  readonly rateLimits: RateLimits;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digests: Digests;
  readonly measures: Measures;
  readonly tracing: Tracing;
  readonly log: Log;
}

/** Counts and times what happens, for those who run this. Labels are few known words: nobody's id, nothing a caller sent. */
export interface Measures {
  took<Step extends keyof TimedSteps>(step: Step, seconds: number, labels: TimedSteps[Step]): void;
  happened<Event extends keyof CountedEvents>(event: Event, times: number, labels: CountedEvents[Event]): void;
}

/** What is timed, and by which labels it is told apart. */
export interface TimedSteps {
  /** `route` is a pattern such as /pdf/:token; `status` a class such as 2xx. */
  readonly httpRequest: { readonly method: string; readonly route: string; readonly status: string };
  /** `field` is the one that stands at the root of the operation, as the schema names it; "several" where there are more. */
  readonly operation: { readonly type: string; readonly field: string };
  readonly transaction: { readonly outcome: 'committed' | 'rolled_back' };
  readonly rendering: { readonly outcome: 'rendered' | 'failed' };
  readonly mail: { readonly outcome: 'sent' | 'refused' | 'failed' };
  readonly gatewayCall: { readonly call: string; readonly outcome: string };
  readonly jobWait: { readonly kind: string };
  readonly job: { readonly kind: string; readonly outcome: 'done' | 'failed' };
}

export interface CountedEvents {
  /** `outcome` is "ok" or the code of the first error. */
  readonly operation: { readonly type: string; readonly field: string; readonly outcome: string };
  readonly askedAgain: { readonly kind: string };
}

/** Tells what led to what, over processes. Attributes hold ids and known words: no variables, nothing of people. */
export interface Tracing {
  /** Runs `work` as a step of whatever step it is called in. Every step that `work` begins is one of its own steps. */
  step<T>(name: string, attributes: StepAttributes, work: () => Promise<T>): Promise<T>;
  /** Begins a step that was asked for elsewhere, by what came along as `traceparent` (W3C); null begins a trace. */
  begin(name: string, attributes: StepAttributes, traceparent: string | null): BegunStep;
  /** The step that runs now, for whoever goes on with it elsewhere; null when nothing is traced. */
  traceparent(): string | null;
}

export type StepAttributes = Readonly<Record<string, string | number>>;

export interface BegunStep {
  /** Whatever `work` begins, now or later, is a step of this one. */
  within<T>(work: () => T): T;
  end(outcome: { readonly isFailed: boolean; readonly attributes?: StepAttributes }): void;
}

export interface Log {
  info(event: string, details?: Readonly<Record<string, unknown>>): void;
  warn(event: string, details?: Readonly<Record<string, unknown>>): void;
  error(event: string, details?: Readonly<Record<string, unknown>>): void;
}
