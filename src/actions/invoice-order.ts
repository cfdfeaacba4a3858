// invoiceOrder: the order form. Items of one order, whole or in part, on one invoice that is paid at once or left open.

import { requireScope, type Actor } from '../domain/access.ts';
import { idTaken } from '../domain/decide-invoices.ts';
import { badInput, notFound, Refusal } from '../domain/errors.ts';
import { newCall, type CallContext, type GatewayCall } from '../domain/gateway-call.ts';
import { pickFromOrder, type InvoiceOrderItemInput } from '../domain/invoice-order.ts';
import type { Remark } from '../domain/invoice-notes.ts';
import type { Invoice } from '../domain/invoice.ts';
import { drawUpLines, totalsOf, type PickedItem } from '../domain/issue-invoice.ts';
import type { OrderWithItems } from '../domain/order.ts';
import { reviewed } from '../domain/settle-gateway-call.ts';
import { Faults } from '../domain/text.ts';
import type { Ports, Transaction } from '../ports.ts';
import { MAX_COMMENT } from './add-invoice-comment.ts';
import { makeGatewayCall, requireAnswered, requireGateway, resumeGatewayCall } from './call-gateway.ts';
import { issueFromOrder } from './issue-from-order.ts';
import { issueOnce } from './issue-once.ts';
import { recipientOf } from './queue-email.ts';

type Optional<T> = T | null | undefined;

/**
 * ONLINE: the money is captured at the payment gateway, and the invoice is PAID, or OPEN while the gateway has not decided.
 * OFFLINE: the money is there, the invoice is PAID. NO_CAPTURE: it is left OPEN.
 */
export type CaptureMode = 'ONLINE' | 'OFFLINE' | 'NO_CAPTURE';

export interface InvoiceOrderInput {
  readonly orderId?: Optional<string>;
  readonly orderNumber?: Optional<string>;
  /** Left out: everything that can be invoiced now. */
  readonly items?: Optional<readonly InvoiceOrderItemInput[]>;
  readonly capture?: Optional<CaptureMode>;
  readonly comment?: Optional<string>;
  readonly isCustomerNotified?: Optional<boolean>;
  readonly isVisibleOnFront?: Optional<boolean>;
  /** Mails the invoice to the buyer, with the comment if the customer is notified of it. */
  readonly sendEmail?: Optional<boolean>;
  readonly invoiceId?: Optional<string>;
}

/**
 * Returns the invoice, new or made earlier by the same call with the same `invoiceId`.
 * Throws BAD_USER_INPUT, NOT_FOUND (the order), NOT_INVOICEABLE or CONFLICT; for ONLINE also INVOICE_NOT_CAPTURABLE (no
 * authorisation) and PAYMENT_GATEWAY_ERROR. Of a capture that failed nothing is left but the order as it was.
 */
export async function invoiceOrder(ports: Ports, actor: Actor, input: InvoiceOrderInput): Promise<Invoice> {
  requireScope(actor, 'invoices:write');
  check(input);
  if (input.capture === 'ONLINE') return invoiceOrderOnline(ports, actor, input);
  return issueOnce(ports, actor, {
    invoiceId: input.invoiceId,
    content: contentOf(input),
    lock: (transaction) => lockOrder(transaction, input),
    issue: async (transaction, placed, as) => {
      const picked = pickFromOrder(placed, input.items ?? null);
      const paidBy = input.capture === 'NO_CAPTURE' ? null : 'OFFLINE';
      const remark = await remarkOf(transaction, placed, input);
      await issueFromOrder(ports, transaction, placed, picked, { ...as, paidBy, remark });
    },
  });
}

/** The capture is saved with all that is to be issued, so that whoever finds it can finish what we do not. */
async function invoiceOrderOnline(ports: Ports, actor: Actor, input: InvoiceOrderInput): Promise<Invoice> {
  requireScope(actor, 'payments:write');
  const { merchantId } = actor;
  const { name: gateway } = requireGateway(ports);
  const invoiceId = input.invoiceId ?? ports.ids.next();
  const requestHash = ports.digests.sha256(contentOf(input));
  const begun = await ports.database.transact(merchantId, async (transaction) => {
    const placed = await lockOrder(transaction, input);
    const earlier = (await transaction.findIssued([invoiceId])).get(invoiceId);
    if (earlier !== undefined && earlier !== requestHash) throw idTaken(invoiceId);
    const calls = await transaction.findGatewayCalls({ invoiceIds: [invoiceId], orderIds: [placed.order.id] });
    const waiting = calls.find(
      (call) => call.invoiceId === invoiceId && call.issue !== null && call.status === 'ASKED',
    );
    if (waiting) return { call: waiting, isNew: false };
    if (earlier === requestHash) return null;
    const context = { merchantId, gateway, now: ports.clock.now(), nextId: () => ports.ids.next() };
    const remark = await remarkOf(transaction, placed, input);
    const call = planIssue(placed, input, { invoiceId, requestHash, remark }, context);
    await transaction.saveGatewayCalls([call]);
    await transaction.updateOrders(reviewed([placed], [...calls, call], context.now));
    return { call, isNew: true };
  });
  if (begun) {
    const { call, isNew } = begun;
    requireAnswered([isNew ? await makeGatewayCall(ports, call) : await resumeGatewayCall(ports, call)]);
  }
  const [invoice] = await ports.database.invoices.findById(merchantId, [invoiceId]);
  if (!invoice) throw new RangeError('An issued invoice never goes away.');
  return invoice;
}

function planIssue(
  placed: OrderWithItems,
  input: InvoiceOrderInput,
  as: { readonly invoiceId: string; readonly requestHash: string; readonly remark: Remark },
  context: CallContext,
): GatewayCall {
  const { order } = placed;
  const picked: readonly PickedItem[] = pickFromOrder(placed, input.items ?? null);
  const { totalExVat, totalVat } = totalsOf(drawUpLines(picked, as.invoiceId));
  const amount = totalExVat + totalVat;
  const because = order.paymentAuthorization === null ? 'it has no authorisation at the payment gateway' : null;
  const reason = amount > 0n ? because : 'there is nothing to pay';
  if (reason) throw new Refusal('INVOICE_NOT_CAPTURABLE', `Order ${order.number} cannot be captured: ${reason}.`);
  return newCall(
    {
      kind: 'CAPTURE',
      invoiceId: as.invoiceId,
      orderIds: [order.id],
      source: order.paymentAuthorization,
      method: order.paymentMethod ?? context.gateway,
      amount,
      currency: order.currency,
      issue: {
        ...as.remark,
        requestHash: as.requestHash,
        picks: picked.map(({ item, quantity }) => ({ itemId: item.id, quantity })),
      },
    },
    context,
  );
}

/** Throws BAD_USER_INPUT when the invoice shall be mailed and there is no address: before any money is asked for. */
async function remarkOf(
  transaction: Transaction,
  { order }: OrderWithItems,
  { comment, isCustomerNotified, isVisibleOnFront, sendEmail }: InvoiceOrderInput,
): Promise<Remark> {
  const [customer] = sendEmail === true ? await transaction.findCustomers([order.customerId]) : [];
  return {
    comment: comment ?? null,
    isCustomerNotified: isCustomerNotified ?? false,
    isVisibleOnFront: isVisibleOnFront ?? false,
    mailTo: sendEmail === true ? recipientOf({ field: 'sendEmail' }, customer?.email ?? null) : null,
  };
}

function check(input: InvoiceOrderInput): void {
  const faults = new Faults();
  if ((typeof input.orderId === 'string') === (typeof input.orderNumber === 'string')) {
    faults.add(['orderId'], 'or order_number must be given: exactly one of the two');
  }
  if (typeof input.comment === 'string') faults.lines(['comment'], input.comment, MAX_COMMENT);
  faults.identifier(['invoiceId'], input.invoiceId);
  if (faults.list.length > 0) throw badInput(faults.list);
}

function contentOf({ orderId, orderNumber, items, capture }: InvoiceOrderInput): string {
  const lines = items?.map((line) => [line.orderItemId ?? null, line.sku ?? null, line.qty.toString()]) ?? null;
  return JSON.stringify(['invoiceOrder', orderId ?? null, orderNumber ?? null, lines, capture ?? 'OFFLINE']);
}

async function lockOrder(transaction: Transaction, input: InvoiceOrderInput): Promise<OrderWithItems> {
  const known = typeof input.orderId === 'string';
  const [found] = known ? [] : await transaction.findPlaced([], [input.orderNumber ?? '']);
  const [placed] = await transaction.lockOrders([known ? (input.orderId ?? '') : (found?.id ?? '')]);
  if (!placed) throw notFound('order', input.orderId ?? input.orderNumber ?? '');
  return placed;
}
