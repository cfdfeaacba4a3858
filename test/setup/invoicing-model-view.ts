// The model as the server shows it: one query over all orders and invoices of a life, and what it must answer.

import * as m from './invoicing-model.ts';
import type { Invoice, Item, Model, Order, Part, Payment } from './invoicing-model.ts';
import { blockersOf, invoiceItems, linesOf, shipItems, takeBack } from './invoicing-model-operations.ts';

const LINE = 'order_item_id quantity discount total_ex_vat total_vat';

export const LOOK = `query Look($orders: [String!]!, $invoices: [String!]!, $items: InvoiceItemsInput!) {
  orders(filter: { ids: $orders }, first: 10, sort: { field: NUMBER, direction: ASC }) { nodes {
    id status actions { action ids }
    items { id kind quantity quantity_shipped quantity_invoiced quantity_canceled total_ex_vat total_vat
      contra_of { id } invoiceability { quantity blockers { code } } }
  } }
  invoices(filter: { ids: $invoices, is_archived: null }, first: 100, sort: { field: NUMBER, direction: ASC }) { nodes {
    id type state is_archived total payment_link corrects { id } lines { ${LINE} }
    reimbursement { status amount_due amount_paid amount_refunded
      payments { id reference method amount is_refund status } }
  } }
  invoicePreview(input: $items) { blockers { code item_id } lines { ${LINE} } }
}`;

/** Of which everything is looked at; the preview is over all items that were ordered. */
export function lookInput(model: Model) {
  return {
    orders: model.orders.map(({ id }) => id),
    invoices: model.invoices.map(({ id }) => id),
    items: { items: orderedItems(model).map(({ id }) => id) },
  };
}

const orderedItems = (model: Model): readonly Item[] => m.allItems(model).filter(({ contra }) => !contra);

const units = (quantity: bigint): number => Number(quantity) / Number(m.UNIT);

/** What the server must answer, but for ids and references that it makes itself. */
export function viewOf(model: Model) {
  const ordered = orderedItems(model);
  const open = ordered.filter((item) => m.invoiceable(model, item).quantity > 0n);
  return {
    orders: model.orders.map((order) => orderView(model, order)),
    invoices: model.invoices.map((invoice) => invoiceView(model, invoice)),
    preview: {
      blockers: blockersOf(
        model,
        ordered.map(({ id }) => id),
      ),
      lines: linesOf(model, open).map(lineView),
    },
  };
}

function orderView(model: Model, order: Order) {
  return {
    id: order.id,
    status: m.statusOf(model, order),
    actions: actionsOf(model, order),
    items: order.items.map((item) => {
      const { quantity, blockers } = m.invoiceable(model, item);
      return {
        id: item.id,
        kind: item.kind,
        quantity: units(item.ordered.quantity),
        quantity_shipped: units(item.shipped),
        quantity_invoiced: units(m.invoicedOf(model, item).quantity),
        quantity_canceled: units(item.cancelled.quantity),
        total_ex_vat: Number(item.ordered.net),
        total_vat: Number(item.ordered.vat),
        contra_of: item.contra && { id: item.contra.item.id },
        invoiceability: { quantity: units(quantity), blockers: blockers.map((code) => ({ code })) },
      };
    }),
  };
}

/** An action is listed with exactly the ids on which it would succeed by itself. */
function actionsOf(model: Model, order: Order) {
  const trials = {
    INVOICE: (id: string) => invoiceItems(model, { items: [id], invoice_id: 'a trial' }, true),
    SHIP: (id: string) => shipItems(model, { order_id: order.id, items: [{ id }] }, true),
    CANCEL: (id: string) => takeBack(model, { order_id: order.id, items: [{ id }] }, 'dropped', true),
    RETURN: (id: string) => takeBack(model, { order_id: order.id, items: [{ id }] }, 'returned', true),
  };
  return Object.entries(trials)
    .map(([action, tried]) => ({ action, ids: order.items.map(({ id }) => id).filter((id) => tried(id) === null) }))
    .filter(({ ids }) => ids.length > 0);
}

function invoiceView(model: Model, invoice: Invoice) {
  return {
    id: invoice.id,
    type: invoice.corrects ? 'CREDIT_INVOICE' : 'INVOICE',
    state: invoice.state,
    is_archived: invoice.isArchived,
    total: Number(m.totalOf(invoice)),
    hasPaymentLink: m.dueOf(model, invoice) > m.onItsWayOf(invoice),
    corrects: invoice.corrects && { id: invoice.corrects.id },
    lines: invoice.lines.map(lineView),
    reimbursement: {
      status: m.reimbursementStatusOf(model, invoice),
      amount_due: Number(m.dueOf(model, invoice)),
      amount_paid: Number(m.paidOf(invoice)),
      amount_refunded: Number(m.refundedOf(invoice)),
      payments: invoice.payments.map(({ method, amount, isRefund, status }) => ({
        method,
        amount: Number(amount),
        is_refund: isRefund,
        status,
      })),
    },
  };
}

function lineView(line: Part & { readonly item: Item | null }) {
  return {
    order_item_id: line.item?.id ?? null,
    quantity: units(line.quantity),
    discount: Number(line.discount),
    total_ex_vat: Number(line.net),
    total_vat: Number(line.vat),
  };
}

interface Answered {
  readonly orders: { readonly nodes: readonly object[] };
  readonly invoices: {
    readonly nodes: readonly {
      readonly id: string;
      readonly payment_link: string | null;
      readonly reimbursement: { readonly payments: readonly AnsweredPayment[] };
    }[];
  };
  readonly invoicePreview: {
    readonly blockers: readonly { readonly code: string; readonly item_id: string }[];
    readonly lines: readonly object[];
  };
}

export interface AnsweredPayment {
  readonly id: string;
  readonly reference: string | null;
  readonly method: string;
  readonly amount: number;
  readonly is_refund: boolean;
  readonly status: Payment['status'];
}

/** The answer in the same shape; `paymentsOf` tells the ids and references of an invoice's payments. */
export function seenIn({ orders, invoices, invoicePreview }: Answered) {
  const view = {
    orders: orders.nodes,
    invoices: invoices.nodes.map(({ payment_link, reimbursement, ...invoice }) => ({
      ...invoice,
      hasPaymentLink: payment_link !== null,
      reimbursement: {
        ...reimbursement,
        payments: reimbursement.payments.map(({ method, amount, is_refund, status }) => ({
          method,
          amount,
          is_refund,
          status,
        })),
      },
    })),
    preview: {
      blockers: invoicePreview.blockers.map(({ code, item_id }) => `${code} ${item_id}`),
      lines: invoicePreview.lines,
    },
  };
  const paymentsOf = (invoiceId: string) =>
    invoices.nodes.find(({ id }) => id === invoiceId)?.reimbursement.payments ?? [];
  return { view, paymentsOf };
}

/** What must hold of the model itself, or the comparison with it would prove nothing. */
export function brokenLaws(model: Model): readonly string[] {
  const broken: string[] = [];
  const hold = (isTrue: boolean, law: string) => void (isTrue || broken.push(law));
  for (const item of m.allItems(model)) {
    const sign = item.contra ? -1n : 1n;
    const open = m.openOf(model, item);
    hold(open.quantity * sign >= 0n, `${item.id}: no more is invoiced and cancelled than was ordered`);
    hold(
      open.quantity !== 0n || (open.net === 0n && open.vat === 0n && open.discount === 0n),
      `${item.id}: all is all`,
    );
    hold(
      item.returned <= item.shipped && item.shipped + item.dropped <= item.ordered.quantity * sign,
      `${item.id}: goods`,
    );
  }
  for (const invoice of model.invoices) {
    hold(m.refundedOf(invoice) <= m.paidOf(invoice), `${invoice.id}: no more refunded than paid`);
    for (const line of invoice.lines) {
      const rest = m.uncredited(model, line);
      const isWhole = rest.quantity !== 0n || (rest.net === 0n && rest.vat === 0n && rest.discount === 0n);
      hold(line.quantity < 0n || (rest.quantity >= 0n && isWhole), `${invoice.id}: credits within the line`);
    }
  }
  return broken;
}
