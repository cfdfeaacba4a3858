// refundPayment: gives money back outside a gateway, and settles the contra items that called for it.

import type { Actor } from '../domain/access.ts';
import { refundPayment as decide } from '../domain/invoice-state.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Money } from '../domain/money.ts';
import type { Ports } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';

export interface RefundPaymentInput {
  readonly invoiceId: string;
  /** Left out: all that the contra items of the invoice call for. */
  readonly amount?: Money | null | undefined;
}

/** Throws NOT_FOUND, BAD_USER_INPUT for more than was paid, or CONFLICT when there is nothing to refund or settle. */
export async function refundPayment(ports: Ports, actor: Actor, input: RefundPaymentInput): Promise<Invoice> {
  return changeInvoice(ports, actor, 'payments:write', input.invoiceId, async (locked, transaction, now) => {
    const contraItems = locked.orders.flatMap(({ items }) =>
      items.filter((item) => item.contraOfInvoiceId === locked.invoice.id),
    );
    const refund = decide(locked.invoice, contraItems, input.amount ?? null, now);
    const settled = new Map(refund.settled.map((item) => [item.id, item]));
    await transaction.updateOrders(
      locked.orders
        .filter(({ items }) => items.some((item) => settled.has(item.id)))
        .map(({ order, items }) => ({
          order: { ...order, updatedAt: now },
          items: items.map((item) => settled.get(item.id) ?? item),
        })),
    );
    if (refund.amount > 0n) {
      await transaction.insertPayment({
        id: ports.ids.next(),
        invoiceId: locked.invoice.id,
        method: 'offline',
        amount: refund.amount,
        isRefund: true,
        status: 'SUCCEEDED',
        reference: null,
        createdAt: now,
      });
    }
    return refund.invoice;
  });
}
