// What is owed and kept on rows until it is done, as a port: PDFs with their seals, mails, webhooks, calls of the gateway.

import type { GatewayCall } from './domain/gateway-call.ts';
import type { NewInvoiceEmail } from './domain/invoice-notes.ts';
import type { Invoice, InvoiceDocument } from './domain/invoice.ts';
import type { WebhookDeliveryFilter, WebhookDeliveryQuery } from './domain/list-filter.ts';
import type { Window } from './domain/page.ts';
import type { ChainPlace, FoundSeal, Seal, SealEntry } from './domain/seal.ts';
import type { NumberCount } from './domain/number-report.ts';
import type { WebhookAnswer, WebhookDelivery } from './domain/webhook-delivery.ts';
import type { WebhookEndpoint } from './domain/webhook-endpoint.ts';
import type { WebhookMessage } from './domain/webhook-event.ts';

/** The states of a PDF, kept on the invoice's row. */
export interface OwedPdfs {
  /** Counts an attempt and returns the document; null when nothing is owed (any more). The sweep leaves it until `lostAt`. */
  begin(
    reference: InvoiceReference,
    now: Date,
    lostAt: Date,
  ): Promise<{ readonly document: InvoiceDocument; readonly attempt: number } | null>;
  /** READY, with its seal at the end of the merchant's chain: both or neither. */
  markReady(seal: Seal): Promise<void>;
  /** `nextAttemptAt` null gives up: FAILED until it is retried by hand. */
  markFailed(reference: InvoiceReference, error: string, nextAttemptAt: Date | null, now: Date): Promise<void>;
  /** Makes one that is FAILED (or READY, but its file is gone) PENDING again, due now; false when it was not. */
  oweAgain(reference: InvoiceReference, when: 'FAILED' | 'READY', now: Date): Promise<boolean>;
  /** PDFs that were due at `by`, each leased until `leasedUntil` so that no other sweep asks for it meanwhile. */
  claimDue(by: Date, leasedUntil: Date, limit: number): Promise<readonly InvoiceReference[]>;
}

/** The chain over a merchant's issued documents (domain/seal.ts), and the count of its numbers. */
export interface Proofs {
  /** Where the chain says that it ends, and the position of its last entry: the same, unless somebody touched them. */
  head(merchantId: string): Promise<ChainPlace & { readonly lastPosition: number }>;
  entryAt(merchantId: string, position: number): Promise<SealEntry | null>;
  /** In the order of the chain, each with its document as it is now. */
  entriesFrom(merchantId: string, position: number, limit: number): Promise<readonly FoundSeal[]>;
  /** Issued documents without any entry. */
  countUnsealed(merchantId: string): Promise<number>;
  /** READY without an entry for that PDF, in the order of merchants and numbers. */
  findUnsealed(limit: number): Promise<readonly InvoiceReference[]>;
  /** In the order of their numbers. */
  documents(merchantId: string, invoiceIds: readonly string[]): Promise<readonly InvoiceDocument[]>;
  /** Adds these to the chain in this order, but for those that are sealed or changed meanwhile. Returns how many. */
  seal(merchantId: string, seals: readonly Seal[]): Promise<number>;
  /** Of one year or of all; lists of gaps and duplicates are cut after so many. */
  countNumbers(merchantId: string, year: number | null, mostListed: number): Promise<readonly NumberCount[]>;
}

/** The mails that are owed, kept on rows of their own. */
export interface OwedEmails {
  /**
   * Takes one up, counting the attempt: null when it is not due, is older than `oldest`, or its PDF is not READY. Until
   * `overAt` nobody else can, so whoever calls must be done by then.
   */
  begin(reference: EmailReference, now: Date, overAt: Date, oldest: Date): Promise<OwedEmail | null>;
  /** The mail server took it: SENT, whatever was recorded meanwhile. */
  markSent(reference: EmailReference, now: Date): Promise<void>;
  /** `nextAttemptAt` null gives up: FAILED. Changes nothing once another attempt has begun. */
  markFailed(reference: EmailReference, attempt: number, error: string, nextAttemptAt: Date | null): Promise<void>;
  /** Those of an invoice that are due now. */
  dueOf(reference: InvoiceReference, now: Date): Promise<readonly EmailReference[]>;
  /** Due mails whose PDF is READY, each left alone by other sweeps until `askAgainAt`. */
  claimDue(now: Date, askAgainAt: Date, limit: number): Promise<readonly EmailReference[]>;
  /** Gives up those that were asked for before `oldest` and are not being sent; returns how many. */
  expire(oldest: Date, now: Date, reason: string): Promise<number>;
}

/**
 * What webhook endpoints are told of. The database itself owes an event to each endpoint that wants it, in the transaction of
 * the event (prisma/migrations/20261122050000_webhooks).
 */
export interface OwedWebhooks {
  /** Oldest first. */
  endpoints(merchantId: string): Promise<readonly WebhookEndpoint[]>;
  /** In list order; one record more than the limit tells that there are more. */
  page(merchantId: string, query: WebhookDeliveryQuery, window: Window): Promise<readonly WebhookDelivery[]>;
  count(merchantId: string, filter: WebhookDeliveryFilter): Promise<number>;
  /**
   * Endpoints of a merchant that are owed something now and answered when they were last tried. Says none, for seconds, of a
   * merchant that had no endpoint a moment ago.
   */
  dueOf(merchantId: string, now: Date): Promise<readonly WebhookEndpointReference[]>;
  /** The same of all merchants, each left alone by other sweeps until `askAgainAt`. */
  claimDue(now: Date, askAgainAt: Date, limit: number): Promise<readonly WebhookEndpointReference[]>;
  /** Endpoints that were silent, have rested, and are owed something now; those first that rested first. */
  claimRested(now: Date, askAgainAt: Date, limit: number): Promise<readonly WebhookEndpointReference[]>;
  /**
   * Takes up so many of what an endpoint is owed now, oldest first, counting the attempts. Until `overAt` nobody else can
   * have them. While it rests there is nothing, and after that one alone, until it answers. What one that is disabled or
   * deleted is owed all the same is given up.
   */
  begin(reference: WebhookEndpointReference, now: Date, overAt: Date, limit: number): Promise<readonly OwedWebhook[]>;
  /** The endpoint took it: SUCCEEDED, whatever was recorded meanwhile. */
  markSucceeded(reference: WebhookDeliveryReference, answer: WebhookAnswer): Promise<void>;
  /** `nextAttemptAt` null gives up: FAILED. Changes nothing once another attempt has begun. */
  markFailed(
    reference: WebhookDeliveryReference,
    attempt: number,
    answer: WebhookAnswer & { readonly error: string },
    nextAttemptAt: Date | null,
  ): Promise<void>;
  /** Leaves an endpoint alone until then, if that is still where it is, whatever it is owed; null: it has answered. */
  rest(reference: WebhookEndpointReference, url: string, until: Date | null): Promise<void>;
  /** Disables an endpoint, if that is still where it is, and gives up what it is owed. */
  disable(reference: WebhookEndpointReference, url: string, reason: string, now: Date): Promise<void>;
  /** Deletes deliveries that have ended and were made before `oldest`; returns how many. */
  forget(oldest: Date, limit: number): Promise<number>;
  /** Gives up, at most `limit` of them, what is owed since before `oldest`; returns how many. */
  giveUp(oldest: Date, limit: number): Promise<number>;
}

export interface WebhookEndpointReference {
  readonly merchantId: string;
  readonly endpointId: string;
}

export interface WebhookDeliveryReference {
  readonly merchantId: string;
  readonly deliveryId: string;
}

export interface OwedWebhook {
  readonly deliveryId: string;
  readonly attempt: number;
  readonly firstAttemptAt: Date;
  readonly endpoint: WebhookEndpoint;
  /** The endpoint did not answer when it was last tried. */
  readonly wasSilent: boolean;
  readonly message: WebhookMessage;
}

export interface EmailReference {
  readonly merchantId: string;
  readonly emailId: string;
}

export interface OwedEmail {
  readonly email: NewInvoiceEmail;
  readonly invoice: Invoice;
  readonly attempt: number;
}

export interface InvoiceReference {
  readonly merchantId: string;
  readonly invoiceId: string;
}

export interface GatewayCalls {
  find(reference: GatewayCallReference): Promise<GatewayCall | null>;
  /** Calls of this gateway that are due, each leased until `leasedUntil` so that no other sweep asks for it meanwhile. */
  claimDue(gateway: string, now: Date, leasedUntil: Date, limit: number): Promise<readonly GatewayCallReference[]>;
  /** How many calls of other gateways have not ended, of all merchants. */
  countUnsettledElsewhere(gateway: string | null): Promise<number>;
}

export interface GatewayCallReference {
  readonly merchantId: string;
  readonly callId: string;
}
