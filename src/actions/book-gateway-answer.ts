// Booking what the payment gateway answered: the call is settled together with all that follows from it, or not at all.

import {
  answered,
  isUnsettled,
  type CallContext,
  type GatewayAnswer,
  type GatewayCall,
} from '../domain/gateway-call.ts';
import type { OrderWithItems } from '../domain/order.ts';
import { reviewed, settleCall } from '../domain/settle-gateway-call.ts';
import type { Ports, Transaction } from '../ports.ts';
import { askForWebhooks } from './ask-for-webhooks.ts';
import { issueFromOrder } from './issue-from-order.ts';

/** Returns the call as it stands then: a call that had ended already stays as it was. */
export async function bookGatewayAnswer(ports: Ports, call: GatewayCall, answer: GatewayAnswer): Promise<GatewayCall> {
  const { merchantId, invoiceId } = call;
  const { settled, isIssued } = await ports.database.transact(merchantId, (transaction) =>
    bookUnderLocks(ports, transaction, call, answer),
  );
  if (settled.kind === 'GIVE_BACK' && settled.status === 'FAILED') {
    ports.log.error('gateway.money_not_given_back', { merchantId, invoiceId, callId: call.id, reason: settled.error });
  }
  if (isIssued && invoiceId !== null) await ports.jobs.renderInvoices([{ merchantId, invoiceId }]);
  if (invoiceId !== null) await askForWebhooks(ports, merchantId);
  return settled;
}

interface Booked {
  readonly settled: GatewayCall;
  readonly isIssued: boolean;
}

async function bookUnderLocks(
  ports: Ports,
  transaction: Transaction,
  { merchantId, id, orderIds, invoiceId, issue, gateway }: GatewayCall,
  answer: GatewayAnswer,
): Promise<Booked> {
  // Before the invoice is there, and where there is none, the one order guards the call.
  const orders = issue || invoiceId === null ? await transaction.lockOrders(orderIds) : [];
  const locked = invoiceId === null ? null : await transaction.lockInvoice(invoiceId);
  const calls = locked?.calls ?? (await transaction.findGatewayCalls({ orderIds }));
  const current = calls.find((one) => one.id === id);
  if (!current) throw new RangeError('A saved call never goes away.');
  if (!isUnsettled(current)) return { settled: current, isIssued: false };
  const context: CallContext = { merchantId, gateway, now: ports.clock.now(), nextId: () => ports.ids.next() };
  // An invoice under the id of one that waits for its money is another one: its key refuses this, and no money is mixed up.
  const isToIssue = issue !== null && current.status === 'ASKED';
  if (!locked || isToIssue)
    return bookWithoutInvoice(ports, transaction, answered(current, answer, context.now), orders, calls);
  const settlement = settleCall(current, answer, locked, context);
  await transaction.saveGatewayCalls([settlement.call, ...settlement.next]);
  await transaction.updateOrders(settlement.orders);
  await transaction.savePayments(settlement.payments);
  await transaction.updateInvoice(settlement.invoice);
  return { settled: settlement.call, isIssued: false };
}

async function bookWithoutInvoice(
  ports: Ports,
  transaction: Transaction,
  call: GatewayCall,
  orders: readonly OrderWithItems[],
  before: readonly GatewayCall[],
): Promise<Booked> {
  await transaction.saveGatewayCalls([call]);
  const calls = before.map((one) => (one.id === call.id ? call : one));
  const [placed] = reviewed(
    orders.map((order) => authorized(order, call)),
    calls,
    call.updatedAt,
  );
  if (!placed) throw new RangeError('Without an invoice a call is of one order.');
  const isIssued = call.issue !== null && call.status !== 'FAILED';
  if (isIssued) await issueCaptured(ports, transaction, placed, call);
  else await transaction.updateOrders([placed]);
  return { settled: call, isIssued };
}

function authorized({ order, items }: OrderWithItems, call: GatewayCall): OrderWithItems {
  if (call.kind !== 'AUTHORIZE' || call.status !== 'SUCCEEDED') return { order, items };
  return {
    order: { ...order, paymentAuthorization: call.reference, paymentMethod: call.method, updatedAt: call.updatedAt },
    items,
  };
}

async function issueCaptured(
  ports: Ports,
  transaction: Transaction,
  placed: OrderWithItems,
  call: GatewayCall,
): Promise<void> {
  const { issue, invoiceId } = call;
  if (!issue || invoiceId === null) throw new RangeError('What is issued was planned.');
  const picked = issue.picks.map(({ itemId, quantity }) => {
    const item = placed.items.find(({ id }) => id === itemId);
    if (!item) throw new RangeError('An item of an order never goes away.');
    return { order: placed.order, item, quantity };
  });
  const invoice = await issueFromOrder(ports, transaction, placed, picked, {
    invoiceId,
    requestHash: issue.requestHash,
    now: call.updatedAt,
    paidBy: call,
    remark: issue,
  });
  // The order was under review since it was priced, so nothing can have changed; money is not booked on a belief.
  if (invoice.totalExVat + invoice.totalVat !== call.amount) {
    throw new RangeError('What is issued is what was captured.');
  }
}
