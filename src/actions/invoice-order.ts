// invoiceOrder: the order form. Items of one order, whole or in part, on one invoice that is paid at once or left open.

import { requireScope, type Actor } from '../domain/access.ts';
import { drawUp, type NumberedLater } from '../domain/decide-invoices.ts';
import { badInput, notFound } from '../domain/errors.ts';
import { pickFromOrder, type InvoiceOrderItemInput } from '../domain/invoice-order.ts';
import type { Invoice } from '../domain/invoice.ts';
import { takeFromOrders } from '../domain/issue-invoice.ts';
import type { OrderWithItems } from '../domain/order.ts';
import { Faults } from '../domain/text.ts';
import type { Ports, Transaction } from '../ports.ts';
import { MAX_COMMENT } from './add-invoice-comment.ts';
import { issueOnce } from './issue-once.ts';

type Optional<T> = T | null | undefined;

/** OFFLINE: the money is there, the invoice is PAID. NO_CAPTURE: it is left OPEN. */
export type CaptureMode = 'OFFLINE' | 'NO_CAPTURE';

export interface InvoiceOrderInput {
  readonly orderId?: Optional<string>;
  readonly orderNumber?: Optional<string>;
  /** Left out: everything that can be invoiced now. */
  readonly items?: Optional<readonly InvoiceOrderItemInput[]>;
  readonly capture?: Optional<CaptureMode>;
  readonly comment?: Optional<string>;
  readonly isCustomerNotified?: Optional<boolean>;
  readonly isVisibleOnFront?: Optional<boolean>;
  readonly invoiceId?: Optional<string>;
}

/**
 * Returns the invoice, new or made earlier by the same call with the same `invoiceId`.
 * Throws BAD_USER_INPUT, NOT_FOUND (the order), NOT_INVOICEABLE or CONFLICT.
 */
export async function invoiceOrder(ports: Ports, actor: Actor, input: InvoiceOrderInput): Promise<Invoice> {
  requireScope(actor, 'invoices:write');
  check(input);
  return issueOnce(ports, actor, {
    invoiceId: input.invoiceId,
    content: contentOf(input),
    lock: (transaction) => lockOrder(transaction, input),
    issue: async (transaction, placed, as) => {
      const picked = pickFromOrder(placed, input.items ?? null);
      const merchant = await transaction.merchant();
      const customers = await transaction.findCustomers([placed.order.customerId]);
      const drawnUp = drawUp(as, picked, { merchant, customers, now: as.now });
      const issued = input.capture === 'NO_CAPTURE' ? drawnUp : paidAtOnce(drawnUp);
      await transaction.updateOrders(takeFromOrders(picked, [placed], as.now));
      await transaction.insertInvoices([issued]);
      await recordPayment(ports, transaction, issued, placed);
      await recordComment(ports, transaction, input, issued);
    },
  });
}

function check(input: InvoiceOrderInput): void {
  const faults = new Faults();
  if ((typeof input.orderId === 'string') === (typeof input.orderNumber === 'string')) {
    faults.add(['orderId'], 'or order_number must be given: exactly one of the two');
  }
  if (typeof input.comment === 'string') faults.lines(['comment'], input.comment, MAX_COMMENT);
  faults.identifier(['invoiceId'], input.invoiceId);
  if (faults.list.length > 0) throw badInput(faults.list);
}

function contentOf({ orderId, orderNumber, items, capture }: InvoiceOrderInput): string {
  const lines = items?.map((line) => [line.orderItemId ?? null, line.sku ?? null, line.qty.toString()]) ?? null;
  return JSON.stringify(['invoiceOrder', orderId ?? null, orderNumber ?? null, lines, capture ?? 'OFFLINE']);
}

async function lockOrder(transaction: Transaction, input: InvoiceOrderInput): Promise<OrderWithItems> {
  const known = typeof input.orderId === 'string';
  const [found] = known ? [] : await transaction.findPlaced([], [input.orderNumber ?? '']);
  const [placed] = await transaction.lockOrders([known ? (input.orderId ?? '') : (found?.id ?? '')]);
  if (!placed) throw notFound('order', input.orderId ?? input.orderNumber ?? '');
  return placed;
}

function paidAtOnce(issued: NumberedLater): NumberedLater {
  const total = issued.invoice.totalExVat + issued.invoice.totalVat;
  return { ...issued, invoice: { ...issued.invoice, state: 'PAID', amountPaid: total > 0n ? total : 0n } };
}

async function recordPayment(
  ports: Ports,
  transaction: Transaction,
  { invoice }: NumberedLater,
  { order }: OrderWithItems,
): Promise<void> {
  if (invoice.amountPaid === 0n) return;
  await transaction.insertPayment({
    id: ports.ids.next(),
    invoiceId: invoice.id,
    method: order.paymentMethod ?? 'offline',
    amount: invoice.amountPaid,
    isRefund: false,
    status: 'SUCCEEDED',
    reference: null,
    createdAt: invoice.createdAt,
  });
}

async function recordComment(
  ports: Ports,
  transaction: Transaction,
  input: InvoiceOrderInput,
  { invoice }: NumberedLater,
): Promise<void> {
  if (typeof input.comment !== 'string') return;
  await transaction.insertComment({
    id: ports.ids.next(),
    invoiceId: invoice.id,
    comment: input.comment,
    isCustomerNotified: input.isCustomerNotified ?? false,
    isVisibleOnFront: input.isVisibleOnFront ?? false,
    createdAt: invoice.createdAt,
  });
}
