// Refunds: how much of an invoice goes back, and which contra items are settled by it.
//
// 1. Never more than was paid; what a gateway is about to give back counts as given.
// 2. Contra items call for what was paid beyond what is left of the invoice without them, and are settled once nothing
//    of that is left: where less was paid, what is due falls instead.

import { badInput, Refusal } from './errors.ts';
import { isUnsettled, type GatewayCall } from './gateway-call.ts';
import type { Invoice } from './invoice.ts';
import { minimum, sum, type Money } from './money.ts';
import type { OrderItem, OrderWithItems } from './order.ts';

interface Refundable {
  readonly invoice: Invoice;
  readonly orders: readonly OrderWithItems[];
  readonly calls: readonly GatewayCall[];
}

/**
 * The amount that a refund gives back: `asked`, or all that the contra items of the invoice call for. 0 only where contra
 * items are left to settle without money. Throws BAD_USER_INPUT for more than was paid, CONFLICT when nothing is to be
 * refunded or settled.
 */
export function refundOf({ invoice, orders, calls }: Refundable, asked: Money | null): Money {
  const onItsWay = sum(
    calls
      .filter(({ invoiceId, kind }) => invoiceId === invoice.id && (kind === 'REFUND' || kind === 'VOID'))
      .filter(isUnsettled)
      .map(({ amount }) => amount),
  );
  const refundable = invoice.amountPaid - invoice.amountRefunded - onItsWay;
  if (asked !== null) {
    if (asked > 0n && asked <= refundable) return asked;
    throw badInput([
      { path: ['amount'], message: `must be above 0 and at most ${refundable}, what was paid and not refunded` },
    ]);
  }
  const contraItems = contraItemsOf(invoice, orders);
  const owed = minimum(refundable - leftToPay(invoice, contraItems), refundable);
  if (owed > 0n) return owed;
  if (onItsWay > 0n || contraItems.every(({ refundedAt }) => refundedAt !== null)) {
    const reason = onItsWay > 0n ? ' beyond what the payment gateway is giving back' : '';
    throw new Refusal('CONFLICT', `There is nothing to refund of invoice ${invoice.number}${reason}.`);
  }
  return 0n;
}

export interface Refunded {
  readonly invoice: Invoice;
  /** Those of its orders whose contra items are settled by it. */
  readonly orders: readonly OrderWithItems[];
}

/** The invoice after that much was given back. */
export function refunded({ invoice, orders }: Omit<Refundable, 'calls'>, amount: Money, now: Date): Refunded {
  const amountRefunded = invoice.amountRefunded + amount;
  const isSettled = invoice.amountPaid - amountRefunded <= leftToPay(invoice, contraItemsOf(invoice, orders));
  const isPending = (item: OrderItem) => item.contraOfInvoiceId === invoice.id && item.refundedAt === null;
  return {
    invoice: { ...invoice, amountRefunded, updatedAt: now },
    orders: orders
      .filter(({ items }) => isSettled && items.some(isPending))
      .map(({ order, items }) => ({
        order: { ...order, updatedAt: now },
        items: items.map((item) => (isPending(item) ? { ...item, refundedAt: now } : item)),
      })),
  };
}

function contraItemsOf(invoice: Invoice, orders: readonly OrderWithItems[]): readonly OrderItem[] {
  return orders.flatMap(({ items }) => items.filter((item) => item.contraOfInvoiceId === invoice.id));
}

/** What the invoice comes to without what its contra items take back. */
function leftToPay({ totalExVat, totalVat }: Invoice, contraItems: readonly OrderItem[]): Money {
  return totalExVat + totalVat + sum(contraItems.map((item) => item.totalExVat + item.totalVat));
}
