// invoiceItems against the real server: what it takes, what it refuses, and that nothing happens twice.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

const ORDER = `query Order($id: String!) {
  order(id: $id) {
    status
    actions { action ids }
    items { id quantity_invoiced invoiceability { quantity blockers { code } } }
  }
}`;

async function place(...orders: readonly object[]): Promise<void> {
  for (const input of orders) await billhead.ask(PLACE_ORDER, { input });
}

const invoice = async (items: readonly string[], invoiceId?: string) =>
  (await billhead.ask(INVOICE_ITEMS, { input: { items, invoice_id: invoiceId } })).invoiceItems.invoice;

const refused = (items: readonly string[], invoiceId?: string) =>
  billhead.refusal(INVOICE_ITEMS, { input: { items, invoice_id: invoiceId } });

const codes = async (items: readonly string[]) =>
  (await refused(items)).extensions.blockers?.map(({ code, item_id: id }) => `${id} ${code}`);

test('items of two orders of one customer become one invoice, to the cent, and are invoiced once only', async () => {
  await place(
    order('a', { items: [item({ id: 'a-1' }), item({ id: 'a-2', vat_rate: '9', unit_price: 333 })] }),
    order('b', { items: [item({ id: 'b-1', quantity: 3, unit_price: 699, discount: 100 })] }),
  );
  const issued = await invoice(['b-1', 'a-1', 'a-2']);
  expect(issued).toMatchObject({ total_ex_vat: 2000 + 666 + 1997, total_vat: 420 + 60 + 419, total: 5562 });
  expect(issued.lines.map((line: { order_item_id: string }) => line.order_item_id)).toEqual(['a-1', 'a-2', 'b-1']);
  expect(issued.vat).toEqual([
    { category: 'S', rate: '21', total_ex_vat: 3997, amount: 839 },
    { category: 'S', rate: '9', total_ex_vat: 666, amount: 60 },
  ]);
  expect(await codes(['a-1', 'b-1'])).toEqual(['a-1 ALREADY_INVOICED', 'b-1 ALREADY_INVOICED']);
});

test('actions list exactly the items that can be invoiced, and none once all are', async () => {
  await place(order('c', { items: [item({ id: 'c-1' }), item({ id: 'c-2' })] }));
  const before = await billhead.ask(ORDER, { id: 'c' });
  expect(before.order.actions).toContainEqual({ action: 'INVOICE', ids: ['c-1', 'c-2'] });
  await invoice(['c-1']);
  const between = await billhead.ask(ORDER, { id: 'c' });
  expect(between.order.actions).toContainEqual({ action: 'INVOICE', ids: ['c-2'] });
  expect(between.order.items[0].invoiceability).toEqual({ quantity: 0, blockers: [{ code: 'ALREADY_INVOICED' }] });
  await invoice(['c-2']);
  const after = await billhead.ask(ORDER, { id: 'c' });
  expect(after.order.actions.map(({ action }: { action: string }) => action)).toEqual(['SHIP', 'CANCEL']);
});

test('under AFTER_SHIPMENT what was shipped is invoiced, part by part, and carriage goes with the first shipment', async () => {
  const items = [
    item({ id: 's-1', quantity: 3, unit_price: 333 }),
    item({ id: 's-ship', kind: 'SHIPPING', quantity: 1, unit_price: 500 }),
  ];
  await place(order('s', { invoicing_policy: 'AFTER_SHIPMENT', items }));
  expect(await codes(['s-1', 's-ship'])).toEqual(['s-1 NOT_SHIPPED', 's-ship NOT_SHIPPED']);
  const ship = (quantity: number) =>
    billhead.ask('mutation($i: ShipItemsInput!) { shipItems(input: $i) { order { status } } }', {
      i: { order_id: 's', items: [{ id: 's-1', quantity }] },
    });
  await ship(1);
  expect(await invoice(['s-1', 's-ship'])).toMatchObject({ total_ex_vat: 333 + 500 });
  expect(await codes(['s-1'])).toEqual(['s-1 NOT_SHIPPED']);
  await ship(2);
  expect(await invoice(['s-1'])).toMatchObject({ total_ex_vat: 666 });
  expect((await billhead.ask(ORDER, { id: 's' })).order).toMatchObject({
    status: 'COMPLETE',
    actions: [{ action: 'RETURN', ids: ['s-1', 's-ship'] }],
  });
});

test('an order on hold is not invoiced until it is released', async () => {
  await place(order('h'));
  const set = (verb: 'hold' | 'release') =>
    billhead.ask(`mutation { ${verb}Order(input: { order_id: "h" }) { order { status } } }`);
  expect((await set('hold')).holdOrder.order.status).toBe('ON_HOLD');
  expect(await codes(['h-1'])).toEqual(['h-1 ON_HOLD']);
  expect((await billhead.ask(ORDER, { id: 'h' })).order.actions).toEqual([{ action: 'CANCEL', ids: ['h-1'] }]);
  expect((await set('release')).releaseOrder.order.status).toBe('NEW');
  expect(await invoice(['h-1'])).toMatchObject({ total: 2420 });
});

describe('the caller may choose the id of the invoice', () => {
  test('the same call again answers the same invoice and does nothing else', async () => {
    await place(order('r', { items: [item({ id: 'r-1' }), item({ id: 'r-2' })] }));
    const first = await invoice(['r-1', 'r-2'], 'chosen');
    expect(first.id).toBe('chosen');
    expect(await invoice(['r-2', 'r-1'], 'chosen')).toEqual(first);
  });

  test('with other items it is refused as a conflict', async () => {
    await place(order('t', { items: [item({ id: 't-1' }), item({ id: 't-2' })] }));
    await invoice(['t-1'], 'taken');
    expect((await refused(['t-2'], 'taken')).extensions.code).toBe('CONFLICT');
    expect((await billhead.ask(ORDER, { id: 't' })).order.items[1].quantity_invoiced).toBe(0);
  });

  test('the same call fifty times at once makes one invoice', async () => {
    await place(order('f'));
    const answers = await Promise.all(Array.from({ length: 50 }, () => invoice(['f-1'], 'fifty')));
    expect(new Set(answers.map(({ number }) => number)).size).toBe(1);
  });
});

describe('refused with every reason at once, nothing changed', () => {
  test('an empty list', async () => {
    const { extensions } = await refused([]);
    expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT', faults: [{ path: ['items'] }] });
  });

  test('ten thousand items', async () => {
    const { extensions } = await refused(Array.from({ length: 10_000 }, (_, index) => `x-${index}`));
    expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT', faults: [{ path: ['items'] }] });
  });

  test('a repeated id, an unknown id and another merchant’s id, which cannot be told from an unknown one', async () => {
    const otherKey = await billhead.addMerchant('other');
    await place(order('u'));
    await billhead.ask(PLACE_ORDER, { input: order('theirs') }, otherKey);
    const { message, extensions } = await refused(['u-1', 'nowhere', 'theirs-1', 'u-1']);
    expect(extensions.code).toBe('NOT_INVOICEABLE');
    expect(message).toContain('nowhere');
    expect(extensions.blockers).toEqual([
      { code: 'UNKNOWN_ITEM', message: 'There is no order item nowhere.', order_id: null, item_id: 'nowhere' },
      { code: 'UNKNOWN_ITEM', message: 'There is no order item theirs-1.', order_id: null, item_id: 'theirs-1' },
      { code: 'DUPLICATE_ITEM', message: 'Item u-1 is given twice.', order_id: 'u', item_id: 'u-1' },
    ]);
    expect(await invoice(['u-1'])).toMatchObject({ total: 2420 });
  });

  test('mixed customers, currencies and VAT modes', async () => {
    await place(
      order('m'),
      order('m-customer', { customer: { id: 'customer-2', name: 'Charles Babbage', locale: 'en' } }),
      order('m-currency', { currency: 'USD' }),
      order('m-including', { is_including_vat: true }),
      order('m-shifted', { is_vat_shifted: true }),
    );
    const items = ['m-1', 'm-customer-1', 'm-currency-1', 'm-including-1', 'm-shifted-1'];
    expect(await codes(items)).toEqual([
      'm-customer-1 OTHER_CUSTOMER',
      'm-currency-1 OTHER_CURRENCY',
      'm-including-1 OTHER_VAT_MODE',
      'm-shifted-1 OTHER_VAT_MODE',
    ]);
    expect(await invoice(['m-1'])).toMatchObject({ total: 2420 });
  });
});

test('a preview tells lines, totals and blockers, and saves nothing', async () => {
  await place(order('p', { items: [item({ id: 'p-1' }), item({ id: 'p-2', unit_price: 55 })] }));
  await invoice(['p-2']);
  const PREVIEW = `query Preview($input: InvoiceItemsInput!) {
    invoicePreview(input: $input) {
      blockers { code item_id } currency lines { id total } vat { rate amount } total_ex_vat total_vat total
    }
  }`;
  const preview = await billhead.ask(PREVIEW, { input: { items: ['p-1', 'p-2'] } });
  expect(preview.invoicePreview).toEqual({
    blockers: [{ code: 'ALREADY_INVOICED', item_id: 'p-2' }],
    currency: 'EUR',
    lines: [{ id: 'p-1', total: 2420 }],
    vat: [{ rate: '21', amount: 420 }],
    total_ex_vat: 2000,
    total_vat: 420,
    total: 2420,
  });
  expect(await invoice(['p-1'])).toMatchObject({ total: 2420 });
});

test('a preview refuses what is no amount, as the call itself would', async () => {
  const row = item({ quantity: 1, unit_price: Number.MAX_SAFE_INTEGER, vat_category: 'Z', vat_rate: '0' });
  await place(order('x1', { items: [{ ...row, id: 'x1-1' }] }), order('x2', { items: [{ ...row, id: 'x2-1' }] }));
  const input = { items: ['x1-1', 'x2-1'] };
  expect((await refused(input.items)).extensions.code).toBe('BAD_USER_INPUT');
  const preview = 'query P($input: InvoiceItemsInput!) { invoicePreview(input: $input) { total } }';
  expect((await billhead.refusal(preview, { input })).extensions.code).toBe('BAD_USER_INPUT');
});

test('what changes elsewhere later does not change an issued invoice', async () => {
  const customer = { id: 'mover', name: 'Grace Hopper', locale: 'en' };
  await place(order('v', { customer }));
  const { id } = await invoice(['v-1']);
  await place(order('w', { customer: { ...customer, name: 'Somebody Else', locale: 'de' } }));
  const document = await billhead.product.app.invoicesById(billhead.actor, [id]);
  expect(document[0]).toMatchObject({ locale: 'en', buyer: { name: 'Grace Hopper' } });
});
