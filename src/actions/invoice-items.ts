// invoiceItems: puts everything open of order items on one numbered invoice, once only.

import { requireScope, type Actor } from '../domain/access.ts';
import { decideInvoices, type InvoiceOutcome, type InvoiceRequest } from '../domain/decide-invoices.ts';
import type { Invoice } from '../domain/invoice.ts';
import { checkInvoiceItemsInput } from '../domain/issue-invoice.ts';
import type { Ports } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';
import { gatherRequests, type Gathered } from './gather-requests.ts';

export interface InvoiceItemsInput {
  /** Order item ids, from one or several orders of one customer. */
  readonly items: readonly string[];
  /** The id that the invoice shall have; makes the call repeatable. */
  readonly invoiceId?: string | null | undefined;
}

/** As decided; with the document where it is new. */
type Outcome = InvoiceOutcome & { readonly invoice: Invoice | null };

/** Puts a request with those of the same merchant that come at the same time. */
export type Invoicing = Gathered<InvoiceRequest, Outcome>;

/** Items in one transaction: a hundred invoices of ten, which take a tenth of a second. */
const MOST_ITEMS_AT_ONCE = 1_000;
/** Every invoice id is a lock, of which PostgreSQL has room for some thousands. */
const LEAST_WEIGHT = 10;

/** To be made once a process: whoever shares it shares transactions. */
export function gatherInvoicing(ports: Ports): Invoicing {
  return gatherRequests({
    run: (merchantId, requests) => invoiceItemLists(ports, merchantId, requests),
    weightOf: ({ itemIds }) => Math.max(LEAST_WEIGHT, itemIds.length),
    mostWeight: MOST_ITEMS_AT_ONCE,
  });
}

/** Returns the invoice, new or made earlier by the same call. Throws BAD_USER_INPUT, NOT_INVOICEABLE or CONFLICT. */
export async function invoiceItems(
  ports: Ports,
  invoicing: Invoicing,
  actor: Actor,
  input: InvoiceItemsInput,
): Promise<Invoice> {
  requireScope(actor, 'invoices:write');
  checkInvoiceItemsInput(input);
  const outcome = await invoicing(actor.merchantId, requestOf(ports, input));
  if (outcome.kind === 'refused') throw outcome.refusal;
  if (outcome.invoice) return outcome.invoice;
  const [invoice] = await ports.database.invoices.findById(actor.merchantId, [outcome.invoiceId]);
  if (!invoice) throw new RangeError('An issued invoice never goes away.');
  return invoice;
}

function requestOf(ports: Ports, input: InvoiceItemsInput): InvoiceRequest {
  return {
    itemIds: input.items,
    invoiceId: input.invoiceId ?? ports.ids.next(),
    requestHash: ports.digests.sha256(JSON.stringify(['invoiceItems', [...input.items].sort()])),
  };
}

/** Decides a list of requests of one merchant in one transaction, each as if the ones before it had been made alone. */
async function invoiceItemLists(
  ports: Ports,
  merchantId: string,
  requests: readonly InvoiceRequest[],
): Promise<readonly Outcome[]> {
  const { database, jobs, clock } = ports;
  const wanted = {
    itemIds: requests.flatMap(({ itemIds }) => itemIds),
    invoiceIds: requests.map(({ invoiceId }) => invoiceId),
  };
  const { outcomes, invoices, numbers, hasWebhooks } = await database.issueInvoices(merchantId, wanted, (facts) =>
    // The clock is read after the locks: who waited long is not issued before those it waited for.
    decideInvoices(requests, { ...facts, now: clock.now() }),
  );
  // Nobody waits for the queue, and asking it never throws: what it misses the sweep finds.
  void jobs.renderInvoices(invoices.map(({ invoice }) => ({ merchantId, invoiceId: invoice.id })));
  if (invoices.length > 0 && hasWebhooks) await askForWebhooks(ports, merchantId);
  const issued = new Map(
    invoices.map(({ invoice: { id, ...head } }) => [id, { id, ...head, number: numbers.get(id) ?? '' }]),
  );
  return outcomes.map((outcome) => ({
    ...outcome,
    invoice: outcome.kind === 'issued' ? (issued.get(outcome.invoiceId) ?? null) : null,
  }));
}
