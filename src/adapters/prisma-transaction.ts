// One transaction on PostgreSQL: rows are locked in the global order and written in bulk, one statement a table.

import type { NumberedLater } from '../domain/decide-invoices.ts';
import type { OrderItem, OrderWithItems } from '../domain/order.ts';
import type { CreditableLine } from '../domain/take-back.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { InvoiceWithMoney } from '../domain/online-payment.ts';
import type { NewOrder, NewShipment, Transaction } from '../ports.ts';
import { gatewayCallsIn } from './prisma-gateway-calls.ts';
import { idempotencyKeysIn } from './prisma-idempotency-keys.ts';
import * as issuing from './issuing-statements.ts';
import * as records from './prisma-records.ts';
import { insert, toJson } from './prisma-rows.ts';
import { fromJson } from './row-sources.ts';
import { webhooksIn } from './prisma-webhook-endpoints.ts';

type Client = Prisma.TransactionClient;

/** The transaction of one merchant on a client whose BEGIN has run already. */
export function prismaTransaction(client: Client, merchantId: string): Transaction {
  return {
    merchantId,
    merchant: async () => records.toMerchant(await client.merchant.findUniqueOrThrow({ where: { merchantId } })),
    lockOrders: (orderIds) => lockOrders(client, merchantId, orderIds),
    findCustomers: async (ids) =>
      (await client.customer.findMany({ where: { merchantId, id: { in: [...new Set(ids)] } } })).map(
        records.toCustomer,
      ),
    findBillingAddress: async (customerId) => {
      const orderBy = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];
      const order = await client.order.findFirst({ where: { merchantId, customerId }, orderBy });
      return order && records.toOrder(order).billingAddress;
    },
    findIssued: (invoiceIds) => findIssued(client, merchantId, invoiceIds),
    findPlaced: async (orderIds, numbers) => {
      const either = [{ id: { in: [...orderIds] } }, { number: { in: records.storableList(numbers) } }];
      return (await client.order.findMany({ where: { merchantId, OR: either } })).map(records.toOrder);
    },
    findUsedItemIds: async (itemIds) => {
      const where = { merchantId, id: { in: records.storableList(itemIds) } };
      return (await client.orderItem.findMany({ where, select: { id: true } })).map(({ id }) => id);
    },
    insertOrders: (orders) => insertOrders(client, orders),
    updateOrders: (orders) => updateOrders(client, orders),
    insertShipment: (shipment) => insertShipment(client, merchantId, shipment),
    lockInvoice: (invoiceId) => lockInvoice(client, merchantId, invoiceId),
    lockCreditableLines: (itemIds) => lockCreditableLines(client, merchantId, itemIds),
    insertContraItems: async (items) => {
      await insert(client, 'order_items', items.map(records.orderItemColumns));
    },
    updateCreditedLines: (lines) => updateCreditedLines(client, merchantId, lines),
    updateInvoice: async ({ id, state, amountPaid, amountRefunded, isArchived, updatedAt }) => {
      const data = { state, amountPaid, amountRefunded, isArchived, updatedAt };
      await client.invoice.update({ where: { merchantId_id: { merchantId, id } }, data });
    },
    savePayments: async (payments) => {
      await insert(
        client,
        'payments',
        payments.map((payment) => records.paymentColumns(merchantId, payment)),
        `ON CONFLICT (merchant_id, id) DO UPDATE SET status = excluded.status, reference = excluded.reference`,
      );
    },
    ...gatewayCallsIn(client, merchantId),
    ...idempotencyKeysIn(client, merchantId),
    ...webhooksIn(client, merchantId),
    insertComment: async (comment) => {
      await client.invoiceComment.create({ data: { merchantId, ...comment } });
    },
    insertEmail: async ({ to, ...email }) => {
      await client.invoiceEmail.create({ data: { merchantId, ...email, recipient: to, dueAt: email.createdAt } });
    },
    insertInvoices: (invoices) => insertInvoices(client, merchantId, invoices),
  };
}

// No row is there to lock: an id is promised by a call of the gateway, taken by an invoice, and the two know no common key.
async function findIssued(
  client: Client,
  merchantId: string,
  invoiceIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const ids = records.storableList([...new Set(invoiceIds)].sort());
  await client.$queryRaw`
    SELECT count(pg_advisory_xact_lock(hashtextextended('invoice ' || ${merchantId} || ' ' || id, 0)))
    FROM unnest(${ids}::text[]) AS id`;
  const taken = await client.$queryRaw<{ id: string; request_hash: string }[]>`
    SELECT id, request_hash FROM invoices WHERE merchant_id = ${merchantId} AND id = ANY(${ids})
    UNION ALL
    SELECT invoice_id, issue ->> 'requestHash' FROM gateway_calls
    WHERE merchant_id = ${merchantId} AND invoice_id = ANY(${ids}) AND issue IS NOT NULL AND status = 'ASKED'`;
  return new Map(taken.map(({ id, request_hash: requestHash }) => [id, requestHash]));
}

// Whoever changes an item locks its order first, so the orders' rows guard the items as well.
async function lockOrders(
  client: Client,
  merchantId: string,
  orderIds: readonly string[],
): Promise<readonly OrderWithItems[]> {
  if (orderIds.length === 0) return [];
  await client.$queryRaw`
    SELECT 1 FROM orders WHERE merchant_id = ${merchantId} AND id = ANY(${records.storableList(orderIds)}) ORDER BY id FOR UPDATE`;
  const found = await client.order.findMany({
    where: { merchantId, id: { in: records.storableList(orderIds) } },
    orderBy: { id: 'asc' },
  });
  const items = await client.orderItem.findMany({
    where: { merchantId, orderId: { in: records.storableList(orderIds) } },
    orderBy: [{ orderId: 'asc' }, { position: 'asc' }],
  });
  return withItems(found.map(records.toOrder), items.map(records.toOrderItem));
}

async function lockInvoice(client: Client, merchantId: string, invoiceId: string): Promise<InvoiceWithMoney | null> {
  const where = { merchantId, invoiceId: records.storable(invoiceId) };
  const links = await client.invoiceOrder.findMany({ where, select: { orderId: true } });
  const orders = await lockOrders(
    client,
    merchantId,
    links.map(({ orderId }) => orderId),
  );
  await client.$queryRaw`
    SELECT 1 FROM invoices WHERE merchant_id = ${merchantId} AND id = ${where.invoiceId} FOR UPDATE`;
  const invoice = await client.invoice.findUnique({ where: { merchantId_id: { merchantId, id: where.invoiceId } } });
  if (!invoice) return null;
  const lines = await client.invoiceLine.findMany({ where, orderBy: { position: 'asc' } });
  const calls = await gatewayCallsIn(client, merchantId).findGatewayCalls({
    invoiceIds: [invoiceId],
    orderIds: orders.map(({ order }) => order.id),
  });
  return { invoice: records.toInvoice(invoice), lines: lines.map(records.toInvoiceLine), orders, calls };
}

async function lockCreditableLines(
  client: Client,
  merchantId: string,
  itemIds: readonly string[],
): Promise<readonly CreditableLine[]> {
  const where = { merchantId, orderItemId: { in: records.storableList(itemIds) } };
  const carrying = await client.invoiceLine.findMany({ where, select: { invoiceId: true }, distinct: ['invoiceId'] });
  const ids = carrying.map(({ invoiceId }) => invoiceId);
  await client.$queryRaw`
    SELECT 1 FROM invoices WHERE merchant_id = ${merchantId} AND id = ANY(${ids}) ORDER BY id FOR UPDATE`;
  const rows = await client.invoiceLine.findMany({
    where: { ...where, invoice: { state: { not: 'CANCELED' } } },
    orderBy: [{ invoice: { createdAt: 'desc' } }, { invoiceId: 'desc' }, { position: 'asc' }],
  });
  return rows.map(records.toCreditableLine);
}

async function updateCreditedLines(
  client: Client,
  merchantId: string,
  lines: readonly CreditableLine[],
): Promise<void> {
  // The ids once more by themselves: see issuing-statements.ts.
  const ids = [...new Set(lines.map(({ line }) => line.invoiceId))];
  await client.$executeRaw`
    UPDATE invoice_lines AS stored
    SET credited_e4 = new.credited_e4, credited_ex_vat = new.credited_ex_vat, credited_vat = new.credited_vat,
        credited_discount = new.credited_discount
    FROM json_populate_recordset(NULL::invoice_lines, ${toJson(lines.map(records.creditedColumns))}::json) AS new
    WHERE stored.merchant_id = ${merchantId} AND stored.invoice_id = ANY(${ids})
      AND stored.invoice_id = new.invoice_id AND stored.position = new.position`;
}

/** Puts items, already in item order, to their orders. */
export function withItems(
  orders: readonly OrderWithItems['order'][],
  items: readonly OrderItem[],
): readonly OrderWithItems[] {
  const itemsOf = new Map<string, OrderItem[]>(orders.map(({ id }) => [id, []]));
  for (const item of items) itemsOf.get(item.orderId)?.push(item);
  return orders.map((order) => ({ order, items: itemsOf.get(order.id) ?? [] }));
}

async function insertOrders(client: Client, orders: readonly NewOrder[]): Promise<void> {
  if (orders.length === 0) return;
  // Several orders of one customer in one list: the last one knows best. Sorted, so that two lists never wait in a ring.
  const customers = [...new Map(orders.map(({ customer, order }) => [customer.id, { customer, order }])).values()].sort(
    (a, b) => (a.customer.id < b.customer.id ? -1 : 1),
  );
  await insert(
    client,
    'customers',
    customers.map(({ customer, order }) => records.customerColumns(customer, order.createdAt)),
    `ON CONFLICT (merchant_id, id) DO UPDATE SET
       name = excluded.name, email = excluded.email, organisation = excluded.organisation,
       vat_number = excluded.vat_number, registration_number = excluded.registration_number,
       locale = excluded.locale, updated_at = excluded.updated_at`,
  );
  await insert(
    client,
    'orders',
    orders.map(({ order }) => records.orderColumns(order)),
  );
  await insert(
    client,
    'order_items',
    orders.flatMap(({ items }) => items.map(records.orderItemColumns)),
  );
}

async function updateOrders(client: Client, orders: readonly OrderWithItems[]): Promise<void> {
  if (orders.length === 0) return;
  const { heads, items } = issuing.orderRows(orders);
  await client.$executeRawUnsafe(issuing.updateOrders(issuing.CHANGED), ...issuing.changedValues(heads));
  await client.$executeRawUnsafe(issuing.updateItems(issuing.CHANGED), ...issuing.changedValues(items));
}

async function insertShipment(client: Client, merchantId: string, shipment: NewShipment): Promise<void> {
  const { id, orderId, shippedAt, items } = shipment;
  await insert(client, 'shipments', [{ merchant_id: merchantId, id, order_id: orderId, shipped_at: shippedAt }]);
  await insert(
    client,
    'shipment_items',
    items.map(({ itemId, quantity }) => ({
      merchant_id: merchantId,
      shipment_id: id,
      order_item_id: itemId,
      quantity_e4: quantity,
    })),
  );
}

async function insertInvoices(client: Client, merchantId: string, invoices: readonly NumberedLater[]): Promise<void> {
  if (invoices.length === 0) return;
  const { numberPattern } = await client.merchant.findUniqueOrThrow({
    where: { merchantId },
    select: { numberPattern: true },
  });
  const rows = issuing.documentRows(merchantId, numberPattern, invoices);
  await client.$queryRawUnsafe(INSERT_DOCUMENTS, ...[rows.series, rows.invoices, rows.lines, rows.orders].map(toJson));
}

const INSERT_DOCUMENTS = issuing.insertDocuments({
  series: '$1',
  invoices: fromJson('invoices', '$2'),
  lines: fromJson('invoice_lines', '$3'),
  orders: fromJson('invoice_orders', '$4'),
});
