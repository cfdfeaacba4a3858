// Reading an invoice together with what the query selects of it, in one statement instead of one a kind of record.

import { Kind, type FragmentDefinitionNode, type GraphQLResolveInfo, type SelectionSetNode } from 'graphql';
import type { Invoice } from '../domain/invoice.ts';
import type { InvoicePart } from '../ports.ts';
import type { Context } from './context.ts';

/** Fields of Invoice, and the records that they are made of. */
const PART_OF: Readonly<Record<string, InvoicePart>> = {
  lines: 'lines',
  vat: 'lines',
  orders: 'orders',
  reimbursement: 'payments',
  payment_link: 'payments',
  customer: 'customer',
};

/** One invoice; what the query selects of it is looked up already when its resolvers ask. */
export async function loadInvoice(
  by: { readonly id: string } | { readonly number: string },
  { app, actor, loaders }: Context,
  info: GraphQLResolveInfo,
): Promise<Invoice | null> {
  const found = await app.invoiceWithParts(actor, by, selectedParts(info));
  if (!found) return null;
  const { invoice, lines, orders, payments, customer } = found;
  loaders.invoice.prime(invoice.id, invoice);
  if (lines) loaders.linesOfInvoice.prime(invoice.id, lines);
  if (payments) loaders.paymentsOfInvoice.prime(invoice.id, payments);
  if (customer) loaders.customer.prime(customer.id, customer);
  if (orders) {
    for (const order of orders) loaders.order.prime(order.id, order);
    const links = orders.map((order) => ({ invoiceId: invoice.id, orderId: order.id }));
    loaders.ordersOnInvoice.prime(invoice.id, links);
  }
  return invoice;
}

function selectedParts({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<InvoicePart> {
  const parts = new Set<InvoicePart>();
  for (const { selectionSet } of fieldNodes) if (selectionSet) addParts(selectionSet, fragments, parts);
  return parts;
}

// Fragments never go in circles: validation has refused those that do.
function addParts(
  { selections }: SelectionSetNode,
  fragments: Readonly<Record<string, FragmentDefinitionNode>>,
  parts: Set<InvoicePart>,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      const part = PART_OF[selection.name.value];
      if (part) parts.add(part);
    } else {
      const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value];
      if (inner) addParts(inner.selectionSet, fragments, parts);
    }
  }
}
