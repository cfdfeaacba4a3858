// The options that describe a merchant on the command line.

import { z } from 'zod';
import { isCountry } from '../domain/country.ts';
import { DEFAULT_NUMBER_PATTERN, numberPatternFault } from '../domain/invoice-number.ts';
import type { Merchant } from '../domain/party.ts';

export const MERCHANT_USAGE = `  --name NAME  --street STREET  --city CITY  --country XX
and may have:
  --postal-code CODE   --email ADDRESS       --phone NUMBER     --website URL
  --vat-number NUMBER  --registration-number NUMBER             --iban IBAN  --bic BIC
  --time-zone ZONE     (Europe/Amsterdam)    --payment-term DAYS (14)
  --number-pattern P   (${DEFAULT_NUMBER_PATTERN})`;

const text = z.string().trim().min(1).max(200);
const optional = text.optional().transform((value) => value ?? null);

export const merchantOptions = z.object({
  merchant: z.string().regex(/^[\w.-]{1,64}$/, 'takes letters, digits, ".", "_" and "-"'),
  name: text,
  street: text,
  city: text,
  country: z.string().refine(isCountry, 'must be an ISO 3166-1 alpha-2 code such as NL'),
  'postal-code': optional,
  email: optional,
  phone: optional,
  website: optional,
  'vat-number': optional,
  'registration-number': optional,
  iban: optional,
  bic: optional,
  'time-zone': z
    .string()
    .default('Europe/Amsterdam')
    .refine(isTimeZone, 'must be an IANA zone such as Europe/Amsterdam'),
  'payment-term': z.coerce.number().int().min(0).max(365).default(14),
  'number-pattern': z
    .string()
    .default(DEFAULT_NUMBER_PATTERN)
    .refine((pattern) => numberPatternFault(pattern) === null, 'must hold {year} and {sequence:6}, once each'),
});

export function toMerchant(options: z.infer<typeof merchantOptions>): Merchant {
  return {
    id: options.merchant,
    seller: {
      name: options.name,
      address: {
        name: null,
        organisation: null,
        street: options.street,
        postalCode: options['postal-code'],
        city: options.city,
        region: null,
        country: options.country,
      },
      email: options.email,
      phone: options.phone,
      website: options.website,
      vatNumber: options['vat-number'],
      registrationNumber: options['registration-number'],
      iban: options.iban,
      bic: options.bic,
    },
    timeZone: options['time-zone'],
    numberPattern: options['number-pattern'],
    paymentTermDays: options['payment-term'],
  };
}

function isTimeZone(zone: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
