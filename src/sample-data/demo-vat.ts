// The VAT that the demo merchant charges: at home by kind of goods, none on supplies to businesses abroad.

/** The VAT fields of an item in `PlaceOrderInput`. */
export interface VatTermsJson {
  readonly vat_category: 'S' | 'Z' | 'E' | 'AE' | 'K' | 'G' | 'O';
  /** Percent, as a decimal string. */
  readonly vat_rate: string;
  /** What must be printed when no VAT is charged. */
  readonly vat_reason?: string;
}

/** FOOD is what Dutch law taxes at the low rate. Alcoholic drinks, carriage and everything else are OTHER. */
export type Goods = 'FOOD' | 'OTHER';

const HOME = 'NL';

const EU_MEMBERS = new Set(
  'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' '),
);

// The usual wording is printed in the customer's language.
const INTRA_COMMUNITY_SUPPLY: VatTermsJson = { vat_category: 'K', vat_rate: '0' };

const EXPORT: VatTermsJson = { vat_category: 'G', vat_rate: '0' };

/** VAT on goods sent to a business in that country (ISO 3166-1 alpha-2), by the rules and the EU of today. */
export function demoVat(shipCountry: string, goods: Goods): VatTermsJson {
  if (shipCountry === HOME) return { vat_category: 'S', vat_rate: goods === 'FOOD' ? '9' : '21' };
  return EU_MEMBERS.has(shipCountry) ? INTRA_COMMUNITY_SUPPLY : EXPORT;
}

// The shape of a VAT number by country. Spain's B and Sweden's 01 mark a company.
const VAT_NUMBER_SHAPES: Readonly<Record<string, { prefix: string; digits: number; suffix: string }>> = {
  AT: { prefix: 'ATU', digits: 8, suffix: '' },
  BE: { prefix: 'BE0', digits: 9, suffix: '' },
  DE: { prefix: 'DE', digits: 9, suffix: '' },
  DK: { prefix: 'DK', digits: 8, suffix: '' },
  ES: { prefix: 'ESB', digits: 8, suffix: '' },
  FI: { prefix: 'FI', digits: 8, suffix: '' },
  FR: { prefix: 'FR00', digits: 9, suffix: '' },
  IE: { prefix: 'IE', digits: 7, suffix: 'A' },
  IT: { prefix: 'IT', digits: 11, suffix: '' },
  NL: { prefix: 'NL', digits: 9, suffix: 'B01' },
  PL: { prefix: 'PL', digits: 10, suffix: '' },
  PT: { prefix: 'PT', digits: 9, suffix: '' },
  SE: { prefix: 'SE', digits: 10, suffix: '01' },
};

/** A made-up VAT number in the country's format, its leading zeros showing that it is one; null where the demo needs none. */
export function madeUpVatNumber(country: string, serial: number): string | null {
  const shape = VAT_NUMBER_SHAPES[country];
  return shape ? `${shape.prefix}${String(serial).padStart(shape.digits, '0')}${shape.suffix}` : null;
}
