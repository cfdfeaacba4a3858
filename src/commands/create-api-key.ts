// `npm run api-key -- create …`: makes a key, and the merchant with it when there is none yet. The key is shown once.

import { parseArgs } from 'node:util';
import { z } from 'zod';
import { pinoLog } from '../adapters/pino-log.ts';
import { SCOPES } from '../domain/access.ts';
import { isCountry } from '../domain/country.ts';
import { DEFAULT_NUMBER_PATTERN, numberPatternFault } from '../domain/invoice-number.ts';
import type { Merchant } from '../domain/party.ts';
import { openProduct } from '../product.ts';
import { readConfigOrExit } from '../run.ts';

const USAGE = `Usage: npm run api-key -- create --merchant ID [options]

Makes an API key for the merchant ID and prints it once. A merchant that is new needs its name and address as well:
  --name NAME  --street STREET  --city CITY  --country XX
and may have:
  --postal-code CODE   --email ADDRESS       --phone NUMBER     --website URL
  --vat-number NUMBER  --registration-number NUMBER             --iban IBAN  --bic BIC
  --time-zone ZONE     (Europe/Amsterdam)    --payment-term DAYS (14)
  --number-pattern P   (${DEFAULT_NUMBER_PATTERN})
The key:
  --key-name NAME      what it is for        --scopes A,B       (all: ${SCOPES.join(',')})
  --expires DAY        YYYY-MM-DD`;

const text = z.string().trim().min(1).max(200);
const optional = text.optional().transform((value) => value ?? null);

const merchantOptions = z.object({
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

const keyOptions = z.object({
  merchant: merchantOptions.shape.merchant,
  'key-name': z.string().default('API key'),
  scopes: z
    .string()
    .default(SCOPES.join(','))
    .transform((list) => list.split(',').map((scope) => scope.trim()))
    .pipe(z.array(z.enum(SCOPES as [(typeof SCOPES)[number]], `must be of ${SCOPES.join(', ')}`))),
  expires: z.iso
    .date('must be a day, YYYY-MM-DD')
    .optional()
    .transform((day) => (day === undefined ? null : new Date(`${day}T00:00:00Z`))),
});

const NAMES = [...Object.keys(merchantOptions.shape), ...Object.keys(keyOptions.shape)];

process.exitCode = await run();

async function run(): Promise<number> {
  const given = readArguments();
  if (!given) return 2;
  const key = keyOptions.safeParse(given);
  if (!key.success) return refuse(key.error);
  const product = await openProduct(readConfigOrExit(), pinoLog('warn'));
  try {
    if (!(await product.app.merchantExists(key.data.merchant))) {
      const merchant = merchantOptions.safeParse(given);
      if (!merchant.success) return refuse(merchant.error);
      await product.app.createMerchant(toMerchant(merchant.data));
      console.error(`Merchant "${key.data.merchant}" was made.`);
    }
    const apiKey = await product.app.createApiKey({
      merchantId: key.data.merchant,
      name: key.data['key-name'],
      scopes: key.data.scopes,
      expiresAt: key.data.expires,
    });
    console.error('This is the only time that the key is shown:');
    console.log(apiKey);
    return 0;
  } finally {
    await product.close();
  }
}

function readArguments(): Record<string, unknown> | null {
  try {
    const options = Object.fromEntries(NAMES.map((name) => [name, { type: 'string' as const }]));
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { ...options, help: { type: 'boolean' } },
    });
    if (values.help !== true && positionals.length === 1 && positionals[0] === 'create') return values;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  console.error(USAGE);
  return null;
}

function refuse(error: z.ZodError): number {
  for (const issue of error.issues) console.error(`--${issue.path.join('.')}: ${issue.message}`);
  console.error(`\n${USAGE}`);
  return 2;
}

function toMerchant(options: z.infer<typeof merchantOptions>): Merchant {
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
