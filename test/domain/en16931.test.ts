// Public EN 16931 invoices, recomputed by the domain's rules: row totals, VAT by group, totals, all to the cent.

import { describe, expect, test } from 'vitest';
import { decimalText, divideRounded, parseDecimal, sum, type Money } from '../../src/domain/money.ts';
import { chargeVat, vatBreakdown } from '../../src/domain/vat.ts';
import { byCategoryAndRate, en16931Orders } from '../data/en16931.ts';
import type { PlaceOrderItemJson } from '../../src/sample-data/northwind.ts';

const cases = en16931Orders();
const applicable = cases.flatMap(({ order, expected, case: { id, number } }) =>
  order ? [{ id, number, order, expected }] : [],
);

test('75 cases are read, and at least 60 of them are orders of the product', () => {
  expect(cases).toHaveLength(75);
  expect(applicable.length).toBeGreaterThanOrEqual(60);
});

test('every case that is no order says why', () => {
  for (const { order, whyNot } of cases) expect(order === null).toBe(whyNot !== null);
});

describe('an order of the case comes to the totals and the VAT breakdown of the invoice', () => {
  test.each(applicable)('$id ($number)', ({ order, expected }) => {
    const rows = order.items.map((item) => ({
      vatCategory: item.vat_category,
      vatRate: tenThousandths(item.vat_rate),
      vatReason: item.vat_reason ?? null,
      rowTotal: rowTotal(item),
    }));
    const charged = chargeVat(rows, order.is_including_vat);
    const breakdown = vatBreakdown(rows.map((row, index) => ({ ...row, ...(charged[index] ?? NOTHING) })));
    const totalExVat = sum(charged.map((row) => row.totalExVat));
    const totalVat = sum(charged.map((row) => row.totalVat));
    expect({
      totalExVat,
      totalVat,
      total: totalExVat + totalVat,
      vat: breakdown
        .map((group) => ({
          category: group.vatCategory,
          rate: decimalText(group.vatRate),
          taxable: group.totalExVat,
          amount: group.amount,
        }))
        .sort(byCategoryAndRate),
    }).toEqual(expected);
  });
});

const NOTHING = { totalExVat: 0n, totalVat: 0n };

function rowTotal(item: PlaceOrderItemJson): Money {
  const quantity = tenThousandths(String(item.quantity));
  const base = tenThousandths(String(item.price_base_quantity ?? 1));
  return divideRounded(quantity * BigInt(item.unit_price), base) - BigInt(item.discount ?? 0);
}

function tenThousandths(text: string): bigint {
  const value = parseDecimal(text);
  if (value === null) throw new Error(`"${text}" is not a decimal of at most four decimals.`);
  return value;
}
