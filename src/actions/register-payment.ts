// registerPayment: money that was received outside a gateway.

import type { Actor } from '../domain/access.ts';
import { registerPayment as decide, type PaymentInput } from '../domain/invoice-state.ts';
import type { Invoice } from '../domain/invoice.ts';
import { payableAmount } from '../domain/online-payment.ts';
import type { Ports } from '../ports.ts';
import { changeInvoice } from './change-invoice.ts';

export interface RegisterPaymentInput extends PaymentInput {
  readonly invoiceId: string;
}

/** The invoice is PAID when nothing is due any more. Throws NOT_FOUND, BAD_USER_INPUT or CONFLICT. */
export async function registerPayment(ports: Ports, actor: Actor, input: RegisterPaymentInput): Promise<Invoice> {
  return changeInvoice(
    ports,
    actor,
    'payments:write',
    input.invoiceId,
    async ({ invoice, calls }, transaction, now) => {
      const changed = decide(invoice, input, payableAmount(invoice, calls), now);
      const { method, amount, reference = null } = input;
      const id = ports.ids.next();
      await transaction.savePayments([
        { id, invoiceId: invoice.id, method, amount, isRefund: false, status: 'SUCCEEDED', reference, createdAt: now },
      ]);
      return changed;
    },
  );
}
