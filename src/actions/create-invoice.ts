// createInvoice: an invoice over free lines, with no order behind them.

import { requireScope, type Actor } from '../domain/access.ts';
import {
  checkCreateInvoiceInput,
  createInvoice as decide,
  freeInvoiceContent,
  type CreateInvoiceInput,
} from '../domain/create-invoice.ts';
import { notFound } from '../domain/errors.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports, Transaction } from '../ports.ts';
import { issueOnce } from './issue-once.ts';

/**
 * Returns the invoice, new or made earlier by the same call with the same `invoiceId`.
 * Throws BAD_USER_INPUT, NOT_FOUND (the customer) or CONFLICT (the id is taken by another request).
 */
export async function createInvoice(ports: Ports, actor: Actor, input: CreateInvoiceInput): Promise<Invoice> {
  requireScope(actor, 'invoices:write');
  checkCreateInvoiceInput(input);
  return issueOnce(ports, actor, {
    invoiceId: input.invoiceId,
    content: freeInvoiceContent(input),
    // No order stands behind it, so there is nothing to lock before the number series.
    lock: async () => null,
    issue: async (transaction, _, as) => {
      const buyer = await findBuyer(transaction, input.customerId);
      const merchant = await transaction.merchant();
      await transaction.insertInvoices([decide(input, { ...buyer, merchant, ...as })]);
    },
  });
}

async function findBuyer(transaction: Transaction, customerId: string) {
  const [customer] = await transaction.findCustomers([customerId]);
  const billingAddress = await transaction.findBillingAddress(customerId);
  if (!customer || !billingAddress) throw notFound('customer', customerId);
  return { customer, billingAddress };
}
