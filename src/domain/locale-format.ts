// How amounts, quantities, rates and dates are written in the locale of a document, as Intl knows it.
//
// 1. Amounts have the digits of ISO 4217, whatever Intl's habit is, and never pass through a float.
// 2. Digits are always 0–9 and the calendar is Gregorian: a bookkeeper anywhere in the European Union can read them.

import { currencyExponent } from './currency.ts';
import { WORDED_LANGUAGES } from './invoice-wording.ts';
import type { CalendarDate } from './invoice.ts';
import { absolute, decimalText, divideRounded, type Money, type Quantity, type VatRate } from './money.ts';

/** Everything that a document in one locale and currency needs. */
export interface LocaleFormat {
  /** BCP 47: the language that the document's words are in. */
  readonly language: string;
  amount(amount: Money): string;
  /** A price of `numerator / denominator` minor units: as many decimals as it needs, up to four. */
  price(numerator: bigint, denominator: bigint): string;
  quantity(quantity: Quantity): string;
  rate(rate: VatRate): string;
  date(date: CalendarDate): string;
  country(code: string): string;
}

/** The scripts that the page can show. */
const SCRIPTS: ReadonlySet<string | undefined> = new Set(['Latn', 'Grek', 'Cyrl']);
const PRICE_DECIMALS = 4;

// Building Intl's formatters costs more than laying out a page. Locales come from callers, so there is an end to them.
const formats = new Map<string, LocaleFormat>();
const MOST_FORMATS = 200;

/** The format of a locale and currency, made when it is first asked for. */
export function localeFormat(locale: string, currency: string): LocaleFormat {
  const key = `${locale} ${currency}`;
  const known = formats.get(key);
  if (known) return known;
  if (formats.size >= MOST_FORMATS) formats.clear();
  const format = createLocaleFormat(locale, currency);
  formats.set(key, format);
  return format;
}

function createLocaleFormat(locale: string, currency: string): LocaleFormat {
  const known = knownLocale(locale);
  const isWorded = WORDED_LANGUAGES.includes(known.language);
  // Where the words fall back to English, month and country names do too; numbers keep the habit of the reader.
  const language = isWorded ? known.toString() : 'en-GB';
  const numberLocale = SCRIPTS.has(known.maximize().script) ? known.toString() : 'en';
  const exponent = currencyExponent(currency);
  const style = { style: 'currency', currency, numberingSystem: 'latn', minimumFractionDigits: exponent } as const;
  const amounts = new Intl.NumberFormat(numberLocale, { ...style, maximumFractionDigits: exponent });
  const prices = new Intl.NumberFormat(numberLocale, { ...style, maximumFractionDigits: PRICE_DECIMALS });
  const quantities = new Intl.NumberFormat(numberLocale, { numberingSystem: 'latn', maximumFractionDigits: 4 });
  const rates = new Intl.NumberFormat(numberLocale, {
    style: 'percent',
    numberingSystem: 'latn',
    maximumFractionDigits: 4,
  });
  const days = new Intl.DateTimeFormat(language, {
    dateStyle: 'long',
    timeZone: 'UTC',
    calendar: 'gregory',
    numberingSystem: 'latn',
  });
  const countries = new Intl.DisplayNames(language, { type: 'region' });
  return {
    language,
    amount: (amount) => amounts.format(decimal(amount, exponent)),
    price: (numerator, denominator) =>
      prices.format(
        decimal(divideRounded(numerator * 10n ** BigInt(PRICE_DECIMALS - exponent), denominator), PRICE_DECIMALS),
      ),
    quantity: (quantity) => quantities.format(decimalText(quantity) as Intl.StringNumericLiteral),
    // A rate is in ten-thousandths of a percent, and Intl wants a share of one.
    rate: (rate) => rates.format(decimal(rate, 6)),
    date: (date) => days.format(new Date(`${date}T00:00:00Z`)),
    // XI is the European Union's code for Northern Ireland; Intl knows no name for it.
    country: (code) => (code === 'XI' ? `${countries.of('GB')} (XI)` : (countries.of(code) ?? code)),
  };
}

/** The exact decimal text of an integer that counts units of 10^-digits, for Intl to format without a float between. */
function decimal(value: bigint, digits: number): Intl.StringNumericLiteral {
  const text = absolute(value)
    .toString()
    .padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const fraction = text.slice(text.length - digits);
  return `${value < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}` as Intl.StringNumericLiteral;
}

function knownLocale(locale: string): Intl.Locale {
  try {
    return new Intl.Locale(locale);
  } catch {
    return new Intl.Locale('en');
  }
}
