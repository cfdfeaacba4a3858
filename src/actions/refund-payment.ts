// refundPayment: gives money back, outside the payment gateway or through it, and settles the contra items that called for it.

import type { Actor } from '../domain/access.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Money } from '../domain/money.ts';
import { planRefund } from '../domain/online-payment.ts';
import { refunded, refundOf } from '../domain/refund.ts';
import type { Ports } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';
import { moveMoney } from './move-money.ts';

/** OFFLINE: the money went back by other means. ONLINE: the gateway gives it back to where it was captured. */
export type RefundMode = 'OFFLINE' | 'ONLINE';

export interface RefundPaymentInput {
  readonly invoiceId: string;
  /** Left out: all that the contra items of the invoice call for. */
  readonly amount?: Money | null | undefined;
  readonly mode?: RefundMode | null | undefined;
}

/**
 * Throws NOT_FOUND, BAD_USER_INPUT for more than was paid (or, ONLINE, captured), CONFLICT when there is nothing to refund
 * or settle, or PAYMENT_GATEWAY_ERROR.
 */
export async function refundPayment(ports: Ports, actor: Actor, input: RefundPaymentInput): Promise<Invoice> {
  const { invoiceId } = input;
  const amount = input.amount ?? null;
  if (input.mode === 'ONLINE') {
    return moveMoney(ports, actor, {
      invoiceId,
      kind: 'REFUND',
      amount,
      plan: (locked, context) => planRefund(locked, amount, context),
      // Contra items of an invoice that nothing was paid on: there is no money for the gateway to give back.
      withoutCall: async (locked, transaction, now) => {
        const { invoice, orders } = refunded(locked, 0n, now);
        await transaction.updateOrders(orders);
        await transaction.updateInvoice(invoice);
      },
    });
  }
  return changeInvoice(ports, actor, 'payments:write', invoiceId, async (locked, transaction, now) => {
    const given = refundOf(locked, amount);
    const { invoice, orders } = refunded(locked, given, now);
    await transaction.updateOrders(orders);
    if (given > 0n) {
      const id = ports.ids.next();
      await transaction.savePayments([
        {
          id,
          invoiceId,
          method: 'offline',
          amount: given,
          isRefund: true,
          status: 'SUCCEEDED',
          reference: null,
          createdAt: now,
        },
      ]);
    }
    return invoice;
  });
}
