// Amounts in Stripe's minor unit: exact, or refused.

import { expect, test } from 'vitest';
import { stripeAmount } from '../../src/adapters/stripe-amount.ts';

test.each([
  ['two decimals', 'EUR', 2420n, 2420],
  ['two decimals, in cash none', 'HUF', 104_500n, 104_500],
  ['two decimals, paid out without', 'TWD', 80_045n, 80_045],
  ['no decimals', 'JPY', 500n, 500],
  ['no decimals', 'KRW', 12_000n, 12_000],
  ['no decimals at Stripe alone', 'MGA', 50_000n, 500],
  ['two zeros at Stripe alone', 'ISK', 5n, 500],
  ['two zeros at Stripe alone', 'UGX', 5n, 500],
  ['three decimals, the last of them zero', 'BHD', 5120n, 5120],
  ['three decimals, the last of them zero', 'TND', 10n, 10],
  ['the most that a number carries', 'EUR', 9_007_199_254_740_991n, 9_007_199_254_740_991],
])('%s: %s %d is %d', (_, currency, money, amount) => {
  expect(stripeAmount(money, currency)).toEqual({ amount });
});

test.each([
  ['a third decimal that is not zero', 'BHD', 5124n, 'Stripe takes multiples of 10 in BHD, which 5124 is not'],
  ['a third decimal that is not zero', 'KWD', 1n, 'Stripe takes multiples of 10 in KWD, which 1 is not'],
  ['fractions of an ariary', 'MGA', 50_020n, 'Stripe takes multiples of 100 in MGA, which 50020 is not'],
  ['more than a number carries', 'EUR', 9_007_199_254_740_992n, 'Stripe takes no amount of 9007199254740992 in EUR'],
  [
    'more than a number carries, with zeros',
    'ISK',
    90_071_992_547_410n,
    'Stripe takes no amount of 90071992547410 in ISK',
  ],
  ['nothing', 'EUR', 0n, 'Stripe takes no amount of 0 in EUR'],
  ['less than nothing', 'EUR', -1n, 'Stripe takes no amount of -1 in EUR'],
  ['three decimals unknown to Stripe', 'IQD', 1000n, 'Stripe takes no IQD'],
  ['four decimals', 'CLF', 10_000n, 'Stripe takes no CLF'],
  ['an index that nobody pays with', 'UYI', 100n, 'Stripe takes no UYI'],
])('%s is refused: %s %d', (_, currency, money, refusal) => {
  expect(stripeAmount(money, currency)).toEqual({ refusal });
});
