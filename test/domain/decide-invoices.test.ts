// Deciding invoicing requests: dates and series in the merchant's day, lists as if one after the other, repeats.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideInvoices, type InvoiceRequest } from '../../src/domain/decide-invoices.ts';
import { numberPatternFault, numberShape } from '../../src/domain/invoice-number.ts';
import { invoiceability, orderActions } from '../../src/domain/invoiceability.ts';
import { DEMO_MERCHANT } from '../../src/sample-data/demo-merchant.ts';
import { facts, NOON, placed, row } from './orders.ts';

const request = (invoiceId: string, ...itemIds: string[]): InvoiceRequest => ({
  invoiceId,
  itemIds,
  requestHash: JSON.stringify(itemIds),
});

describe('the day, the due date and the year of the number are those of the merchant’s time zone', () => {
  test.each([
    ['2026-12-31T22:59:59Z', 'Europe/Amsterdam', '2026-12-31', '2027-01-14', 2026],
    ['2026-12-31T23:00:00Z', 'Europe/Amsterdam', '2027-01-01', '2027-01-15', 2027],
    ['2027-01-01T04:59:59Z', 'America/New_York', '2026-12-31', '2027-01-14', 2026],
    ['2028-02-28T11:00:00Z', 'Pacific/Auckland', '2028-02-29', '2028-03-14', 2028],
  ])('%s in %s is %s', (instant, timeZone, issueDate, dueDate, year) => {
    const merchant = { ...DEMO_MERCHANT, timeZone };
    const { invoices } = decideInvoices(
      [request('i', 'o-1')],
      facts([placed('o', [row()])], { merchant, now: new Date(instant) }),
    );
    expect(invoices[0]).toMatchObject({ year, invoice: { issueDate, dueDate, supplyDate: issueDate } });
  });

  test('an order is dated by the same days', () => {
    const order = placed('o', [row()], { placedAt: new Date('2026-05-31T22:30:00Z') });
    const { invoices } = decideInvoices([request('i', 'o-1')], facts([order]));
    expect(invoices[0]?.orders).toEqual([{ orderId: 'o', number: 'o', placedOn: '2026-06-01' }]);
  });

  test('the supply date is the day of the last shipment', () => {
    const { order, items } = placed('o', [row(), row(), row()]);
    const shipped = items.map((item, index) => ({
      ...item,
      shippedAt: [new Date('2026-05-20T10:00:00Z'), new Date('2026-05-24T10:00:00Z'), null][index] ?? null,
    }));
    const { invoices } = decideInvoices([request('i', 'o-1', 'o-2', 'o-3')], facts([{ order, items: shipped }]));
    expect(invoices[0]?.invoice.supplyDate).toBe('2026-05-24');
  });
});

describe('numbers', () => {
  test.each([
    ['{year}-{sequence:6}', 2026, { before: '2026-', width: 6, after: '' }],
    ['F{sequence}/{year}', 2027, { before: 'F', width: 1, after: '/2027' }],
    ['{year}{sequence:12}$&', 2027, { before: '2027', width: 12, after: '$&' }],
  ])('%s', (pattern, year, shape) => {
    expect(numberPatternFault(pattern)).toBeNull();
    expect(numberShape(pattern, year)).toEqual(shape);
  });

  test.each(['{year}', '{sequence}', '{year}{sequence}{sequence}', '{year}-{month}-{sequence}'])(
    '%s is refused',
    (pattern) => {
      expect(numberPatternFault(pattern)).not.toBeNull();
    },
  );
});

test('of an order in payment review nothing can be invoiced, shipped or taken back', () => {
  const { order, items } = placed('o', [row()]);
  const reviewed = { order: { ...order, isInPaymentReview: true }, items };
  expect(orderActions(reviewed)).toEqual([]);
  const [item] = items;
  expect(item && invoiceability(reviewed.order, item)).toMatchObject({
    quantity: 0n,
    blockers: [{ code: 'PAYMENT_REVIEW' }],
  });
});

describe('a list of requests', () => {
  const orders = [placed('a', [row(), row()]), placed('b', [row()])];

  test('gives each the answer that it would have got alone after the ones before it', () => {
    const requests = [
      request('i1', 'a-1', 'b-1'),
      request('i2', 'a-1'),
      request('i1', 'a-1', 'b-1'),
      request('i1', 'a-2'),
      request('i3', 'a-2'),
    ];
    const { outcomes, invoices } = decideInvoices(requests, facts(orders));
    expect(outcomes.map((outcome) => (outcome.kind === 'refused' ? outcome.refusal.code : outcome.kind))).toEqual([
      'issued',
      'NOT_INVOICEABLE',
      'repeated',
      'CONFLICT',
      'issued',
    ]);
    expect(invoices.map(({ invoice }) => invoice.id)).toEqual(['i1', 'i3']);
  });

  test('leaves what one call after the other would have left, for any baskets', () => {
    const ids = orders.flatMap(({ items }) => items.map(({ id }) => id));
    const baskets = fc.array(fc.subarray(ids, { minLength: 1 }), { maxLength: 6 });
    fc.assert(
      fc.property(baskets, (given) => {
        const requests = given.map((items, index) => request(`i${index}`, ...items));
        const together = decideInvoices(requests, facts(orders));
        let state = [...orders];
        const alone = requests.map((one) => {
          const decision = decideInvoices([one], facts(state));
          state = state.map((order) => decision.orders.find((changed) => changed.order.id === order.order.id) ?? order);
          return decision;
        });
        expect(together.outcomes.map(({ kind }) => kind)).toEqual(
          alone.flatMap(({ outcomes }) => outcomes.map(({ kind }) => kind)),
        );
        expect(together.invoices).toEqual(alone.flatMap(({ invoices }) => invoices));
        for (const order of together.orders) expect(state).toContainEqual(order);
      }),
    );
  });
});

test('the same items give the same document however they were listed', () => {
  const early = placed('z', [row({ name: 'first' })], { placedAt: new Date('2026-01-01T00:00:00Z') });
  const late = placed('a', [row({ name: 'second' }), row({ name: 'third' })], { placedAt: NOON });
  const document = (...ids: string[]) =>
    decideInvoices([request('i', ...ids)], facts([late, early])).invoices[0]?.lines;
  expect(document('a-2', 'z-1', 'a-1')?.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
  expect(document('a-2', 'z-1', 'a-1')).toEqual(document('z-1', 'a-1', 'a-2'));
});
