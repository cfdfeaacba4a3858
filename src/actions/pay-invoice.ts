// payment_link: a link under which a person pays what is due of an invoice, at a page of the payment gateway.

import type { Invoice } from '../domain/invoice.ts';
import { planCheckout } from '../domain/online-payment.ts';
import type { Payment } from '../domain/payment.ts';
import { stillPayable } from '../domain/reimbursement.ts';
import { isUnsettled, type GatewayCall } from '../domain/gateway-call.ts';
import type { Ports } from '../ports.ts';
import { makeGatewayCall, resumeGatewayCall } from './call-gateway.ts';

const LINK_LIFE_MS = 2 * 365 * 86_400_000;

/** A token that leads to payment, always the same for an invoice; null when nothing is due or there is no gateway. */
export async function signPaymentLink(
  ports: Ports,
  invoice: Invoice,
  payments: readonly Payment[],
): Promise<string | null> {
  if (!ports.gateway || stillPayable(invoice, payments) <= 0n) return null;
  return ports.links.sign('pay', {
    merchantId: invoice.merchantId,
    invoiceId: invoice.id,
    expiresAt: new Date(invoice.createdAt.getTime() + LINK_LIFE_MS),
  });
}

export type PaymentPage =
  /** Where the person goes on. */
  | { readonly kind: 'open'; readonly url: string }
  /** Nothing is to be paid (any more). */
  | { readonly kind: 'settled'; readonly number: string }
  /** The gateway does not answer. */
  | { readonly kind: 'unavailable' }
  /** The token was forged or changed, or has expired. */
  | { readonly kind: 'refused' };

/**
 * The page where the invoice of a token is paid; afterwards the person comes back to `returnUrl`. A page that is open for
 * the amount already is used again.
 */
export async function openPaymentPage(ports: Ports, token: string, returnUrl: string): Promise<PaymentPage> {
  const { gateway, database, clock, ids } = ports;
  const link = await ports.links.verify('pay', token, clock.now());
  if (!link || !gateway) return { kind: 'refused' };
  const { merchantId, invoiceId } = link;
  // Asking a page what became of it can close it; then there is another one, or nothing left to pay.
  for (let round = 0; round < 2; round += 1) {
    const planned = await database.transact(merchantId, async (transaction) => {
      const locked = await transaction.lockInvoice(invoiceId);
      if (!locked) return { number: '', call: null };
      const context = { merchantId, gateway: gateway.name, now: clock.now(), nextId: () => ids.next() };
      const call = planCheckout(locked, context);
      if (call && !locked.calls.includes(call)) await transaction.saveGatewayCalls([call]);
      return { number: locked.invoice.number, call };
    });
    if (!planned.call) return { kind: 'settled', number: planned.number };
    const opened = await open(ports, planned.call, returnUrl);
    const url = isUnsettled(opened) ? await gateway.checkoutUrl(opened).catch(() => null) : null;
    if (url !== null) return { kind: 'open', url };
    if (opened.status === 'ASKED') return { kind: 'unavailable' };
  }
  return { kind: 'unavailable' };
}

async function open(ports: Ports, call: GatewayCall, returnUrl: string): Promise<GatewayCall> {
  if (call.reference !== null) return resumeGatewayCall(ports, call);
  return makeGatewayCall(ports, call, (gateway) => gateway.openCheckout(call, returnUrl));
}
