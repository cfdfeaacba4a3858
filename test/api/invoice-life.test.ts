// The life of an issued invoice: cancelled, paid, archived, commented; each operation in every state.

import { readFile } from 'node:fs/promises';
import { buildSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TRANSITIONS } from '../../src/domain/invoice-state.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;
let count = 0;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

const operation = (name: string) => `mutation M($input: ${INPUTS[name] ?? 'InvoiceIdInput'}!) {
  ${name}(input: $input) {
    invoice { state is_archived comments { comment is_customer_notified is_visible_on_front }
      reimbursement { status amount_due amount_paid amount_refunded payments { method amount is_refund status } } }
  }
}`;
const INPUTS: Readonly<Record<string, string>> = {
  registerPayment: 'RegisterPaymentInput',
  addInvoiceComment: 'AddInvoiceCommentInput',
  refundPayment: 'RefundPaymentInput',
  sendInvoiceEmail: 'SendInvoiceEmailInput',
};

const run = async (name: string, input: object) => (await billhead.ask(operation(name), { input }))[name].invoice;
const refused = async (name: string, input: object) => (await billhead.refusal(operation(name), { input })).extensions;

/** An order of one row of 3 × 3.33 and one of 20.00 without VAT, both on an invoice of 36.28. */
async function issue(isAuthorised = false): Promise<string> {
  const id = `life-${(count += 1)}`;
  const items = [item({ id: `${id}-1`, quantity: 3, unit_price: 333 }), item({ id: `${id}-2` })];
  const payment = isAuthorised ? { method: 'card', authorization: `auth_${id}` } : null;
  await billhead.ask(PLACE_ORDER, { input: { ...order(id, { items }), payment } });
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`, `${id}-2`], invoice_id: id } });
  return id;
}

const TOTAL = 999 + 2000 + 630;

const pay = (invoiceId: string, amount: number) =>
  run('registerPayment', { invoice_id: invoiceId, amount, method: 'bank_transfer', reference: 'MT940 1' });

type State = 'OPEN' | 'OPEN, authorised' | 'PAID' | 'PAID online' | 'CANCELED';

async function issueIn(state: State): Promise<string> {
  const id = await issue(state === 'OPEN, authorised' || state === 'PAID online');
  if (state === 'PAID') await pay(id, TOTAL);
  if (state === 'PAID online') await run('captureInvoice', { invoice_id: id });
  if (state === 'CANCELED') await run('cancelInvoice', { invoice_id: id });
  return id;
}

describe('every operation in every state', () => {
  const NO_CAPTURE = 'INVOICE_NOT_CAPTURABLE';
  const NO_VOID = 'INVOICE_NOT_VOIDABLE';
  const NO_CANCEL = 'INVOICE_NOT_CANCELABLE';
  const ALL = { amount: TOTAL, method: 'cash' };
  const PART = { amount: 1, method: 'cash' };
  const ONLINE = { amount: 1, mode: 'ONLINE' };
  const UNTOUCHED = ['OPEN', 'OPEN', 'PAID', 'PAID', 'CANCELED'] as const;
  // The state that each makes of it, or the code that refuses it.
  const TABLE = [
    // operation         input             OPEN        OPEN, authorised  PAID        PAID online  CANCELED
    ['captureInvoice', {}, NO_CAPTURE, 'PAID', NO_CAPTURE, NO_CAPTURE, NO_CAPTURE],
    ['voidInvoice', {}, NO_VOID, NO_VOID, NO_VOID, 'CANCELED', NO_VOID],
    ['cancelInvoice', {}, 'CANCELED', 'CANCELED', NO_CANCEL, NO_CANCEL, NO_CANCEL],
    ['registerPayment', ALL, 'PAID', 'PAID', 'CONFLICT', 'CONFLICT', 'CONFLICT'],
    ['registerPayment', PART, 'OPEN', 'OPEN', 'CONFLICT', 'CONFLICT', 'CONFLICT'],
    ['refundPayment', {}, 'CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT'],
    ['refundPayment', { amount: 1 }, 'BAD_USER_INPUT', 'BAD_USER_INPUT', 'PAID', 'PAID', 'BAD_USER_INPUT'],
    ['refundPayment', ONLINE, 'BAD_USER_INPUT', 'BAD_USER_INPUT', 'BAD_USER_INPUT', 'PAID', 'BAD_USER_INPUT'],
    ['archiveInvoice', {}, ...UNTOUCHED],
    ['restoreInvoice', {}, ...UNTOUCHED],
    ['addInvoiceComment', { comment: 'x' }, ...UNTOUCHED],
    ['retryInvoicePdf', {}, ...UNTOUCHED],
    ['sendInvoiceEmail', { to: 'ada@example.com' }, ...UNTOUCHED],
  ] as const;
  const STATES: readonly State[] = ['OPEN', 'OPEN, authorised', 'PAID', 'PAID online', 'CANCELED'];
  const rows = TABLE.flatMap(([name, more, ...outcomes]) =>
    STATES.map((state, index) => ({ state, name, more, outcome: outcomes[index] })),
  );

  test.each(rows)('$state: $name $more → $outcome', async ({ state, name, more, outcome }) => {
    const id = await issueIn(state);
    const before = (await billhead.ask(`{ invoice(id: "${id}") { state } }`)).invoice.state;
    const { data, errors } = await billhead.graphql(operation(name), { input: { invoice_id: id, ...more } });
    expect(errors?.[0]?.extensions.code ?? data[name].invoice.state).toBe(outcome);
    const { invoice } = await billhead.ask(`{ invoice(id: "${id}") { state } }`);
    expect(invoice.state).toBe(errors ? before : outcome);
  });

  test.each(TABLE.map(([name, more]) => ({ name, more })))(
    '$name $more of an invoice that is not there is NOT_FOUND',
    async ({ name, more }) => {
      expect((await refused(name, { invoice_id: 'nowhere', ...more })).code).toBe('NOT_FOUND');
    },
  );

  test('is every operation on an issued invoice that there is, and every one with a transition', async () => {
    const tried = new Set<string>(TABLE.map(([name]) => name));
    const schema = buildSchema(await readFile(new URL('../../schema.graphql', import.meta.url), 'utf8'));
    const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
    const onInvoices = mutations.filter(({ type }) => String(type) === 'InvoicePayload!').map(({ name }) => name);
    expect([...tried].sort()).toEqual(onInvoices.sort());
    const withTransition = Object.keys(TRANSITIONS).map((key) => (key === 'registerPayment' ? key : `${key}Invoice`));
    const withoutTransition = [
      'refundPayment',
      'archiveInvoice',
      'restoreInvoice',
      'addInvoiceComment',
      'retryInvoicePdf',
      'sendInvoiceEmail',
    ];
    expect([...tried].sort()).toEqual([...withTransition, ...withoutTransition].sort());
  });
});

describe('cancelling', () => {
  test('gives every unit and cent back: the items go on another invoice with the same amounts', async () => {
    const id = await issue();
    const before = await billhead.ask(
      `{ invoice(id: "${id}") { number total lines { order_item_id total_ex_vat total_vat } } }`,
    );
    const cancelled = await run('cancelInvoice', { invoice_id: id });
    expect(cancelled.reimbursement).toMatchObject({ status: 'VOIDED', amount_due: 0 });
    const { order: freed } = await billhead.ask(
      `{ order(id: "${id}") { status actions { action ids } items { quantity_invoiced } } }`,
    );
    expect(freed).toMatchObject({ status: 'NEW', items: [{ quantity_invoiced: 0 }, { quantity_invoiced: 0 }] });
    expect(freed.actions).toContainEqual({ action: 'INVOICE', ids: [`${id}-1`, `${id}-2`] });
    const input = { items: [`${id}-1`, `${id}-2`] };
    const again = (await billhead.ask(INVOICE_ITEMS, { input })).invoiceItems.invoice;
    expect(again.number > before.invoice.number).toBe(true);
    expect(again.total).toBe(before.invoice.total);
    const amounts = again.lines.map(({ order_item_id, total_ex_vat, total_vat }: Record<string, unknown>) => ({
      order_item_id,
      total_ex_vat,
      total_vat,
    }));
    expect(amounts).toEqual(before.invoice.lines);
    const kept = await billhead.ask(`{ invoice(id: "${id}") { number state total } }`);
    expect(kept.invoice).toEqual({ number: before.invoice.number, state: 'CANCELED', total: before.invoice.total });
  });

  test('of one invoice leaves the others of the order as they are', async () => {
    const id = `life-${(count += 1)}`;
    await billhead.ask(PLACE_ORDER, {
      input: order(id, { items: [item({ id: `${id}-1` }), item({ id: `${id}-2` })] }),
    });
    for (const row of [1, 2]) {
      await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-${row}`], invoice_id: `${id}-i${row}` } });
    }
    await pay(`${id}-i2`, 2420);
    await run('cancelInvoice', { invoice_id: `${id}-i1` });
    const { invoice, order: rest } = await billhead.ask(
      `{ invoice(id: "${id}-i2") { state reimbursement { amount_paid } } order(id: "${id}") { items { quantity_invoiced } } }`,
    );
    expect(invoice).toEqual({ state: 'PAID', reimbursement: { amount_paid: 2420 } });
    expect(rest.items).toEqual([{ quantity_invoiced: 0 }, { quantity_invoiced: 2 }]);
  });

  test('twenty times at once happens once', async () => {
    const id = await issue();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => billhead.graphql(operation('cancelInvoice'), { input: { invoice_id: id } })),
    );
    const codes = answers.map(({ errors }) => errors?.[0]?.extensions.code ?? 'done');
    expect(codes.filter((code) => code === 'done')).toHaveLength(1);
    expect(new Set(codes)).toEqual(new Set(['done', 'INVOICE_NOT_CANCELABLE']));
  });

  test('one that was paid in part is refused: the money goes back first', async () => {
    const id = await issue();
    await pay(id, 1);
    expect((await refused('cancelInvoice', { invoice_id: id })).code).toBe('INVOICE_NOT_CANCELABLE');
  });
});

describe('payments', () => {
  test('in parts make an invoice PAID exactly when nothing is due any more', async () => {
    const id = await issue();
    expect((await pay(id, 1000)).reimbursement).toMatchObject({
      status: 'PARTIALLY_PAID',
      amount_due: TOTAL - 1000,
      amount_paid: 1000,
    });
    const { state, reimbursement } = await pay(id, TOTAL - 1000);
    expect(state).toBe('PAID');
    expect(reimbursement).toEqual({
      status: 'PAID',
      amount_due: 0,
      amount_paid: TOTAL,
      amount_refunded: 0,
      payments: [1000, TOTAL - 1000].map((amount) => ({
        method: 'bank_transfer',
        amount,
        is_refund: false,
        status: 'SUCCEEDED',
      })),
    });
  });

  test.each([0, -1, TOTAL + 1])('of %i are refused, with what is due', async (amount) => {
    const id = await issue();
    const { code, faults } = await refused('registerPayment', { invoice_id: id, amount, method: ' ' });
    expect(code).toBe('BAD_USER_INPUT');
    expect(faults?.map(({ path }) => path)).toEqual([['amount'], ['method']]);
  });

  test('at once never exceed what is due', async () => {
    const id = await issue();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        billhead.graphql(operation('registerPayment'), {
          input: { invoice_id: id, amount: Math.ceil(TOTAL / 3), method: 'cash' },
        }),
      ),
    );
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(2);
    const { invoice } = await billhead.ask(
      `{ invoice(id: "${id}") { reimbursement { amount_paid payments { amount } } } }`,
    );
    expect(invoice.reimbursement.amount_paid).toBe(2 * Math.ceil(TOTAL / 3));
    expect(invoice.reimbursement.payments).toHaveLength(2);
  });

  test('need the scope payments:write', async () => {
    const key = await billhead.addMerchant('clerk', ['invoices:write']);
    const input = { invoice_id: 'x', amount: 1, method: 'cash' };
    expect((await billhead.refusal(operation('registerPayment'), { input }, key)).extensions.code).toBe('FORBIDDEN');
  });
});

test('archiving hides nothing but the flag, twice as once, and restoring takes it back', async () => {
  const id = await issue();
  expect((await run('archiveInvoice', { invoice_id: id })).is_archived).toBe(true);
  expect((await run('archiveInvoice', { invoice_id: id })).is_archived).toBe(true);
  expect((await run('restoreInvoice', { invoice_id: id })).is_archived).toBe(false);
});

describe('comments', () => {
  test('keep their lines, their flags and their order', async () => {
    const id = await issue();
    await run('addInvoiceComment', { invoice_id: id, comment: 'First line\nsecond line' });
    const { comments } = await run('addInvoiceComment', {
      invoice_id: id,
      comment: 'Told',
      is_customer_notified: true,
      is_visible_on_front: true,
    });
    expect(comments).toEqual([
      { comment: 'First line\nsecond line', is_customer_notified: false, is_visible_on_front: false },
      { comment: 'Told', is_customer_notified: true, is_visible_on_front: true },
    ]);
  });

  test.each([' ', 'x'.repeat(2_001), 'bell \u0007'])('%j is refused', async (comment) => {
    const id = await issue();
    expect((await refused('addInvoiceComment', { invoice_id: id, comment })).code).toBe('BAD_USER_INPUT');
  });
});
