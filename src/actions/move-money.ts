// Moving the money of one invoice at the payment gateway: plan under locks, save, call, book. What captureInvoice,
// voidInvoice and an online refund have in common.

import { requireScope, type Actor } from '../domain/access.ts';
import { notFound, Refusal } from '../domain/errors.ts';
import type { CallContext, GatewayCall, GatewayCallKind } from '../domain/gateway-call.ts';
import type { Invoice } from '../domain/invoice.ts';
import { sum, type Money } from '../domain/money.ts';
import type { InvoiceWithMoney } from '../domain/online-payment.ts';
import { reviewed } from '../domain/settle-gateway-call.ts';
import type { Ports, Transaction } from '../ports.ts';
import { makeGatewayCall, requireAnswered, requireGateway, resumeGatewayCall } from './call-gateway.ts';

export interface MoneyMove {
  readonly invoiceId: string;
  readonly kind: GatewayCallKind;
  /** Where it makes a difference: tells a repeated request from another one. */
  readonly amount?: Money | null;
  /** Throws what refuses the move. */
  readonly plan: (locked: InvoiceWithMoney, context: CallContext) => readonly GatewayCall[];
  /** What is done at once where the plan needs no call. */
  readonly withoutCall?: (locked: InvoiceWithMoney, transaction: Transaction, now: Date) => Promise<void>;
}

/**
 * The invoice after its money was moved; after a lost answer the same call again finds out what became of the first one.
 * Throws NOT_FOUND, what `plan` refuses with, CONFLICT, or PAYMENT_GATEWAY_ERROR.
 */
export async function moveMoney(ports: Ports, actor: Actor, move: MoneyMove): Promise<Invoice> {
  requireScope(actor, 'payments:write');
  const { merchantId } = actor;
  const { invoiceId } = move;
  const { calls, isNew } = await begin(ports, merchantId, move);
  const settled: GatewayCall[] = [];
  for (const call of calls) {
    // One that is silent comes first in the next try as well; what comes after it is made then, or by the sweep.
    if (settled.at(-1)?.status === 'ASKED') break;
    settled.push(isNew ? await makeGatewayCall(ports, call) : await resumeGatewayCall(ports, call));
  }
  requireAnswered(settled);
  const [invoice] = await ports.database.invoices.findById(merchantId, [invoiceId]);
  if (!invoice) throw notFound('invoice', invoiceId);
  return invoice;
}

async function begin(
  ports: Ports,
  merchantId: string,
  { invoiceId, kind, amount, plan, withoutCall }: MoneyMove,
): Promise<{ readonly calls: readonly GatewayCall[]; readonly isNew: boolean }> {
  const { name: gateway } = requireGateway(ports);
  return ports.database.transact(merchantId, async (transaction) => {
    const locked = await transaction.lockInvoice(invoiceId);
    if (!locked) throw notFound('invoice', invoiceId);
    const unanswered = locked.calls.filter(
      (call) => call.invoiceId === invoiceId && call.kind === kind && call.status === 'ASKED',
    );
    if (unanswered.length > 0) {
      const isSame = typeof amount !== 'bigint' || amount === sum(unanswered.map((call) => call.amount));
      if (isSame) return { calls: unanswered, isNew: false };
      throw new Refusal('CONFLICT', `The payment gateway has not answered for invoice ${locked.invoice.number} yet.`);
    }
    const now = ports.clock.now();
    const planned = plan(locked, { merchantId, gateway, now, nextId: () => ports.ids.next() });
    if (planned.length === 0) {
      await withoutCall?.(locked, transaction, now);
      return { calls: [], isNew: true };
    }
    await transaction.saveGatewayCalls(planned);
    await transaction.updateOrders(reviewed(locked.orders, [...locked.calls, ...planned], now));
    return { calls: planned, isNew: true };
  });
}
