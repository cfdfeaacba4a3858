// Issuing an invoice over picked items of one order, with its payment and comment. Runs under the order's lock.

import { drawUp, type NumberedLater } from '../domain/decide-invoices.ts';
import { paymentOf, type GatewayCall } from '../domain/gateway-call.ts';
import type { Remark } from '../domain/invoice-notes.ts';
import { takeFromOrders, type PickedItem } from '../domain/issue-invoice.ts';
import type { OrderWithItems } from '../domain/order.ts';
import type { Payment } from '../domain/payment.ts';
import type { Ports, Transaction } from '../ports.ts';

export interface OrderIssue {
  readonly invoiceId: string;
  readonly requestHash: string;
  readonly now: Date;
  /** A call of the gateway; money received outside of one; or nothing yet. */
  readonly paidBy: GatewayCall | 'OFFLINE' | null;
  readonly remark: Remark;
}

/** The issued document; its number stands in the database alone. */
export async function issueFromOrder(
  ports: Ports,
  transaction: Transaction,
  placed: OrderWithItems,
  picked: readonly PickedItem[],
  issue: OrderIssue,
): Promise<NumberedLater['invoice']> {
  const merchant = await transaction.merchant();
  const customers = await transaction.findCustomers([placed.order.customerId]);
  const drawnUp = drawUp(issue, picked, { merchant, customers, now: issue.now });
  const issued = isPaid(issue) ? paidAtOnce(drawnUp) : drawnUp;
  await transaction.updateOrders(takeFromOrders(picked, [placed], issue.now));
  await transaction.insertInvoices([issued]);
  await transaction.savePayments(paymentsOf(ports, issued, placed, issue));
  await recordComment(ports, transaction, issue);
  await recordEmail(ports, transaction, issue);
  return issued.invoice;
}

function isPaid({ paidBy }: OrderIssue): boolean {
  return paidBy === 'OFFLINE' || paidBy?.status === 'SUCCEEDED';
}

function paidAtOnce(issued: NumberedLater): NumberedLater {
  const total = issued.invoice.totalExVat + issued.invoice.totalVat;
  return { ...issued, invoice: { ...issued.invoice, state: 'PAID', amountPaid: total > 0n ? total : 0n } };
}

function paymentsOf(
  ports: Ports,
  { invoice }: NumberedLater,
  { order }: OrderWithItems,
  { paidBy }: OrderIssue,
): readonly Payment[] {
  if (paidBy === null) return [];
  if (paidBy !== 'OFFLINE') {
    return [paymentOf(paidBy, invoice.id, paidBy.status === 'SUCCEEDED' ? 'SUCCEEDED' : 'PENDING')];
  }
  if (invoice.amountPaid === 0n) return [];
  return [
    {
      id: ports.ids.next(),
      invoiceId: invoice.id,
      method: order.paymentMethod ?? 'offline',
      amount: invoice.amountPaid,
      isRefund: false,
      status: 'SUCCEEDED',
      reference: null,
      createdAt: invoice.createdAt,
    },
  ];
}

async function recordComment(
  ports: Ports,
  transaction: Transaction,
  { invoiceId, now, remark }: OrderIssue,
): Promise<void> {
  const { comment, isCustomerNotified, isVisibleOnFront } = remark;
  if (comment === null) return;
  const id = ports.ids.next();
  await transaction.insertComment({ id, invoiceId, comment, isCustomerNotified, isVisibleOnFront, createdAt: now });
}

async function recordEmail(
  ports: Ports,
  transaction: Transaction,
  { invoiceId, now, remark }: OrderIssue,
): Promise<void> {
  const { mailTo: to, comment, isCustomerNotified } = remark;
  if (to === null) return;
  const id = ports.ids.next();
  // The PDF comes later, and whoever makes it asks for the mail.
  await transaction.insertEmail({ id, invoiceId, to, comment: isCustomerNotified ? comment : null, createdAt: now });
}
