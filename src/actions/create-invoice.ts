// createInvoice: an invoice over free lines, with no order behind them.

import { requireScope, type Actor } from '../domain/access.ts';
import {
  checkCreateInvoiceInput,
  createInvoice as decide,
  freeInvoiceContent,
  type CreateInvoiceInput,
} from '../domain/create-invoice.ts';
import { idTaken } from '../domain/decide-invoices.ts';
import { notFound } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports, Transaction } from '../ports.ts';

/**
 * Returns the invoice, new or made earlier by the same call with the same `invoiceId`.
 * Throws BAD_USER_INPUT, NOT_FOUND (the customer) or CONFLICT (the id is taken by another request).
 */
export async function createInvoice(ports: Ports, actor: Actor, input: CreateInvoiceInput): Promise<Invoice> {
  requireScope(actor, 'invoices:write');
  checkCreateInvoiceInput(input);
  const invoiceId = input.invoiceId ?? ports.ids.next();
  const requestHash = ports.digests.sha256(freeInvoiceContent(input));
  const isNew = await ports.database.transact(actor.merchantId, async (transaction) => {
    const earlier = (await transaction.findIssued([invoiceId])).get(invoiceId);
    if (earlier === requestHash) return false;
    if (earlier !== undefined) throw idTaken(invoiceId);
    const buyer = await findBuyer(transaction, input.customerId);
    const merchant = await transaction.merchant();
    const invoice = decide(input, { ...buyer, merchant, invoiceId, requestHash, now: ports.clock.now() });
    await transaction.insertInvoices([invoice]);
    return true;
  });
  if (isNew) await ports.jobs.renderInvoices([{ merchantId: actor.merchantId, invoiceId }]);
  const [invoice] = await ports.database.invoices.findById(actor.merchantId, [invoiceId]);
  if (!invoice) throw new RangeError('An issued invoice never goes away.');
  return invoice;
}

async function findBuyer(transaction: Transaction, customerId: string) {
  const [customer] = await transaction.findCustomers([customerId]);
  const billingAddress = await transaction.findBillingAddress(customerId);
  if (!customer || !billingAddress) throw notFound('customer', customerId);
  return { customer, billingAddress };
}
