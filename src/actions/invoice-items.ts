// invoiceItems: puts everything open of order items on one numbered invoice, once only.

import { requireScope, type Actor } from '../domain/access.ts';
import {
  decideInvoices,
  type InvoiceOutcome,
  type InvoiceRequest,
  type InvoicingDecision,
} from '../domain/decide-invoices.ts';
import type { Invoice } from '../domain/invoice.ts';
import { checkInvoiceItemsInput } from '../domain/issue-invoice.ts';
import type { Clock, Ports, Transaction } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';

export interface InvoiceItemsInput {
  /** Order item ids, from one or several orders of one customer. */
  readonly items: readonly string[];
  /** The id that the invoice shall have; makes the call repeatable. */
  readonly invoiceId?: string | null | undefined;
}

/** Returns the invoice, new or made earlier by the same call. Throws BAD_USER_INPUT, NOT_INVOICEABLE or CONFLICT. */
export async function invoiceItems(ports: Ports, actor: Actor, input: InvoiceItemsInput): Promise<Invoice> {
  requireScope(actor, 'invoices:write');
  checkInvoiceItemsInput(input);
  const [outcome] = await invoiceItemLists(ports, actor.merchantId, [requestOf(ports, input)]);
  if (!outcome) throw new RangeError('Every request has an outcome.');
  if (outcome.kind === 'refused') throw outcome.refusal;
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
export async function invoiceItemLists(
  ports: Ports,
  merchantId: string,
  requests: readonly InvoiceRequest[],
): Promise<readonly InvoiceOutcome[]> {
  const { outcomes, invoices } = await ports.database.transact(merchantId, async (transaction) => {
    const decision = await decideUnderLocks(transaction, requests, ports.clock);
    await transaction.updateOrders(decision.orders);
    await transaction.creditCorrected(decision.invoices.filter(({ invoice }) => invoice.type === 'CREDIT_INVOICE'));
    // Last of all: its counter row makes every other invoice of the merchant wait until we have committed.
    await transaction.insertInvoices(decision.invoices);
    return decision;
  });
  await ports.jobs.renderInvoices(invoices.map(({ invoice }) => ({ merchantId, invoiceId: invoice.id })));
  if (invoices.length > 0) await askForWebhooks(ports, merchantId);
  return outcomes;
}

async function decideUnderLocks(
  transaction: Transaction,
  requests: readonly InvoiceRequest[],
  clock: Clock,
): Promise<InvoicingDecision> {
  const orders = await transaction.lockOrdersOfItems(requests.flatMap(({ itemIds }) => itemIds));
  // Read after the locks: the same call at the same time has committed by then, or waits for us.
  const issued = await transaction.findIssued(requests.map(({ invoiceId }) => invoiceId));
  const merchant = await transaction.merchant();
  const customers = await transaction.findCustomers(orders.map(({ order }) => order.customerId));
  // Read after the locks as well: who waited long is not issued before those it waited for.
  return decideInvoices(requests, { merchant, orders, customers, issued, now: clock.now() });
}
