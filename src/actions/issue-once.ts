// Issuing one invoice under an id that makes the call repeatable. What createInvoice and invoiceOrder have in common.

import type { Actor } from '../domain/access.ts';
import { idTaken } from '../domain/decide-invoices.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports, Transaction } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';

export interface IssueRequest<Locked> {
  /** Chosen by the caller; one is made when it is not. */
  readonly invoiceId: string | null | undefined;
  /** What tells this request from another one under the same id. */
  readonly content: string;
  /** Comes first, so that the same call at the same time has committed when the id is looked up, or waits for us. */
  lock(transaction: Transaction): Promise<Locked>;
  issue(transaction: Transaction, locked: Locked, as: IssuedAs): Promise<void>;
}

export interface IssuedAs {
  readonly invoiceId: string;
  readonly requestHash: string;
  readonly now: Date;
}

/** Returns the invoice, new or made earlier by the same request. Throws CONFLICT when another one used the id. */
export async function issueOnce<Locked>(ports: Ports, actor: Actor, request: IssueRequest<Locked>): Promise<Invoice> {
  const { merchantId } = actor;
  const invoiceId = request.invoiceId ?? ports.ids.next();
  const requestHash = ports.digests.sha256(request.content);
  const isNew = await ports.database.transact(merchantId, async (transaction) => {
    const locked = await request.lock(transaction);
    const earlier = (await transaction.findIssued([invoiceId])).get(invoiceId);
    if (earlier === requestHash) return false;
    if (earlier !== undefined) throw idTaken(invoiceId);
    await request.issue(transaction, locked, { invoiceId, requestHash, now: ports.clock.now() });
    return true;
  });
  if (isNew) {
    await ports.jobs.renderInvoices([{ merchantId, invoiceId }]);
    await askForWebhooks(ports, merchantId);
  }
  const [invoice] = await ports.database.invoices.findById(merchantId, [invoiceId]);
  if (!invoice) throw new RangeError('An issued invoice never goes away.');
  return invoice;
}
