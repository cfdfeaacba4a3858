// captureInvoice: takes the money of an OPEN invoice from what the shop holds at the payment gateway.

import type { Actor } from '../domain/access.ts';
import type { Invoice } from '../domain/invoice.ts';
import { planCapture } from '../domain/online-payment.ts';
import type { Ports } from '../ports.ts';
import { moveMoney } from './move-money.ts';

/**
 * The invoice is PAID, or OPEN with its orders in payment review while the gateway has not decided. Throws NOT_FOUND,
 * INVOICE_NOT_CAPTURABLE or PAYMENT_GATEWAY_ERROR. Of several orders each has its own authorisation: where one of them
 * fails, what the others brought stays on the invoice, and the next call captures the rest.
 */
export async function captureInvoice(ports: Ports, actor: Actor, invoiceId: string): Promise<Invoice> {
  return moveMoney(ports, actor, { invoiceId, kind: 'CAPTURE', plan: planCapture });
}
