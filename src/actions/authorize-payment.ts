// authorizePayment: holds the money of an order at the payment gateway, to be captured when it is invoiced.

import { requireScope, type Actor } from '../domain/access.ts';
import { badInput, notFound, Refusal } from '../domain/errors.ts';
import { isUnsettled, newCall } from '../domain/gateway-call.ts';
import type { Order } from '../domain/order.ts';
import { reviewed } from '../domain/settle-gateway-call.ts';
import { Faults } from '../domain/text.ts';
import type { Ports } from '../ports.ts';
import { makeGatewayCall, requireAnswered, requireGateway, resumeGatewayCall } from './call-gateway.ts';

const MAX_SOURCE = 200;

export interface AuthorizePaymentInput {
  readonly orderId: string;
  /** The customer's means of payment as the gateway knows it. */
  readonly source: string;
}

/**
 * The order with its authorisation, or in payment review while the gateway has not decided. Throws NOT_FOUND,
 * BAD_USER_INPUT, CONFLICT when the order has an authorisation, waits for one, or has nothing to pay (any more), or
 * PAYMENT_GATEWAY_ERROR.
 */
export async function authorizePayment(ports: Ports, actor: Actor, input: AuthorizePaymentInput): Promise<Order> {
  requireScope(actor, 'payments:write');
  const { merchantId } = actor;
  const { name: gateway } = requireGateway(ports);
  const faults = new Faults();
  faults.text(['source'], input.source, MAX_SOURCE);
  if (faults.list.length > 0) throw badInput(faults.list);
  const { call, isNew } = await ports.database.transact(merchantId, async (transaction) => {
    const [placed] = await transaction.lockOrders([input.orderId]);
    if (!placed) throw notFound('order', input.orderId);
    const { order } = placed;
    const calls = await transaction.findGatewayCalls({ orderIds: [order.id] });
    const waiting = calls.find((one) => one.kind === 'AUTHORIZE' && isUnsettled(one));
    if (waiting?.source === input.source) return { call: waiting, isNew: false };
    if (waiting) {
      throw new Refusal('CONFLICT', `Order ${order.number} waits for the answer to another means of payment.`);
    }
    if (order.paymentAuthorization !== null) {
      throw new Refusal('CONFLICT', `Order ${order.number} has an authorisation already.`);
    }
    const amount = order.totalExVat + order.totalVat;
    const isOver = order.status === 'CANCELED' || order.status === 'CLOSED';
    if (isOver || amount <= 0n) throw new Refusal('CONFLICT', `There is nothing to pay of order ${order.number}.`);
    const authorization = newCall(
      {
        kind: 'AUTHORIZE',
        invoiceId: null,
        orderIds: [order.id],
        source: input.source,
        amount,
        currency: order.currency,
        method: order.paymentMethod ?? gateway,
      },
      { merchantId, gateway, now: ports.clock.now(), nextId: () => ports.ids.next() },
    );
    await transaction.saveGatewayCalls([authorization]);
    await transaction.updateOrders(reviewed([placed], [...calls, authorization], authorization.createdAt));
    return { call: authorization, isNew: true };
  });
  requireAnswered([isNew ? await makeGatewayCall(ports, call) : await resumeGatewayCall(ports, call)]);
  const [order] = await ports.database.orders.findById(merchantId, [input.orderId]);
  if (!order) throw notFound('order', input.orderId);
  return order;
}
