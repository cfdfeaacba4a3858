// Money at the payment gateway: captured once, never for nothing, taken back whole, whatever the gateway answers.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { openProduct } from '../../src/product.ts';
import { startWorker } from '../../src/worker.ts';
import { eventually } from '../setup/eventually.ts';
import { gatewayEntries, orderHolding, ORDER_TOTAL as TOTAL } from '../setup/gateway.ts';
import { INVOICE_ITEMS, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { quietLog } from '../setup/quiet-log.ts';

let billhead: TestProduct;
let database: pg.Client;
let count = 0;

const connect = async () => {
  const client = new pg.Client({ connectionString: billhead.databaseUrl });
  await client.connect();
  return client;
};

beforeAll(async () => {
  billhead = await startTestProduct();
  database = await connect();
});
afterAll(async () => {
  await database.end();
  await billhead.close();
});

const INVOICE = `id number state total payment_link reimbursement {
  status amount_due amount_paid amount_refunded payments { method amount is_refund status reference }
}`;
const mutation = (name: string, input: string) =>
  `mutation M($input: ${input}!) { ${name}(input: $input) { invoice { ${INVOICE} } } }`;
const INVOICE_ORDER = mutation('invoiceOrder', 'InvoiceOrderInput');
const CAPTURE = mutation('captureInvoice', 'InvoiceIdInput');
const VOID = mutation('voidInvoice', 'InvoiceIdInput');
const REFUND = mutation('refundPayment', 'RefundPaymentInput');
const REGISTER = mutation('registerPayment', 'RegisterPaymentInput');
const CANCEL = mutation('cancelInvoice', 'InvoiceIdInput');

async function place(authorization: string | null): Promise<string> {
  const id = `gw-${(count += 1)}`;
  await billhead.ask(PLACE_ORDER, { input: orderHolding(id, authorization) });
  return id;
}

const read = async (invoiceId: string) =>
  (await billhead.ask(`{ invoice(id: "${invoiceId}") { ${INVOICE} } }`)).invoice;
const readOrder = async (id: string) =>
  (
    await billhead.ask(
      `{ order(id: "${id}") { status updated_at actions { action ids } items { quantity_invoiced } } }`,
    )
  ).order;
const code = async (query: string, input: object, key?: string) =>
  (await billhead.refusal(query, { input }, key)).extensions.code;
const online = (orderId: string, more: object = {}) => ({
  order_id: orderId,
  capture: 'ONLINE',
  invoice_id: orderId,
  ...more,
});

async function invoiceOnline(authorization: string): Promise<string> {
  const id = await place(authorization);
  await billhead.ask(INVOICE_ORDER, { input: online(id) });
  return id;
}

async function invoiceOpen(authorization: string | null): Promise<string> {
  const id = await place(authorization);
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`, `${id}-2`], invoice_id: id } });
  return id;
}

/** Presses a button on the page of the test gateway. */
async function press(reference: string, verdict: 'pay' | 'decline'): Promise<Response> {
  return fetch(`${billhead.address}/test-gateway/${reference}`, {
    method: 'POST',
    body: new URLSearchParams({ verdict }),
    redirect: 'manual',
  });
}

describe('invoiceOrder with capture ONLINE', () => {
  test('captures what the invoice says, and issues it PAID', async () => {
    const id = await place('auth_1');
    const { invoice } = (await billhead.ask(INVOICE_ORDER, { input: online(id) })).invoiceOrder;
    const [entry, ...others] = await gatewayEntries(billhead.databaseUrl, 'auth_1');
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ kind: 'CAPTURE', status: 'SUCCEEDED', amount: TOTAL });
    expect(invoice).toMatchObject({ state: 'PAID', total: TOTAL, payment_link: null });
    expect(invoice.reimbursement).toEqual({
      status: 'PAID',
      amount_due: 0,
      amount_paid: TOTAL,
      amount_refunded: 0,
      payments: [{ method: 'card', amount: TOTAL, is_refund: false, status: 'SUCCEEDED', reference: entry?.reference }],
    });
    expect((await readOrder(id)).status).toBe('PROCESSING');
  });

  test('of a part captures that part alone', async () => {
    const id = await place('auth_part');
    const items = [{ order_item_id: `${id}-1`, qty: 1 }];
    const { invoice } = (await billhead.ask(INVOICE_ORDER, { input: online(id, { items }) })).invoiceOrder;
    expect(invoice).toMatchObject({ state: 'PAID', total: 403 });
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_part')).toMatchObject([{ amount: 403 }]);
  });

  test('that is declined creates nothing, burns no number, and leaves the order as it was', async () => {
    const first = await invoiceOpen(null);
    const id = await place('auth_decline');
    const before = await readOrder(id);
    const error = await billhead.refusal(INVOICE_ORDER, { input: online(id, { comment: 'x' }) });
    expect(error.extensions.code).toBe('PAYMENT_GATEWAY_ERROR');
    expect(error.message).toContain('insufficient funds');
    expect(await read(id)).toBeNull();
    expect(await readOrder(id)).toEqual({ ...before, updated_at: expect.any(String) });
    const second = await invoiceOpen(null);
    const [a, b] = [await read(first), await read(second)].map(({ number }) => Number(number.slice(-6)));
    expect(b).toBe((a ?? 0) + 1);
  });

  test('can be tried again under the same invoice_id after it was declined', async () => {
    const id = await place('auth_limit_100');
    expect(await code(INVOICE_ORDER, online(id))).toBe('PAYMENT_GATEWAY_ERROR');
    expect(await code(INVOICE_ORDER, online(id))).toBe('PAYMENT_GATEWAY_ERROR');
    const offline = await billhead.ask(INVOICE_ORDER, { input: online(id, { capture: 'OFFLINE' }) });
    expect(offline.invoiceOrder.invoice.state).toBe('PAID');
  });

  test('that stays pending is OPEN with its order in payment review, until somebody pays', async () => {
    const id = await invoiceOnline('auth_pending');
    const pending = await read(id);
    expect(pending).toMatchObject({ state: 'OPEN', payment_link: null });
    expect(pending.reimbursement).toMatchObject({ status: 'PENDING', amount_due: TOTAL, amount_paid: 0 });
    const [payment] = pending.reimbursement.payments;
    expect(payment).toMatchObject({ amount: TOTAL, status: 'PENDING' });
    expect(await readOrder(id)).toMatchObject({ status: 'PAYMENT_REVIEW', actions: [] });
    expect(await code(CAPTURE, { invoice_id: id })).toBe('INVOICE_NOT_CAPTURABLE');
    expect(await code(CANCEL, { invoice_id: id })).toBe('INVOICE_NOT_CANCELABLE');
    expect(await code(REGISTER, { invoice_id: id, amount: 1, method: 'cash' })).toBe('BAD_USER_INPUT');

    expect((await press(payment.reference, 'pay')).status).toBe(200);
    const paid = await eventually(async () => {
      const invoice = await read(id);
      return invoice.state === 'PAID' ? invoice : null;
    });
    expect(paid.reimbursement).toMatchObject({
      status: 'PAID',
      amount_paid: TOTAL,
      payments: [{ status: 'SUCCEEDED' }],
    });
    expect((await readOrder(id)).status).toBe('PROCESSING');
  });

  test('that stays pending and is declined later is due, and can be paid by other means', async () => {
    const id = await invoiceOnline('auth_pending_2');
    const [{ reference }] = (await read(id)).reimbursement.payments;
    await press(reference, 'decline');
    await eventually(async () => (await readOrder(id)).status === 'PROCESSING');
    const declined = await read(id);
    expect(declined.reimbursement).toMatchObject({
      status: 'OPEN',
      amount_due: TOTAL,
      payments: [{ status: 'FAILED' }],
    });
    expect(declined.payment_link).not.toBeNull();
    await billhead.ask(REGISTER, { input: { invoice_id: id, amount: TOTAL, method: 'cash' } });
    expect((await read(id)).state).toBe('PAID');
    // Somebody presses the other button of a page that is decided.
    await press(reference, 'pay');
    expect((await read(id)).reimbursement.amount_paid).toBe(TOTAL);
  });

  test('whose answer is lost after the money moved is PAID, and captured once', async () => {
    const id = await place('auth_timeout');
    const { invoice } = (await billhead.ask(INVOICE_ORDER, { input: online(id) })).invoiceOrder;
    expect(invoice.state).toBe('PAID');
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_timeout')).toHaveLength(1);
  });

  test('that the gateway answers again and again is booked once', async () => {
    const id = await invoiceOnline('auth_twice');
    const { payments } = (await billhead.ask(`{ invoice(id: "${id}") { reimbursement { payments { id } } } }`)).invoice
      .reimbursement;
    const reference = { merchantId: 'demo', callId: payments[0].id };
    await Promise.all(Array.from({ length: 5 }, () => billhead.product.app.settleGatewayCall(reference)));
    const { reimbursement } = await read(id);
    expect(reimbursement).toMatchObject({ amount_paid: TOTAL, payments: [{ amount: TOTAL }] });
    expect(reimbursement.payments).toHaveLength(1);
  });

  test('ten times at once with one invoice_id captures once and answers the same invoice', async () => {
    const id = await place('auth_ten');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => billhead.ask(INVOICE_ORDER, { input: online(id) })),
    );
    expect(new Set(answers.map(({ invoiceOrder }) => invoiceOrder.invoice.number)).size).toBe(1);
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_ten')).toHaveLength(1);
  });

  test('ten times at once without an invoice_id captures once, and refuses the others', async () => {
    const id = await place('auth_ten_more');
    const input = online(id, { invoice_id: null });
    const answers = await Promise.all(Array.from({ length: 10 }, () => billhead.graphql(INVOICE_ORDER, { input })));
    const refused = answers.flatMap(({ errors }) => errors?.map(({ extensions }) => extensions.code) ?? []);
    expect(refused).toEqual(Array.from({ length: 9 }, () => 'NOT_INVOICEABLE'));
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_ten_more')).toHaveLength(1);
  });

  test('keeps its invoice_id for itself while the gateway is silent: no other request takes it, nor its money', async () => {
    const id = await place('auth_timeout_taken');
    const other = await place('auth_other');
    const asked = billhead.ask(INVOICE_ORDER, { input: online(id) });
    await eventually(async () => (await gatewayEntries(billhead.databaseUrl, 'auth_timeout_taken')).length === 1);
    const items = [`${other}-1`, `${other}-2`];
    const lines = [{ name: 'Advice', quantity: 1, unit_price: TOTAL, vat_rate: '0', vat_category: 'Z' }];
    const taking = [
      code(INVOICE_ITEMS, { items, invoice_id: id }),
      code(INVOICE_ORDER, online(other, { invoice_id: id })),
      code(INVOICE_ORDER, online(other, { invoice_id: id, capture: 'OFFLINE' })),
      code(mutation('createInvoice', 'CreateInvoiceInput'), {
        customer_id: 'ada',
        currency: 'EUR',
        lines,
        invoice_id: id,
      }),
    ];
    expect(await Promise.all(taking)).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT']);
    expect((await asked).invoiceOrder.invoice).toMatchObject({ state: 'PAID', total: TOTAL });
    expect((await readOrder(id)).status).toBe('PROCESSING');
    expect((await readOrder(other)).status).toBe('NEW');
  }, 15_000);

  test('mails the invoice when that is asked for, and asks for no money when there is no address', async () => {
    const id = await place('auth_mail');
    const more = { send_email: true, comment: 'Thank you', is_customer_notified: true };
    await billhead.ask(INVOICE_ORDER, { input: online(id, more) });
    const { invoice } = await billhead.ask(`{ invoice(id: "${id}") { emails { to status } comments { comment } } }`);
    expect(invoice).toEqual({
      emails: [{ to: 'ada@example.com', status: 'QUEUED' }],
      comments: [{ comment: 'Thank you' }],
    });
    const nowhere = orderHolding('gw-nowhere', 'auth_nowhere');
    const customer = { id: 'customer-2', name: 'Charles Babbage' };
    await billhead.ask(PLACE_ORDER, { input: { ...nowhere, customer } });
    expect(await code(INVOICE_ORDER, online('gw-nowhere', more))).toBe('BAD_USER_INPUT');
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_nowhere')).toEqual([]);
  });

  test('of an order without an authorisation is refused before the gateway is asked', async () => {
    expect(await code(INVOICE_ORDER, online(await place(null)))).toBe('INVOICE_NOT_CAPTURABLE');
  });

  test('needs the scope payments:write beside invoices:write', async () => {
    const key = await billhead.addMerchant('gw-clerk', ['invoices:write']);
    expect(await code(INVOICE_ORDER, online('x'), key)).toBe('FORBIDDEN');
  });
});

describe('captureInvoice', () => {
  test('takes what is due, less what was paid already', async () => {
    const id = await invoiceOpen('auth_rest');
    await billhead.ask(REGISTER, { input: { invoice_id: id, amount: 1000, method: 'cash' } });
    const { invoice } = (await billhead.ask(CAPTURE, { input: { invoice_id: id } })).captureInvoice;
    expect(invoice).toMatchObject({ state: 'PAID', reimbursement: { amount_paid: TOTAL, amount_due: 0 } });
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_rest')).toMatchObject([{ amount: TOTAL - 1000 }]);
  });

  test('of several orders captures at each authorisation what the invoice carries of its order', async () => {
    const [a, b] = [await place('auth_a'), await place('auth_b')];
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`${a}-1`, `${b}-1`, `${b}-2`], invoice_id: `${a}-${b}` } });
    const { invoice } = (await billhead.ask(CAPTURE, { input: { invoice_id: `${a}-${b}` } })).captureInvoice;
    expect(invoice.state).toBe('PAID');
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_a')).toMatchObject([{ amount: 1209 }]);
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_b')).toMatchObject([{ amount: TOTAL }]);
  });

  test('of several orders keeps what came when one is declined; the money of the other can still come otherwise', async () => {
    const [a, b] = [await place('auth_c'), await place('auth_decline_d')];
    const id = `${a}-${b}`;
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`${a}-1`, `${b}-1`], invoice_id: id } });
    expect(await code(CAPTURE, { invoice_id: id })).toBe('PAYMENT_GATEWAY_ERROR');
    expect((await read(id)).reimbursement).toMatchObject({
      status: 'PARTIALLY_PAID',
      amount_paid: 1209,
      amount_due: 1209,
      payments: [{ status: 'SUCCEEDED' }, { status: 'FAILED' }],
    });
    expect(await code(CAPTURE, { invoice_id: id })).toBe('PAYMENT_GATEWAY_ERROR');
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_c')).toHaveLength(1);
    expect((await readOrder(a)).status).toBe('PROCESSING');
  });

  test('answers what it took to a key of payments:write alone: money that moved is not told as FORBIDDEN', async () => {
    const id = await invoiceOpen('auth_scope');
    const own = { merchantId: 'demo', name: 'till', scopes: ['payments:write'], expiresAt: null } as const;
    const key = await billhead.product.app.createApiKey(own);
    const { captureInvoice } = await billhead.ask(CAPTURE, { input: { invoice_id: id } }, key);
    expect(captureInvoice.invoice.reimbursement).toMatchObject({ status: 'PAID', amount_paid: TOTAL });
  });

  test('without an authorisation is INVOICE_NOT_CAPTURABLE', async () => {
    expect(await code(CAPTURE, { invoice_id: await invoiceOpen(null) })).toBe('INVOICE_NOT_CAPTURABLE');
  });

  test('twenty times at once captures once', async () => {
    const id = await invoiceOpen('auth_twenty');
    await Promise.all(Array.from({ length: 20 }, () => billhead.graphql(CAPTURE, { input: { invoice_id: id } })));
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_twenty')).toHaveLength(1);
    expect((await read(id)).reimbursement).toMatchObject({ status: 'PAID', amount_paid: TOTAL });
  });
});

describe('a gateway that is away', () => {
  test('is told to the caller, keeps the order in review, and is asked again by the same call', async () => {
    const id = await invoiceOpen('auth_away');
    const books = await connect();
    await books.query('BEGIN');
    await books.query('LOCK TABLE test_gateway_entries IN ACCESS EXCLUSIVE MODE');
    const error = await billhead.refusal(CAPTURE, { input: { invoice_id: id } });
    expect(error.extensions.code).toBe('PAYMENT_GATEWAY_ERROR');
    expect(error.message).toContain('did not answer');
    expect((await readOrder(id)).status).toBe('PAYMENT_REVIEW');
    expect((await read(id)).reimbursement).toMatchObject({ amount_paid: 0, payments: [] });
    await books.query('ROLLBACK');
    await books.end();
    // Another gateway than the one that was asked knows nothing of it, and must not make it instead.
    await database.query(`UPDATE gateway_calls SET gateway = 'another' WHERE invoice_id = $1`, [id]);
    expect((await billhead.refusal(CAPTURE, { input: { invoice_id: id } })).message).toContain('"another"');
    expect((await read(id)).reimbursement).toMatchObject({ amount_paid: 0, payments: [] });
    await database.query(`UPDATE gateway_calls SET gateway = 'test' WHERE invoice_id = $1`, [id]);
    expect((await billhead.ask(CAPTURE, { input: { invoice_id: id } })).captureInvoice.invoice.state).toBe('PAID');
    expect(await gatewayEntries(billhead.databaseUrl, 'auth_away')).toHaveLength(1);
    expect((await readOrder(id)).status).toBe('PROCESSING');
  }, 30_000);

  test('and comes back with one answer for many who ask books it once', async () => {
    const id = await invoiceOnline('auth_pending_many');
    const { payments } = (
      await billhead.ask(`{ invoice(id: "${id}") { reimbursement { payments { id reference } } } }`)
    ).invoice.reimbursement;
    const [{ id: callId, reference }] = payments;
    const books = await connect();
    await books.query(`UPDATE test_gateway_entries SET status = 'SUCCEEDED' WHERE reference = $1`, [reference]);
    await books.query('BEGIN');
    // All of them have the answer before the first one can book it.
    await books.query(`SELECT FROM orders WHERE id = $1 FOR UPDATE`, [id]);
    const asked = Promise.all(
      Array.from({ length: 5 }, () => billhead.product.app.settleGatewayCall({ merchantId: 'demo', callId })),
    );
    // Another connection: inside of a transaction the activity stands still.
    await eventually(async () => {
      const { rows } = await database.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM orders%'
         AND datname = current_database()`,
      );
      return (rows[0]?.n ?? 0) === 5;
    });
    await books.query('ROLLBACK');
    await books.end();
    await asked;
    expect((await read(id)).reimbursement).toMatchObject({ status: 'PAID', amount_paid: TOTAL });
    expect((await read(id)).reimbursement.payments).toHaveLength(1);
    await billhead.product.app.settleDueGatewayCalls();
    expect(await gatewayEntries(billhead.databaseUrl, reference)).toEqual([]);
  });
});

describe('voidInvoice', () => {
  test('gives money, quantities and amounts back; the document and its number stay', async () => {
    const id = await invoiceOnline('auth_void');
    const before = await read(id);
    const { invoice } = (await billhead.ask(VOID, { input: { invoice_id: id } })).voidInvoice;
    expect(invoice).toMatchObject({ state: 'CANCELED', number: before.number, total: TOTAL });
    expect(invoice.reimbursement).toMatchObject({
      status: 'VOIDED',
      amount_paid: 0,
      amount_due: 0,
      payments: [{ status: 'VOIDED', amount: TOTAL }],
    });
    expect(await readOrder(id)).toMatchObject({
      status: 'NEW',
      items: [{ quantity_invoiced: 0 }, { quantity_invoiced: 0 }],
    });
    const [{ reference }] = before.reimbursement.payments;
    expect(await gatewayEntries(billhead.databaseUrl, reference)).toMatchObject([{ kind: 'VOID', amount: TOTAL }]);
    // The authorisation holds again what was taken back.
    const again = await billhead.ask(INVOICE_ORDER, { input: online(id, { invoice_id: `${id}-again` }) });
    expect(again.invoiceOrder.invoice.state).toBe('PAID');
  });

  test('of what was paid otherwise, or in part otherwise, is INVOICE_NOT_VOIDABLE', async () => {
    const id = await place('auth_offline');
    await billhead.ask(INVOICE_ORDER, { input: online(id, { capture: 'OFFLINE' }) });
    expect(await code(VOID, { invoice_id: id })).toBe('INVOICE_NOT_VOIDABLE');
    const mixed = await invoiceOpen('auth_mixed');
    await billhead.ask(REGISTER, { input: { invoice_id: mixed, amount: 1, method: 'cash' } });
    await billhead.ask(CAPTURE, { input: { invoice_id: mixed } });
    expect(await code(VOID, { invoice_id: mixed })).toBe('INVOICE_NOT_VOIDABLE');
  });

  test('of what was refunded in part is INVOICE_NOT_VOIDABLE', async () => {
    const id = await invoiceOnline('auth_refunded');
    await billhead.ask(REFUND, { input: { invoice_id: id, amount: 1, mode: 'ONLINE' } });
    expect(await code(VOID, { invoice_id: id })).toBe('INVOICE_NOT_VOIDABLE');
  });

  test('that the gateway declines changes nothing', async () => {
    const id = await invoiceOnline('auth_norefund');
    const before = await read(id);
    expect(await code(VOID, { invoice_id: id })).toBe('PAYMENT_GATEWAY_ERROR');
    expect(await read(id)).toEqual(before);
    expect((await readOrder(id)).status).toBe('PROCESSING');
  });

  test('of captures at several authorisations cancels once the last of them is void', async () => {
    const [a, b] = [await place('auth_e'), await place('auth_norefund_f')];
    const id = `${a}-${b}`;
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`${a}-1`, `${b}-1`], invoice_id: id } });
    await billhead.ask(CAPTURE, { input: { invoice_id: id } });
    expect(await code(VOID, { invoice_id: id })).toBe('PAYMENT_GATEWAY_ERROR');
    const half = await read(id);
    expect(half).toMatchObject({ state: 'PAID', reimbursement: { amount_paid: 1209 } });
    expect(half.reimbursement.payments.map(({ status }: { status: string }) => status)).toEqual([
      'VOIDED',
      'SUCCEEDED',
    ]);
    expect((await readOrder(a)).items[0]).toEqual({ quantity_invoiced: 3 });
    // The next call is about the rest alone.
    expect(await code(VOID, { invoice_id: id })).toBe('PAYMENT_GATEWAY_ERROR');
    expect((await read(id)).reimbursement.amount_paid).toBe(1209);
  });

  test('twenty times at once happens once', async () => {
    const id = await invoiceOnline('auth_void_20');
    const [{ reference }] = (await read(id)).reimbursement.payments;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => billhead.graphql(VOID, { input: { invoice_id: id } })),
    );
    expect(answers.some(({ errors }) => errors === undefined)).toBe(true);
    expect(await gatewayEntries(billhead.databaseUrl, reference)).toHaveLength(1);
    expect((await readOrder(id)).items).toEqual([{ quantity_invoiced: 0 }, { quantity_invoiced: 0 }]);
  });
});

describe('refundPayment ONLINE', () => {
  test('gives back at the gateway what the contra items call for, and makes them invoiceable', async () => {
    const id = await invoiceOnline('auth_back');
    const CANCEL_ITEMS = `mutation M($input: CancelOrderItemsInput!) { cancelOrderItems(input: $input) { contra_items { id } } }`;
    const input = { order_id: id, items: [{ id: `${id}-1`, quantity: 1, contra_item_id: `${id}-c` }] };
    await billhead.ask(CANCEL_ITEMS, { input });
    const [{ reference }] = (await read(id)).reimbursement.payments;
    const { invoice } = (await billhead.ask(REFUND, { input: { invoice_id: id, mode: 'ONLINE' } })).refundPayment;
    expect(invoice.reimbursement).toMatchObject({ status: 'PARTIALLY_REFUNDED', amount_refunded: 403 });
    expect(await gatewayEntries(billhead.databaseUrl, reference)).toMatchObject([{ kind: 'REFUND', amount: 403 }]);
    expect((await readOrder(id)).actions).toContainEqual({ action: 'INVOICE', ids: [`${id}-c`] });
    expect(await code(REFUND, { invoice_id: id, mode: 'ONLINE' })).toBe('CONFLICT');
  });

  test('with nothing paid settles the contra items without a payment, as OFFLINE does', async () => {
    const id = await invoiceOpen(null);
    const CANCEL_ITEMS = `mutation M($input: CancelOrderItemsInput!) { cancelOrderItems(input: $input) { contra_items { id } } }`;
    const items = [{ id: `${id}-1`, quantity: 1, contra_item_id: `${id}-c` }];
    await billhead.ask(CANCEL_ITEMS, { input: { order_id: id, items } });
    const { invoice } = (await billhead.ask(REFUND, { input: { invoice_id: id, mode: 'ONLINE' } })).refundPayment;
    expect(invoice.reimbursement).toMatchObject({ amount_refunded: 0, payments: [] });
    expect((await readOrder(id)).actions).toContainEqual({ action: 'INVOICE', ids: [`${id}-c`] });
    expect(await code(REFUND, { invoice_id: id, mode: 'ONLINE' })).toBe('CONFLICT');
  });

  test('of more than the gateway captured is refused; OFFLINE can give it back', async () => {
    const id = await invoiceOpen(null);
    await billhead.ask(REGISTER, { input: { invoice_id: id, amount: TOTAL, method: 'cash' } });
    expect(await code(REFUND, { invoice_id: id, amount: 1, mode: 'ONLINE' })).toBe('BAD_USER_INPUT');
    await billhead.ask(REFUND, { input: { invoice_id: id, amount: 1 } });
    expect((await read(id)).reimbursement.amount_refunded).toBe(1);
  });

  test('ten at once never give back more than was paid', async () => {
    const id = await invoiceOnline('auth_refund_10');
    const amount = Math.ceil(TOTAL / 3);
    await Promise.all(
      Array.from({ length: 10 }, () => billhead.graphql(REFUND, { input: { invoice_id: id, amount, mode: 'ONLINE' } })),
    );
    const { reimbursement } = await read(id);
    const [{ reference }] = reimbursement.payments;
    const given = await gatewayEntries(billhead.databaseUrl, reference);
    expect(reimbursement.amount_refunded).toBe(given.length * amount);
    expect(given.length).toBeGreaterThan(0);
    expect(given.length).toBeLessThan(3);
  });

  test('that the gateway declines gives nothing back and settles nothing', async () => {
    const id = await invoiceOnline('auth_norefund_2');
    expect(await code(REFUND, { invoice_id: id, amount: 5, mode: 'ONLINE' })).toBe('PAYMENT_GATEWAY_ERROR');
    expect((await read(id)).reimbursement).toMatchObject({
      status: 'PAID',
      amount_refunded: 0,
      payments: [{ status: 'SUCCEEDED' }, { status: 'FAILED', is_refund: true }],
    });
  });
});

describe('the payment link', () => {
  const visit = (link: string) => fetch(link, { redirect: 'manual' });
  const pageOf = async (link: string) => {
    const response = await visit(link);
    expect(response.status).toBe(303);
    return new URL(response.headers.get('location') ?? '', link).href;
  };
  const pay = (page: string, verdict: string) =>
    fetch(page, { method: 'POST', body: new URLSearchParams({ verdict }), redirect: 'manual' });

  test('leads to a page where a person pays; then nothing is due, and the link is gone', async () => {
    const id = await invoiceOpen(null);
    const { payment_link: link } = await read(id);
    const page = await pageOf(link);
    expect(await pageOf(link)).toBe(page);
    const shown = await (await fetch(page)).text();
    expect(shown).toContain('€36.29');
    const back = await pay(page, 'pay');
    expect([back.status, back.headers.get('location')]).toEqual([303, link]);
    const paid = await eventually(async () => {
      const invoice = await read(id);
      return invoice.state === 'PAID' ? invoice : null;
    });
    expect(paid).toMatchObject({ payment_link: null, reimbursement: { status: 'PAID', amount_paid: TOTAL } });
    const thanks = await visit(link);
    expect([thanks.status, await thanks.text()]).toEqual([200, expect.stringContaining('Thank you')]);
    // What was paid at the gateway can be voided there.
    expect((await billhead.ask(VOID, { input: { invoice_id: id } })).voidInvoice.invoice.state).toBe('CANCELED');
  });

  test('opens another page after the person declined', async () => {
    const { payment_link: link } = await read(await invoiceOpen(null));
    const page = await pageOf(link);
    await pay(page, 'decline');
    await eventually(async () => (await pageOf(link)) !== page);
  });

  test('asks for what is due now; what comes too much goes back by itself', async () => {
    const id = await invoiceOpen(null);
    const { payment_link: link } = await read(id);
    const whole = await pageOf(link);
    await billhead.ask(REGISTER, { input: { invoice_id: id, amount: 1000, method: 'cash' } });
    const rest = await pageOf(link);
    expect(rest).not.toBe(whole);
    await pay(rest, 'pay');
    await eventually(async () => (await read(id)).state === 'PAID');
    await pay(whole, 'pay');
    await eventually(async () => {
      await billhead.product.app.settleDueGatewayCalls();
      const { payments } = (await read(id)).reimbursement;
      return payments.some(
        ({ status, amount }: { status: string; amount: number }) => status === 'VOIDED' && amount === TOTAL,
      );
    });
    expect((await read(id)).reimbursement).toMatchObject({ status: 'PAID', amount_paid: TOTAL, amount_due: 0 });
    const captured = await gatewayEntries(billhead.databaseUrl, whole.slice(whole.lastIndexOf('/') + 1));
    expect(captured).toMatchObject([{ kind: 'VOID', amount: TOTAL }]);
  });

  test('that was forged or changed leads nowhere', async () => {
    const { payment_link: link } = await read(await invoiceOpen(null));
    for (const url of [`${link}x`, `${billhead.address}/pay/x.y`, link.replace('/pay/', '/pdf/')]) {
      expect((await visit(url)).status).toBe(403);
    }
  });

  test('is null for an invoice that is PAID, cancelled, or a credit', async () => {
    expect((await read(await invoiceOnline('auth_link'))).payment_link).toBeNull();
    const id = await invoiceOpen(null);
    await billhead.ask(CANCEL, { input: { invoice_id: id } });
    expect((await read(id)).payment_link).toBeNull();
  });

  test('shows no page for a payment that is not there, and refuses what is no verdict', async () => {
    expect((await fetch(`${billhead.address}/test-gateway/nowhere`)).status).toBe(404);
    expect((await pay(`${billhead.address}/test-gateway/nowhere`, 'maybe')).status).toBe(400);
  });
});

test('a worker that starts with another gateway, or none, warns of calls that nobody can ask about', async () => {
  await invoiceOnline('auth_pending_elsewhere');
  const config = readConfig({
    DATABASE_URL: billhead.databaseUrl,
    DATA_DIR: billhead.dataDir,
    PAYMENT_GATEWAY: 'none',
  });
  const warnings: string[] = [];
  const log = { ...quietLog, warn: (event: string) => void warnings.push(event) };
  const product = await openProduct(config, log);
  const worker = await startWorker(product, config, log);
  await worker.close();
  await product.close();
  expect(warnings).toContain('gateway.calls_of_another');
});

describe('authorizePayment', () => {
  const AUTHORIZE = `mutation M($input: AuthorizePaymentInput!) { authorizePayment(input: $input) { order { id status } } }`;

  test('holds the total of the order, which can then be captured once', async () => {
    const id = await place(null);
    await billhead.ask(AUTHORIZE, { input: { order_id: id, source: 'card_1' } });
    expect((await billhead.ask(INVOICE_ORDER, { input: online(id) })).invoiceOrder.invoice.state).toBe('PAID');
    expect(await code(AUTHORIZE, { order_id: id, source: 'card_1' })).toBe('CONFLICT');
  });

  test('that is declined leaves the order without one', async () => {
    const id = await place(null);
    expect(await code(AUTHORIZE, { order_id: id, source: 'card_decline' })).toBe('PAYMENT_GATEWAY_ERROR');
    expect(await code(INVOICE_ORDER, online(id))).toBe('INVOICE_NOT_CAPTURABLE');
    expect((await readOrder(id)).status).toBe('NEW');
  });

  test('that stays pending keeps the order in payment review until somebody decides', async () => {
    const id = await place(null);
    const before = (await readOrder(id)).updated_at;
    const { authorizePayment } = await billhead.ask(AUTHORIZE, { input: { order_id: id, source: 'card_pending' } });
    expect(authorizePayment.order.status).toBe('PAYMENT_REVIEW');
    // Whoever reads what was updated since learns of it.
    const during = (await readOrder(id)).updated_at;
    expect(Date.parse(during)).toBeGreaterThan(Date.parse(before));
    expect(await code(AUTHORIZE, { order_id: id, source: 'card_2' })).toBe('CONFLICT');
    const [entry] = await gatewayEntries(billhead.databaseUrl, 'card_pending');
    await press(entry?.reference ?? '', 'pay');
    await eventually(async () => (await readOrder(id)).status === 'NEW');
    expect(Date.parse((await readOrder(id)).updated_at)).toBeGreaterThan(Date.parse(during));
    expect((await billhead.ask(INVOICE_ORDER, { input: online(id) })).invoiceOrder.invoice.state).toBe('PAID');
  });

  test('holds nothing for an order that is cancelled whole', async () => {
    const id = await place(null);
    const items = [{ id: `${id}-1` }, { id: `${id}-2` }];
    const cancel = `mutation M($input: CancelOrderItemsInput!) { cancelOrderItems(input: $input) { order { status } } }`;
    const { cancelOrderItems } = await billhead.ask(cancel, { input: { order_id: id, items } });
    expect(cancelOrderItems.order.status).toBe('CANCELED');
    expect(await code(AUTHORIZE, { order_id: id, source: 'card_over' })).toBe('CONFLICT');
    expect(await gatewayEntries(billhead.databaseUrl, 'card_over')).toEqual([]);
  });

  test('needs the scope payments:write, and an order that is there', async () => {
    const key = await billhead.addMerchant('gw-shop', ['orders:write']);
    expect(await code(AUTHORIZE, { order_id: 'x', source: 'card_1' }, key)).toBe('FORBIDDEN');
    expect(await code(AUTHORIZE, { order_id: 'nowhere', source: 'card_1' })).toBe('NOT_FOUND');
  });
});
