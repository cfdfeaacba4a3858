// The kinds of jobs: for each the queue that it waits in, and what it carries.
//
// Each kind has a queue of its own, so that mails and webhooks that hang at their servers never hold up PDFs. Invoices that are
// asked for together share jobs: in a burst the queue would cost the database more than issuing does.

import { createHash } from 'node:crypto';
import type { Job } from 'bullmq';
import type { EmailReference, InvoiceReference, WebhookEndpointReference } from '../ports.ts';

/** What handles a job of each kind, given what it carries. */
export interface Handlers {
  readonly renderInvoice: (reference: InvoiceReference) => Promise<void>;
  readonly sendEmail: (reference: EmailReference) => Promise<void>;
  readonly sendWebhooks: (reference: WebhookEndpointReference) => Promise<void>;
}

export type JobKind = keyof Handlers;

/** Invoices of a merchant. */
interface InvoiceReferences {
  readonly merchantId: string;
  readonly invoiceIds: readonly string[];
}

/** A job as it waits. */
export interface QueuedJob {
  readonly name: string;
  readonly data: InvoiceReference | InvoiceReferences | EmailReference | WebhookEndpointReference;
  readonly opts: {
    readonly jobId: string;
    readonly attempts: number;
    readonly removeOnComplete: boolean;
    readonly removeOnFail: boolean;
  };
}

const JOBS = {
  renderInvoice: { queue: 'billhead', job: 'render-invoice' },
  sendEmail: { queue: 'billhead-mail', job: 'send-email' },
  sendWebhooks: { queue: 'billhead-webhooks', job: 'send-webhooks' },
} as const satisfies Record<JobKind, object>;

/** A job over several invoices. One over one alone is what every version knows. */
const RENDER_SEVERAL = 'render-invoices';
/** Few enough that several workers share a burst, and that little is done again when one of them dies. */
export const MOST_INVOICES_IN_A_JOB = 25;

export const JOB_KINDS: readonly JobKind[] = ['renderInvoice', 'sendEmail', 'sendWebhooks'];

export function queueOf(kind: JobKind): string {
  return JOBS[kind].queue;
}

/** Each invoice once, those of a merchant together. */
export function renderJobs(references: readonly InvoiceReference[]): readonly QueuedJob[] {
  const idsOf = new Map<string, Set<string>>();
  for (const { merchantId, invoiceId } of references) {
    idsOf.set(merchantId, (idsOf.get(merchantId) ?? new Set()).add(invoiceId));
  }
  return [...idsOf].flatMap(([merchantId, ids]) =>
    inParts([...ids], MOST_INVOICES_IN_A_JOB).map((invoiceIds) => renderJob(merchantId, invoiceIds)),
  );
}

function renderJob(merchantId: string, invoiceIds: readonly string[]): QueuedJob {
  const [invoiceId] = invoiceIds;
  if (invoiceId !== undefined && invoiceIds.length === 1) {
    return queuedJob(JOBS.renderInvoice.job, { merchantId, invoiceId }, [invoiceId]);
  }
  return queuedJob(RENDER_SEVERAL, { merchantId, invoiceIds }, invoiceIds);
}

function inParts<T>(all: readonly T[], most: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / most) }, (_, part) => all.slice(part * most, (part + 1) * most));
}

export function emailJob({ merchantId, emailId }: EmailReference): QueuedJob {
  return queuedJob(JOBS.sendEmail.job, { merchantId, emailId }, [emailId]);
}

export function webhooksJob({ merchantId, endpointId }: WebhookEndpointReference): QueuedJob {
  return queuedJob(JOBS.sendWebhooks.job, { merchantId, endpointId }, [endpointId]);
}

function queuedJob(job: string, data: QueuedJob['data'], ids: readonly string[]): QueuedJob {
  const hash = createHash('sha256')
    .update(JSON.stringify([data.merchantId, ...ids]))
    .digest('hex');
  // BullMQ refuses ids with a colon or of digits alone. Removed at once, so that the id can be asked for again.
  const opts = { jobId: `${job}-${hash}`, attempts: 1, removeOnComplete: true, removeOnFail: true };
  return { name: job, data, opts };
}

type Reference = InvoiceReference | EmailReference | WebhookEndpointReference;

/** What is to be done for one of the things that a job carries. */
export interface Work {
  readonly reference: Reference;
  readonly run: () => Promise<void>;
}

/** What a job carries, with the handler of its kind. Throws on a job that another version put into the queue. */
export function worksOf(kind: JobKind, job: Job, handlers: Handlers): readonly Work[] {
  const work = <R extends Reference>(handler: (reference: R) => Promise<void>, reference: R): Work => {
    return { reference, run: () => handler(reference) };
  };
  const { name } = job;
  const data: unknown = job.data;
  if (kind === 'renderInvoice' && name === RENDER_SEVERAL && hasTexts(data, 'merchantId') && hasIds(data)) {
    const { merchantId, invoiceIds } = data;
    return invoiceIds.map((invoiceId) => work(handlers.renderInvoice, { merchantId, invoiceId }));
  }
  if (name === JOBS[kind].job) {
    if (kind === 'renderInvoice' && hasTexts(data, 'merchantId', 'invoiceId')) {
      return [work(handlers.renderInvoice, { merchantId: data.merchantId, invoiceId: data.invoiceId })];
    }
    if (kind === 'sendEmail' && hasTexts(data, 'merchantId', 'emailId')) {
      return [work(handlers.sendEmail, { merchantId: data.merchantId, emailId: data.emailId })];
    }
    if (kind === 'sendWebhooks' && hasTexts(data, 'merchantId', 'endpointId')) {
      return [work(handlers.sendWebhooks, { merchantId: data.merchantId, endpointId: data.endpointId })];
    }
  }
  throw new Error('not a job of this version');
}

function hasIds(data: object): data is { readonly invoiceIds: readonly string[] } {
  const ids: unknown = 'invoiceIds' in data ? data.invoiceIds : null;
  return Array.isArray(ids) && ids.every((id) => typeof id === 'string');
}

/** The step that asked for a job, as W3C's traceparent; null when that was not traced. */
export function traceparentOf(job: Job): string | null {
  const data: unknown = job.data;
  return hasTexts(data, 'traceparent') ? data.traceparent : null;
}

function hasTexts<Name extends string>(
  data: unknown,
  ...names: readonly Name[]
): data is Readonly<Record<Name, string>> {
  if (typeof data !== 'object' || data === null) return false;
  return names.every((name) => typeof (data as Readonly<Record<string, unknown>>)[name] === 'string');
}
