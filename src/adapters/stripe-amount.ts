// Amounts as Stripe wants them: its minor unit is not everywhere that of ISO 4217, which ours is.

import { currencyExponent } from '../domain/currency.ts';
import type { Money } from '../domain/money.ts';

/** Written without decimals at Stripe. The ariary has two of them in ISO 4217. */
const WITHOUT_DECIMALS = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
/** Written with two decimals at Stripe, always zeros, though ISO 4217 has none of them any more. */
const WITH_TWO_ZEROS = new Set(['ISK', 'UGX']);
/** Written with three decimals at Stripe, the last of which is always zero. */
const WITH_THREE_DECIMALS = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);

export type StripeAmount = { readonly amount: number } | { readonly refusal: string };

/** The amount in Stripe's minor unit, or why Stripe cannot carry it. Nothing is rounded. */
export function stripeAmount(money: Money, currency: string): StripeAmount {
  const exponent = stripeExponent(currency);
  if (exponent === null) return { refusal: `Stripe takes no ${currency}` };
  const shift = exponent - currencyExponent(currency);
  const divisor = 10n ** BigInt(Math.max(-shift, 0));
  const multiple = WITH_THREE_DECIMALS.has(currency) ? 10n : divisor;
  if (money % multiple !== 0n) {
    return { refusal: `Stripe takes multiples of ${multiple} in ${currency}, which ${money} is not` };
  }
  const amount = (money * 10n ** BigInt(Math.max(shift, 0))) / divisor;
  if (amount <= 0n || amount > BigInt(Number.MAX_SAFE_INTEGER)) {
    return { refusal: `Stripe takes no amount of ${money} in ${currency}` };
  }
  return { amount: Number(amount) };
}

/** Digits after the point at Stripe; null for a currency of which we do not know how Stripe would read it. */
function stripeExponent(currency: string): 0 | 2 | 3 | null {
  if (WITHOUT_DECIMALS.has(currency)) return 0;
  if (WITH_THREE_DECIMALS.has(currency)) return 3;
  return WITH_TWO_ZEROS.has(currency) || currencyExponent(currency) === 2 ? 2 : null;
}
