// placeOrder against the real server: what comes in, what is refused with which reasons, and that it can be repeated.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct();
});
afterAll(() => billhead.close());

const place = async (input: object) => (await billhead.ask(PLACE_ORDER, { input })).placeOrder.order;
const refused = (input: object) => billhead.refusal(PLACE_ORDER, { input });
const orderCount = async () => (await billhead.ask('{ orders(first: 1) { total_count } }')).orders.total_count;

test('an order is placed with its totals, VAT rounded once a rate', async () => {
  const rows = [6833, 6833, 5750, 8500].map((unitPrice, index) =>
    item({ id: `vat-${index}`, quantity: 1, unit_price: unitPrice, vat_rate: '20' }),
  );
  expect(await place(order('vat', { items: rows }))).toMatchObject({
    total_ex_vat: 27_916,
    total_vat: 5583,
    total: 33_499,
  });
});

test('placing the same order again answers the one that is there and changes nothing', async () => {
  const first = await place(order('again'));
  const count = await orderCount();
  expect(await place(order('again'))).toEqual(first);
  expect(await orderCount()).toBe(count);
});

test('another order under the same id, number or item id is a conflict that names each of them', async () => {
  await place(order('one'));
  const same = await refused(order('one', { items: [item({ id: 'one-1', unit_price: 1 })] }));
  expect(same.extensions).toMatchObject({ code: 'CONFLICT', faults: [{ path: ['id'] }] });
  const other = await refused(order('two', { number: 'ONE', items: [item({ id: 'one-1' })] }));
  expect(other.extensions).toMatchObject({
    code: 'CONFLICT',
    faults: [{ path: ['number'] }, { path: ['items', 0, 'id'] }],
  });
});

test('an order is the same with its defaults spelled out, and another one with anything else changed', async () => {
  await place(order('spelled', { number: 'spelled', items: [item({ id: 'spelled-1' })] }));
  const { number: _, ...rest } = order('spelled', { items: [item({ id: 'spelled-1', kind: 'PRODUCT', discount: 0 })] });
  expect(await place({ ...rest, is_including_vat: false, shipping_address: null })).toMatchObject({ id: 'spelled' });
  const address = { street: 'Elsewhere 1', city: 'Utrecht', country: 'NL' };
  for (const changes of [
    { billing_address: address },
    { shipping_address: address },
    { placed_at: '2026-01-01T00:00:00Z' },
    { payment: { method: 'card' } },
    { items: [item({ id: 'spelled-1', is_virtual: true })] },
    { items: [item({ id: 'spelled-1', is_whole_number: false })] },
  ]) {
    const { extensions } = await refused({ ...order('spelled', { number: 'spelled' }), ...changes });
    expect({ changes, code: extensions.code }).toEqual({ changes, code: 'CONFLICT' });
  }
});

test('the same order placed twenty times at once is placed once', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => place(order('race'))));
  expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(['race']));
});

test('an order without ids gets ids and a number', async () => {
  const { id: _, number: __, ...input } = order('nameless', { items: [item()] });
  const placed = await place(input);
  expect(placed.id).not.toBe('');
  expect(placed.number).not.toBe('');
  expect(placed.items[0].id).not.toBe('');
});

test('under reverse charge a standard rated row becomes AE without VAT, and tells the reason in the customer’s language', async () => {
  await place(order('shifted', { is_vat_shifted: true }));
  const shifted = await billhead.ask(
    '{ order(id: "shifted") { total_vat total items { vat_category vat_rate } vat { reason } } }',
  );
  expect(shifted.order).toEqual({
    total_vat: 0,
    total: 2000,
    items: [{ vat_category: 'AE', vat_rate: '0' }],
    vat: [{ reason: 'Btw verlegd' }],
  });
});

describe('every fault of an order is reported at once, and nothing is placed', () => {
  test('prices, quantities, discounts, VAT, currency, countries and texts', async () => {
    const count = await orderCount();
    const { message, extensions } = await refused(
      order('bad', {
        currency: 'EURO',
        customer: { id: ' ', name: 'x\u0007', email: 'nobody', locale: 'no such locale' },
        billing_address: { street: 'Street 1', city: '', country: 'Nederland' },
        items: [
          item({ id: 'bad-1', quantity: 1.5 }),
          item({ id: 'bad-1', unit_price: -1 }),
          item({ kind: 'DISCOUNT', unit_price: 1 }),
          item({ discount: 2001 }),
          item({ discount: -1 }),
          item({ quantity: 0 }),
          item({ vat_rate: '0' }),
          item({ vat_category: 'E' }),
          item({ vat_rate: '101' }),
          item({ price_base_quantity: 0 }),
          item({ name: 'a\ud800b' }),
          item({ name: '\u200b' }),
        ],
      }),
    );
    expect(extensions.code).toBe('BAD_USER_INPUT');
    expect(message).toContain('customer.id');
    expect(extensions.faults?.map(({ path }) => path.join('.'))).toEqual([
      'customer.id',
      'customer.name',
      'customer.email',
      'customer.locale',
      'currency',
      'billing_address.city',
      'billing_address.country',
      'items.0.quantity',
      'items.1.unit_price',
      'items.1.id',
      'items.2.unit_price',
      'items.3.discount',
      'items.4.discount',
      'items.5.quantity',
      'items.6.vat_rate',
      'items.7.vat_rate',
      'items.8.vat_rate',
      'items.9.price_base_quantity',
      'items.10.name',
      'items.11.name',
    ]);
    expect(await orderCount()).toBe(count);
  });

  test.each([
    ['no rows', order('none', { items: [] }), 'items'],
    ['ten thousand rows', order('many', { items: Array.from({ length: 10_000 }, () => item()) }), 'items'],
    [
      'discounts above the rest',
      order('minus', { items: [item(), item({ kind: 'DISCOUNT', unit_price: -1001 })] }),
      'items',
    ],
    [
      'a row of more than 2^53 cents',
      order('huge', { items: [item({ unit_price: Number.MAX_SAFE_INTEGER })] }),
      'items',
    ],
  ])('%s', async (_, input, path) => {
    const { extensions } = await refused(input);
    expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT', faults: [{ path: [path] }] });
  });

  test.each([
    ['2^53 cents', { unit_price: 2 ** 53 }],
    ['a fraction of a cent', { unit_price: 10.5 }],
    ['more than four decimals', { quantity: 0.12345 }],
    ['a rate that is no decimal', { vat_rate: 'a lot' }],
  ])('%s in a variable', async (_, changes) => {
    const { extensions } = await refused(order('scalar', { items: [item(changes)] }));
    expect(extensions.code).toBe('BAD_USER_INPUT');
  });

  test.each(['9999-12-31T23:59:59-23:59', '2026-02-30T00:00:00Z', '2026-11-21', 'now'])(
    'placed_at %s',
    async (instant) => {
      expect((await refused(order('time', { placed_at: instant }))).extensions.code).toBe('BAD_USER_INPUT');
    },
  );

  test('2^53 cents in the document itself has the same code', async () => {
    const query = `mutation { placeOrder(input: {
      id: "literal", customer: { id: "c", name: "C" }, currency: "EUR",
      billing_address: { street: "S 1", city: "C", country: "NL" },
      items: [{ name: "Row", quantity: 1, unit_price: 9007199254740992, vat_rate: "21" }] }) { order { id } } }`;
    expect((await billhead.refusal(query)).extensions.code).toBe('BAD_USER_INPUT');
  });
});

test('the largest amount that a JSON number keeps exact comes back as it went in', async () => {
  const items = [
    item({ id: 'large-1', quantity: 1, unit_price: 9_007_199_254_740_991, vat_category: 'Z', vat_rate: '0' }),
  ];
  expect(await place(order('large', { items }))).toMatchObject({ total: 9_007_199_254_740_991 });
});

test('shipping refuses what is not there, twice or too much, with every reason at once', async () => {
  await place(order('ship', { items: [item({ id: 'ship-1' }), item({ id: 'ship-2' })] }));
  const SHIP =
    'mutation($input: ShipItemsInput!) { shipItems(input: $input) { order { status items { quantity_shipped } } } }';
  const items = [{ id: 'ship-1', quantity: 3 }, { id: 'nowhere' }, { id: 'ship-2', quantity: 0.5 }, { id: 'ship-2' }];
  const { extensions } = await billhead.refusal(SHIP, { input: { order_id: 'ship', items } });
  expect(extensions.code).toBe('BAD_USER_INPUT');
  expect(extensions.faults?.map(({ path }) => path.join('.'))).toEqual([
    'items.0.quantity',
    'items.1.id',
    'items.2.quantity',
    'items.3.id',
  ]);
  const shipped = await billhead.ask(SHIP, { input: { order_id: 'ship' } });
  expect(shipped.shipItems.order.items).toEqual([{ quantity_shipped: 2 }, { quantity_shipped: 2 }]);
  expect((await billhead.refusal(SHIP, { input: { order_id: 'ship' } })).extensions.code).toBe('CONFLICT');
  expect((await billhead.refusal(SHIP, { input: { order_id: 'none' } })).extensions.code).toBe('NOT_FOUND');
});
