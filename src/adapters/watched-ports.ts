// Puts measures and traces around what the product stands on, so that actions and adapters need not know of either.

import type { Database, Mailer, Measures, PaymentGateway, PdfRenderer, Ports, TimedSteps, Tracing } from '../ports.ts';

export interface Watch {
  readonly measures: Measures;
  readonly tracing: Tracing;
}

type Watched = Pick<Ports, 'database' | 'gateway' | 'mailer' | 'renderer'>;

export function watched(watch: Watch, { database, gateway, mailer, renderer }: Watched): Watched {
  return {
    database: watchedDatabase(watch, database),
    gateway: gateway && watchedGateway(watch, gateway),
    mailer: watchedMailer(watch, mailer),
    renderer: watchedRenderer(watch, renderer),
  };
}

function watchedDatabase({ measures, tracing }: Watch, database: Database): Database {
  const { pdfs, emails, gatewayCalls, webhooks } = database;
  /** What a sweep claims was lost, or is due again. */
  const counted = async <T>(kind: string, claim: Promise<readonly T[]>): Promise<readonly T[]> => {
    const due = await claim;
    if (due.length > 0) measures.happened('askedAgain', due.length, { kind });
    return due;
  };
  const outcome = (isDone: boolean) => ({ outcome: isDone ? ('committed' as const) : ('rolled_back' as const) });
  const transaction = <T>(work: () => Promise<T>) =>
    timed(measures, 'transaction', outcome, () =>
      tracing.step('transaction', { 'db.system.name': 'postgresql' }, work),
    );
  return {
    ...database,
    pdfs: { ...pdfs, claimDue: (...when) => counted('pdf', pdfs.claimDue(...when)) },
    emails: { ...emails, claimDue: (...when) => counted('email', emails.claimDue(...when)) },
    webhooks: {
      ...webhooks,
      claimDue: (...when) => counted('webhook', webhooks.claimDue(...when)),
      claimRested: (...when) => counted('webhook', webhooks.claimRested(...when)),
    },
    gatewayCalls: { ...gatewayCalls, claimDue: (...when) => counted('gateway_call', gatewayCalls.claimDue(...when)) },
    transact: (merchantId, work) => transaction(() => database.transact(merchantId, work)),
    issueInvoices: (...wanted) => transaction(() => database.issueInvoices(...wanted)),
  };
}

function watchedRenderer({ measures, tracing }: Watch, renderer: PdfRenderer): PdfRenderer {
  return {
    render: (document) =>
      timed(
        measures,
        'rendering',
        (isDone) => ({ outcome: isDone ? 'rendered' : 'failed' }),
        () => tracing.step('render', {}, () => renderer.render(document)),
      ),
  };
}

function watchedMailer({ measures, tracing }: Watch, mailer: Mailer): Mailer {
  return {
    deliver: (mail, deadlineMs) =>
      timed(
        measures,
        'mail',
        (isDone, refusal) => ({ outcome: !isDone ? 'failed' : refusal === null ? 'sent' : 'refused' }),
        () => tracing.step('mail', {}, () => mailer.deliver(mail, deadlineMs)),
      ),
  };
}

const CALLS = ['authorize', 'capture', 'void', 'refund', 'openCheckout', 'checkoutUrl', 'find'] as const;

function watchedGateway({ measures, tracing }: Watch, gateway: PaymentGateway): PaymentGateway {
  const calls = CALLS.map((call) => {
    const ask = gateway[call].bind(gateway) as (...parameters: unknown[]) => Promise<unknown>;
    const watchedAsk = (...parameters: unknown[]) =>
      timed(
        measures,
        'gatewayCall',
        (isDone, answer) => ({ call, outcome: isDone ? outcomeOf(answer) : 'no_answer' }),
        () => tracing.step(`gateway ${call}`, { 'billhead.gateway': gateway.name }, () => ask(...parameters)),
      );
    return [call, watchedAsk] as const;
  });
  return { name: gateway.name, ...Object.fromEntries(calls) } as PaymentGateway;
}

const OUTCOMES: ReadonlySet<unknown> = new Set(['SUCCEEDED', 'PENDING', 'FAILED']);

function outcomeOf(answer: unknown): string {
  const status = typeof answer === 'object' && answer !== null && 'status' in answer ? answer.status : null;
  return typeof status === 'string' && OUTCOMES.has(status) ? status.toLowerCase() : 'told';
}

async function timed<Step extends keyof TimedSteps, T>(
  measures: Measures,
  step: Step,
  labelsOf: (isDone: boolean, result?: T) => TimedSteps[Step],
  work: () => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  const took = (labels: TimedSteps[Step]) => measures.took(step, (performance.now() - begun) / 1_000, labels);
  try {
    const result = await work();
    took(labelsOf(true, result));
    return result;
  } catch (error) {
    took(labelsOf(false));
    throw error;
  }
}
