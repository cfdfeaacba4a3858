// registerPayment: money that was received outside a gateway.

import type { Actor } from '../domain/access.ts';
import { registerPayment as decide, type PaymentInput } from '../domain/invoice-state.ts';
import type { Invoice } from '../domain/invoice.ts';
import type { Ports } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';

export interface RegisterPaymentInput extends PaymentInput {
  readonly invoiceId: string;
}

/** The invoice is PAID when nothing is due any more. Throws NOT_FOUND, BAD_USER_INPUT or CONFLICT. */
export async function registerPayment(ports: Ports, actor: Actor, input: RegisterPaymentInput): Promise<Invoice> {
  return changeInvoice(ports, actor, 'payments:write', input.invoiceId, async ({ invoice }, transaction, now) => {
    const changed = decide(invoice, input, now);
    await transaction.insertPayment({
      id: ports.ids.next(),
      invoiceId: invoice.id,
      method: input.method,
      amount: input.amount,
      isRefund: false,
      status: 'SUCCEEDED',
      reference: input.reference ?? null,
      createdAt: now,
    });
    return changed;
  });
}
