// Changing one invoice: lock it, decide, save. What the operations on an issued invoice have in common.

import { requireScope, type Actor, type Scope } from '../domain/access.ts';
import { notFound } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { InvoiceWithMoney } from '../domain/online-payment.ts';
import type { Ports, Transaction } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';

/** Throws NOT_FOUND when there is no such invoice, and whatever `decide` refuses with. */
export async function changeInvoice(
  ports: Ports,
  actor: Actor,
  scope: Scope,
  invoiceId: string,
  decide: (locked: InvoiceWithMoney, transaction: Transaction, now: Date) => Promise<Invoice>,
): Promise<Invoice> {
  requireScope(actor, scope);
  const { invoice, hasNewState } = await ports.database.transact(actor.merchantId, async (transaction) => {
    const locked = await transaction.lockInvoice(invoiceId);
    if (!locked) throw notFound('invoice', invoiceId);
    const changed = await decide(locked, transaction, ports.clock.now());
    if (changed !== locked.invoice) await transaction.updateInvoice(changed);
    return { invoice: changed, hasNewState: changed.state !== locked.invoice.state };
  });
  if (hasNewState) await askForWebhooks(ports, actor.merchantId);
  return invoice;
}
