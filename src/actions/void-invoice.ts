// voidInvoice: takes the captures of a PAID invoice back at the payment gateway, then cancels it.

import type { Actor } from '../domain/access.ts';
import type { Invoice } from '../domain/invoice.ts';
import { planVoid } from '../domain/online-payment.ts';
import type { Ports } from '../ports.ts';
import { moveMoney } from './move-money.ts';

/** Quantities and amounts go back to the orders. Throws NOT_FOUND, INVOICE_NOT_VOIDABLE or PAYMENT_GATEWAY_ERROR. */
export async function voidInvoice(ports: Ports, actor: Actor, invoiceId: string): Promise<Invoice> {
  return moveMoney(ports, actor, { invoiceId, kind: 'VOID', plan: planVoid });
}
