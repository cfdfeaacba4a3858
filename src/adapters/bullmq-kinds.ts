// The kinds of jobs: for each the queue that it waits in, and what it carries.
//
// Each kind has a queue of its own, so that mails and webhooks that hang at their servers never hold up PDFs.

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

/** A job as it waits. */
interface QueuedJob {
  readonly name: string;
  readonly data: InvoiceReference | EmailReference | WebhookEndpointReference;
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

export const JOB_KINDS: readonly JobKind[] = ['renderInvoice', 'sendEmail', 'sendWebhooks'];

export function queueOf(kind: JobKind): string {
  return JOBS[kind].queue;
}

export function renderJob({ merchantId, invoiceId }: InvoiceReference): QueuedJob {
  return queuedJob('renderInvoice', { merchantId, invoiceId }, invoiceId);
}

export function emailJob({ merchantId, emailId }: EmailReference): QueuedJob {
  return queuedJob('sendEmail', { merchantId, emailId }, emailId);
}

export function webhooksJob({ merchantId, endpointId }: WebhookEndpointReference): QueuedJob {
  return queuedJob('sendWebhooks', { merchantId, endpointId }, endpointId);
}

function queuedJob(kind: JobKind, data: QueuedJob['data'], id: string): QueuedJob {
  const { job } = JOBS[kind];
  const hash = createHash('sha256')
    .update(JSON.stringify([data.merchantId, id]))
    .digest('hex');
  // BullMQ refuses ids with a colon or of digits alone. Removed at once, so that the id can be asked for again.
  const opts = { jobId: `${job}-${hash}`, attempts: 1, removeOnComplete: true, removeOnFail: true };
  return { name: job, data, opts };
}

/** Hands a job to the handler of its kind. Throws on a job that another version put into the queue. */
export async function handle(kind: JobKind, job: Job, handlers: Handlers): Promise<void> {
  const { name } = job;
  const data: unknown = job.data;
  if (name === JOBS[kind].job) {
    if (kind === 'renderInvoice' && hasTexts(data, 'merchantId', 'invoiceId')) {
      return handlers.renderInvoice({ merchantId: data.merchantId, invoiceId: data.invoiceId });
    }
    if (kind === 'sendEmail' && hasTexts(data, 'merchantId', 'emailId')) {
      return handlers.sendEmail({ merchantId: data.merchantId, emailId: data.emailId });
    }
    if (kind === 'sendWebhooks' && hasTexts(data, 'merchantId', 'endpointId')) {
      return handlers.sendWebhooks({ merchantId: data.merchantId, endpointId: data.endpointId });
    }
  }
  throw new Error('not a job of this version');
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
