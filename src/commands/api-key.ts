// `npm run api-key -- create|list|revoke …`: makes keys (and a merchant with the first one), shows them, ends them.

import { parseArgs } from 'node:util';
import { z } from 'zod';
import { pinoLog } from '../adapters/pino-log.ts';
import type { App } from '../app.ts';
import { SCOPES } from '../domain/access.ts';
import { openProduct } from '../product.ts';
import { readConfigOrExit } from '../run.ts';
import { MERCHANT_USAGE, merchantOptions, toMerchant } from './merchant-options.ts';

const USAGE = `Usage: npm run api-key -- create|list|revoke --merchant ID [options]

create  makes an API key for the merchant and prints it once.
  --key-name NAME      what it is for        --scopes A,B       (all: ${SCOPES.join(',')})
  --expires DAY        YYYY-MM-DD
A merchant that is new needs its name and address as well:
${MERCHANT_USAGE}

list    shows the keys of the merchant, never the secrets.

revoke  ends a key at once, and the access tokens made from it.
  --key bh_PREFIX      how it begins`;

const keyOptions = z.object({
  merchant: merchantOptions.shape.merchant,
  'key-name': z.string().default('API key'),
  scopes: z
    .string()
    .default(SCOPES.join(','))
    .transform((names) => names.split(',').map((scope) => scope.trim()))
    .pipe(z.array(z.enum(SCOPES as [(typeof SCOPES)[number]], `must be of ${SCOPES.join(', ')}`))),
  expires: z.iso
    .date('must be a day, YYYY-MM-DD')
    .optional()
    .transform((day) => (day === undefined ? null : new Date(`${day}T00:00:00Z`))),
});

const listOptions = z.object({ merchant: merchantOptions.shape.merchant });

const revokeOptions = z.object({
  merchant: merchantOptions.shape.merchant,
  key: z
    .string()
    .transform((key) => /^bh_([A-Za-z0-9-]{8,32})(?:_|$)/.exec(key)?.[1] ?? '')
    .refine((prefix) => prefix !== '', 'must begin with bh_ and the prefix of a key'),
});

const NAMES = [merchantOptions, keyOptions, revokeOptions].flatMap(({ shape }) => Object.keys(shape));

type Given = Record<string, unknown>;
const COMMANDS: Readonly<Record<string, (given: Given) => Promise<number>>> = { create, list, revoke };

process.exitCode = await run();

async function run(): Promise<number> {
  try {
    const options = Object.fromEntries(NAMES.map((name) => [name, { type: 'string' as const }]));
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { ...options, help: { type: 'boolean' } },
    });
    if (values.help === true) {
      console.log(USAGE);
      return 0;
    }
    const [name = '', ...rest] = positionals;
    const command = rest.length === 0 && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command) return await command(values);
  } catch (error) {
    if (!isFaultOfArguments(error)) throw error;
    console.error(error.message);
  }
  console.error(USAGE);
  return 2;
}

function isFaultOfArguments(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

async function create(given: Given): Promise<number> {
  const key = keyOptions.safeParse(given);
  if (!key.success) return refuse(key.error);
  return onProduct(async (app) => {
    if (!(await app.merchantExists(key.data.merchant))) {
      const merchant = merchantOptions.safeParse(given);
      if (!merchant.success) return refuse(merchant.error);
      await app.createMerchant(toMerchant(merchant.data));
      console.error(`Merchant "${key.data.merchant}" was made.`);
    }
    const apiKey = await app.createApiKey({
      merchantId: key.data.merchant,
      name: key.data['key-name'],
      scopes: key.data.scopes,
      expiresAt: key.data.expires,
    });
    console.error('This is the only time that the key is shown:');
    console.log(apiKey);
    return 0;
  });
}

async function list(given: Given): Promise<number> {
  const options = listOptions.safeParse(given);
  if (!options.success) return refuse(options.error);
  return onProduct(async (app) => {
    const keys = await app.apiKeys(options.data.merchant);
    const day = (instant: Date | null) => instant?.toISOString().slice(0, 16).replace('T', ' ') ?? '-';
    console.table(
      keys.map((key) => ({
        key: `bh_${key.prefix}_…`,
        name: key.name,
        scopes: key.scopes.join(' '),
        made: day(key.createdAt),
        'last used': day(key.lastUsedAt),
        expires: day(key.expiresAt),
        revoked: day(key.revokedAt),
      })),
    );
    return 0;
  });
}

async function revoke(given: Given): Promise<number> {
  const options = revokeOptions.safeParse(given);
  if (!options.success) return refuse(options.error);
  const { merchant, key } = options.data;
  return onProduct(async (app) => {
    const revoked = await app.revokeApiKey(merchant, key);
    if (revoked === 0) {
      console.error(`Merchant "${merchant}" has no valid key that begins with bh_${key}.`);
      return 1;
    }
    console.error(`bh_${key}_… is revoked.`);
    return 0;
  });
}

async function onProduct(work: (app: App) => Promise<number>): Promise<number> {
  const product = await openProduct(readConfigOrExit(), pinoLog('warn'));
  try {
    return await work(product.app);
  } finally {
    await product.close();
  }
}

function refuse(error: z.ZodError): number {
  for (const issue of error.issues) console.error(`--${issue.path.join('.')}: ${issue.message}`);
  console.error(`\n${USAGE}`);
  return 2;
}
