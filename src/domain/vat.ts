// VAT of an order: per (category, rate) group, rounded once, spread over the items to the cent.
//
// 1. Prices without VAT: group VAT = round(Σ net × rate). Prices with VAT: group VAT = round(Σ gross × rate / (100 + rate)).
// 2. A group's VAT is spread over its items by largest remainder, ties to the earlier item.
// 3. It is computed once, when the order is placed. Invoices and credits take shares of what is stored here.

import { divideRounded, ONE, spreadByLargestRemainder, sum, type Money, type VatRate } from './money.ts';

/**
 * EN 16931 / UNCL 5305: S standard (any rate above 0), Z zero rated, E exempt, AE reverse charge,
 * K intra-community supply, G export, O out of scope.
 */
export type VatCategory = 'S' | 'Z' | 'E' | 'AE' | 'K' | 'G' | 'O';

export const VAT_CATEGORIES: readonly VatCategory[] = ['S', 'Z', 'E', 'AE', 'K', 'G', 'O'];

const HUNDRED_PERCENT: VatRate = 100n * ONE;

/** What a row is charged: VAT category, its rate, and the reason that must be printed when there is no VAT. */
export interface VatTerms {
  readonly vatCategory: VatCategory;
  readonly vatRate: VatRate;
  readonly vatReason: string | null;
}

export interface NetAndVat {
  readonly totalExVat: Money;
  readonly totalVat: Money;
}

/** One row of a VAT breakdown. */
export interface VatAmount extends VatTerms {
  readonly totalExVat: Money;
  readonly amount: Money;
}

/**
 * Net and VAT of each row, in the order given.
 * `rowTotal` is as priced: with VAT when `isIncludingVat`, without it otherwise.
 */
export function chargeVat(
  rows: readonly (VatTerms & { readonly rowTotal: Money })[],
  isIncludingVat: boolean,
): readonly NetAndVat[] {
  const charged = rows.map((row): NetAndVat => ({ totalExVat: row.rowTotal, totalVat: 0n }));
  for (const indexes of groupIndexes(rows)) {
    const rate = rows[indexes[0] ?? 0]?.vatRate ?? 0n;
    const denominator = isIncludingVat ? HUNDRED_PERCENT + rate : HUNDRED_PERCENT;
    const weights = indexes.map((index) => (rows[index]?.rowTotal ?? 0n) * rate);
    const parts = spreadByLargestRemainder(divideRounded(sum(weights), denominator), weights, denominator);
    indexes.forEach((index, place) => {
      const rowTotal = rows[index]?.rowTotal ?? 0n;
      const totalVat = parts[place] ?? 0n;
      charged[index] = { totalExVat: isIncludingVat ? rowTotal - totalVat : rowTotal, totalVat };
    });
  }
  return charged;
}

/** The VAT breakdown of rows whose amounts are fixed already: sums a (category, rate), dearest rate first. */
export function vatBreakdown(rows: readonly (VatTerms & NetAndVat)[]): readonly VatAmount[] {
  return groupIndexes(rows)
    .map((indexes) => {
      const group = indexes.flatMap((index) => rows[index] ?? []);
      const reasons = [...new Set(group.flatMap((row) => row.vatReason ?? []))];
      return {
        vatCategory: group[0]?.vatCategory ?? 'S',
        vatRate: group[0]?.vatRate ?? 0n,
        vatReason: reasons.length === 0 ? null : reasons.join('; '),
        totalExVat: sum(group.map((row) => row.totalExVat)),
        amount: sum(group.map((row) => row.totalVat)),
      };
    })
    .sort((a, b) => (a.vatRate === b.vatRate ? 0 : a.vatRate > b.vatRate ? -1 : 1));
}

function groupIndexes(rows: readonly VatTerms[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  rows.forEach((row, index) => {
    const key = `${row.vatCategory} ${row.vatRate}`;
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  });
  return [...groups.values()];
}
