// Reads the configuration from the environment, once, at start: every fault is told at once, in words.

import path from 'node:path';
import { z } from 'zod';
import { mailAddressFault } from './domain/mail-address.ts';

export interface Config {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Absolute. Holds all that the server keeps where no other place is named. */
  readonly dataDir: string;
  /** null runs the PostgreSQL that comes with Billhead. */
  readonly databaseUrl: string | null;
  /** null keeps the queue in PostgreSQL. */
  readonly redisUrl: string | null;
  /** null writes mails as files into `dataDir`. */
  readonly smtpUrl: string | null;
  /** The address that mails come from; null takes the seller's. */
  readonly mailFrom: string | null;
  /** How the world reaches the server, without a slash at the end; null derives it from host and port. */
  readonly publicUrl: string | null;
  readonly logLevel: LogLevel;
  readonly gateway: GatewayConfig;
  /** Records that one key may touch a minute. */
  readonly rateLimit: number;
  readonly webhookReach: WebhookReach;
  /** Where a worker alone tells how it is; null nowhere. 0 takes any free port. */
  readonly workerPort: number | null;
  /** What whoever asks for the metrics must show; null where nothing was set. */
  readonly metricsToken: string | null;
  /** How long a server that is stopping still takes requests, saying that it is not ready. */
  readonly drainMs: number;
  /** null traces nothing. */
  readonly tracing: TracingConfig | null;
}

export interface TracingConfig {
  /** Where spans are sent to, by OTLP over HTTP. */
  readonly url: string;
  /** null takes the name of what the process runs. */
  readonly serviceName: string | null;
}

/** Where webhooks may go: to public addresses over https; over http and to this machine, too; or anywhere. */
export type WebhookReach = 'public' | 'loopback' | 'any';

export type GatewayConfig =
  | { readonly kind: 'none' | 'test' }
  /** `apiUrl` null is Stripe itself. */
  | { readonly kind: 'stripe'; readonly secretKey: string; readonly apiUrl: string | null };

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const port = z
  .string()
  .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535, 'must be a whole number from 0 to 65535')
  .transform(Number);

const environment = z.object({
  PORT: port.default(4000),
  HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'must be a host name or an IP address')
    .default('127.0.0.1'),
  DATA_DIR: z
    .string()
    .default('.data')
    .transform((folder) => path.resolve(folder)),
  DATABASE_URL: urlOf(['postgres:', 'postgresql:'], 'must be a URL like postgres://user:password@host:5432/database'),
  REDIS_URL: urlOf(['redis:', 'rediss:'], 'must be a URL like redis://host:6379'),
  SMTP_URL: urlOf(['smtp:', 'smtps:'], 'must be a URL like smtps://user:password@mail.example.com:465'),
  MAIL_FROM: z
    .string()
    .refine((address) => mailAddressFault(address) === null, 'must be one e-mail address, such as invoices@example.com')
    .nullable()
    .default(null),
  PUBLIC_URL: urlOf(['http:', 'https:'], 'must be a URL like https://invoices.example.com')
    .refine((url) => url === null || !/[?#]/.test(url), 'must have neither "?" nor "#"')
    .refine((url) => url === null || !url.endsWith('/'), 'must not end with a slash'),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  RATE_LIMIT: z
    .string()
    .regex(/^[1-9]\d{0,11}$/, 'must be a whole number above 0: records that a key may touch a minute')
    .transform(Number)
    .default(6_000_000),
  WORKER_PORT: port.nullable().default(null),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must have 16 characters or more, of those that stand in a header')
    .nullable()
    .default(null),
  DRAIN_SECONDS: z
    .string()
    .refine((text) => /^\d{1,3}$/.test(text) && Number(text) <= 300, 'must be a whole number from 0 to 300')
    .transform(Number)
    .default(0),
  OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(['http:', 'https:'], 'must be a URL like http://collector:4318'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: urlOf(['http:', 'https:'], 'must be a URL like http://collector:4318/v1/traces'),
  OTEL_SERVICE_NAME: z.string().nullable().default(null),
  WEBHOOKS_ALLOW_PRIVATE: z.enum(['true', 'false'], 'must be true or false').nullable().default(null),
  PAYMENT_GATEWAY: z.enum(['test', 'stripe', 'none'], 'must be test, stripe or none').default('test'),
  STRIPE_SECRET_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be the secret key of an account')
    .nullable()
    .default(null),
  STRIPE_API_URL: urlOf(['http:', 'https:'], 'must be a URL like https://api.stripe.com').refine(
    (url) => url === null || isOrigin(url),
    'must have no path, and no user',
  ),
});

/** Every variable that is read. */
export const SETTINGS: readonly string[] = Object.keys(environment.shape);

function urlOf(protocols: readonly string[], message: string) {
  return z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol) && hasHost(text), message)
    .nullable()
    .default(null);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).href === `${new URL(text).origin}/`;
}

/** A URL without a host parses, too; PostgreSQL's form for a socket, `postgres:///database?host=/folder`, has it later. */
function hasHost(text: string): boolean {
  return /^[a-z]+:\/\/[^/?#]/i.test(text) || new URL(text).searchParams.has('host');
}

/** Throws one error that names every variable at fault. Values are not repeated: they can hold passwords. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  // An empty variable is how a shell, a unit file or Compose says "not set".
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const result = environment.safeParse(set);
  const faults = result.error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`) ?? [];
  if (set['PAYMENT_GATEWAY'] === 'stripe' && set['STRIPE_SECRET_KEY'] === undefined) {
    faults.push('STRIPE_SECRET_KEY must be set when PAYMENT_GATEWAY is stripe');
  }
  if (!result.success || faults.length > 0) {
    throw new Error(`The configuration has faults:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
  const values = result.data;
  return {
    port: values.PORT,
    host: values.HOST,
    dataDir: values.DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    smtpUrl: values.SMTP_URL,
    mailFrom: values.MAIL_FROM,
    publicUrl: values.PUBLIC_URL,
    logLevel: values.LOG_LEVEL,
    gateway: gatewayOf(values),
    rateLimit: values.RATE_LIMIT,
    webhookReach: webhookReachOf(values),
    workerPort: values.WORKER_PORT,
    metricsToken: values.METRICS_TOKEN,
    drainMs: values.DRAIN_SECONDS * 1_000,
    tracing: tracingOf(values),
  };
}

// As OpenTelemetry has it: the address of all signals gets a path, the one of traces is taken as it is.
function tracingOf(values: z.infer<typeof environment>): TracingConfig | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: ofAll, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ofTraces } = values;
  const url = ofTraces ?? (ofAll === null ? null : `${ofAll.replace(/\/$/, '')}/v1/traces`);
  return url === null ? null : { url, serviceName: values.OTEL_SERVICE_NAME };
}

// The embedded database is for development: there a shop's endpoint is on the same machine.
function webhookReachOf(values: z.infer<typeof environment>): WebhookReach {
  if (values.WEBHOOKS_ALLOW_PRIVATE === 'true') return 'any';
  return values.WEBHOOKS_ALLOW_PRIVATE === null && values.DATABASE_URL === null ? 'loopback' : 'public';
}

function gatewayOf(values: z.infer<typeof environment>): GatewayConfig {
  if (values.PAYMENT_GATEWAY !== 'stripe') return { kind: values.PAYMENT_GATEWAY };
  return { kind: 'stripe', secretKey: values.STRIPE_SECRET_KEY ?? '', apiUrl: values.STRIPE_API_URL };
}
