// Money at the gateway while calls are under way: what is on its way is never taken, given or promised twice.

import { describe, expect, test } from 'vitest';
import { newCall, underReview, type GatewayCall, type GatewayCallStatus } from '../../src/domain/gateway-call.ts';
import { planCapture, planRefund, planVoid, type InvoiceWithMoney } from '../../src/domain/online-payment.ts';
import { requireAnswered } from '../../src/actions/call-gateway.ts';
import { settleCall } from '../../src/domain/settle-gateway-call.ts';
import { Refusal } from '../../src/domain/errors.ts';
import { drawUp } from '../../src/domain/decide-invoices.ts';
import { ONE } from '../../src/domain/money.ts';
import { refundOf } from '../../src/domain/refund.ts';
import { takeFromOrders } from '../../src/domain/issue-invoice.ts';
import { facts, placed, row } from './orders.ts';

const now = new Date('2026-06-01T12:00:00Z');
let ids = 0;
const context = { merchantId: 'm', gateway: 'test', now, nextId: () => `call-${(ids += 1)}` };

function call(kind: GatewayCall['kind'], status: GatewayCallStatus, amount: bigint, more: Partial<GatewayCall> = {}) {
  const made = newCall({ kind, invoiceId: 'i', orderIds: ['o'], amount, currency: 'EUR', source: 'auth_1' }, context);
  return { ...made, status, reference: 'ref', ...more };
}

/** An invoice of 2 × 10.00 and its VAT of 21 %, 24.20 in all, with these calls. */
function invoiced(calls: readonly GatewayCall[], amountPaid = 0n): InvoiceWithMoney {
  const { order, items } = placed('o', [row({ quantity: 2n * ONE })]);
  const holding = { ...order, paymentAuthorization: 'auth_1' };
  const picked = items.map((item) => ({ order: holding, item, quantity: item.quantity }));
  const { invoice, lines } = drawUp({ invoiceId: 'i', requestHash: 'h' }, picked, facts([{ order: holding, items }]));
  return {
    invoice: { ...invoice, number: '2026-000001', amountPaid, state: amountPaid === 2420n ? 'PAID' : 'OPEN' },
    lines,
    orders: takeFromOrders(picked, [{ order: holding, items }], now),
    calls,
  };
}

function refusal(plan: () => unknown): string {
  try {
    plan();
    return 'none';
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}

describe('a capture', () => {
  test('takes what is due, less what another call is about to bring', () => {
    expect(planCapture(invoiced([]), context)).toMatchObject([{ kind: 'CAPTURE', amount: 2420n, source: 'auth_1' }]);
    expect(planCapture(invoiced([call('CAPTURE', 'FAILED', 2420n)]), context)).toMatchObject([{ amount: 2420n }]);
    for (const status of ['ASKED', 'PENDING'] as const) {
      expect(planCapture(invoiced([call('CAPTURE', status, 1000n)]), context)).toMatchObject([{ amount: 1420n }]);
      const elsewhere = call('CAPTURE', status, 2000n, { orderIds: ['another order'] });
      expect(planCapture(invoiced([elsewhere]), context)).toMatchObject([{ amount: 420n }]);
    }
  });
});

describe('a refund', () => {
  const captured = call('CAPTURE', 'SUCCEEDED', 2420n);

  test('gives back at most what was paid and neither refunded nor about to be', () => {
    expect(planRefund(invoiced([captured], 2420n), 2420n, context)).toMatchObject([{ amount: 2420n, source: 'ref' }]);
    for (const kind of ['REFUND', 'VOID'] as const) {
      const underWay = call(kind, 'ASKED', 2000n, { targetId: captured.id });
      expect(refusal(() => planRefund(invoiced([captured, underWay], 2420n), 421n, context))).toBe('BAD_USER_INPUT');
      expect(planRefund(invoiced([captured, underWay], 2420n), 420n, context)).toMatchObject([{ amount: 420n }]);
      // By other means as well: the same money is not given back by two.
      expect(refusal(() => refundOf(invoiced([captured, underWay], 2420n), 421n))).toBe('BAD_USER_INPUT');
      expect(refundOf(invoiced([captured, underWay], 2420n), 420n)).toBe(420n);
    }
  });

  test('takes the newest capture first, and each for no more than it brought', () => {
    const first = call('CAPTURE', 'SUCCEEDED', 1420n, { reference: 'first' });
    const second = call('CHECKOUT', 'SUCCEEDED', 1000n, { reference: 'second' });
    expect(planRefund(invoiced([first, second], 2420n), 1500n, context)).toMatchObject([
      { amount: 1000n, source: 'second', targetId: second.id },
      { amount: 500n, source: 'first', targetId: first.id },
    ]);
  });

  test('asks nothing of a gateway that did not bring the money', () => {
    const elsewhere = call('CAPTURE', 'SUCCEEDED', 2420n, { gateway: 'another' });
    expect(refusal(() => planRefund(invoiced([elsewhere], 2420n), 1n, context))).toBe('BAD_USER_INPUT');
    expect(refusal(() => planVoid(invoiced([elsewhere], 2420n), context))).toBe('INVOICE_NOT_VOIDABLE');
  });
});

test('a refund without an answer is not to be asked for again unread: it would be a second one', () => {
  const message = (kind: GatewayCall['kind']) => {
    try {
      requireAnswered([call(kind, 'ASKED', 1n)]);
    } catch (error) {
      return error instanceof Refusal ? error.message : '';
    }
    return '';
  };
  expect(message('REFUND')).toMatch(/read the invoice before you ask again/);
  expect(message('CAPTURE')).toMatch(/the same call again asks/);
});

describe('a void', () => {
  test('is not begun twice, also where no order is under review', () => {
    const captured = call('CHECKOUT', 'SUCCEEDED', 2420n);
    const locked = { ...invoiced([captured], 2420n), orders: [] };
    expect(planVoid(locked, context)).toHaveLength(1);
    const underWay = call('VOID', 'PENDING', 2420n, { targetId: captured.id });
    const calls = [captured, underWay];
    expect(refusal(() => planVoid({ ...locked, calls }, context))).toBe('INVOICE_NOT_VOIDABLE');
  });
});

describe('money that came too much', () => {
  const came = call('CHECKOUT', 'SUCCEEDED', 1000n);
  const giveBack = () => call('GIVE_BACK', 'ASKED', 1000n, { targetId: came.id, source: 'pi_1' });
  const declined = { status: 'FAILED', reference: 'r', reason: 'no balance' } as const;

  test('that the gateway does not give back is asked for again, by another call and later each time', () => {
    const calls = [came];
    const waits = Array.from({ length: 14 }, () => {
      const current = giveBack();
      calls.push(current);
      const { next, invoice, payments } = settleCall(current, declined, invoiced(calls, 2420n), context);
      expect([payments, invoice.amountPaid]).toEqual([[], 2420n]);
      expect(next).toMatchObject([
        { kind: 'GIVE_BACK', status: 'ASKED', targetId: came.id, source: 'pi_1', amount: 1000n },
      ]);
      expect(next[0]?.id).not.toBe(current.id);
      return ((next[0]?.dueAt?.getTime() ?? 0) - now.getTime()) / 60_000;
    });
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8]);
    expect(waits.at(-1)).toBe(24 * 60);
  });

  test('is VOIDED once it went back', () => {
    const current = giveBack();
    const answer = { status: 'SUCCEEDED', reference: 'r', reason: null } as const;
    const { next, payments } = settleCall(current, answer, invoiced([came, current], 2420n), context);
    expect([next, payments]).toMatchObject([[], [{ id: came.id, status: 'VOIDED' }]]);
  });
});

describe('payment review', () => {
  test.each([
    ['AUTHORIZE', true],
    ['CAPTURE', true],
    ['VOID', true],
    ['REFUND', false],
    ['CHECKOUT', false],
    ['GIVE_BACK', false],
  ] as const)('while a %s is under way: %s', (kind, isReviewed) => {
    const [{ order } = placed('o', [])] = invoiced([]).orders;
    for (const status of ['ASKED', 'PENDING'] as const) {
      expect(underReview(order, [call(kind, status, 1n)]).isInPaymentReview).toBe(isReviewed);
      expect(underReview(order, [call(kind, status, 1n, { orderIds: ['p'] })]).isInPaymentReview).toBe(false);
    }
    const reviewed = { ...order, isInPaymentReview: true };
    for (const status of ['SUCCEEDED', 'FAILED'] as const) {
      expect(underReview(reviewed, [call(kind, status, 1n)]).isInPaymentReview).toBe(false);
    }
  });
});
