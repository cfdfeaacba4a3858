// Reads the configuration from the environment, once, at start: every fault is told at once, in words.

import path from 'node:path';
import { z } from 'zod';

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
  /** How the world reaches the server, without a slash at the end; null derives it from host and port. */
  readonly publicUrl: string | null;
  readonly logLevel: LogLevel;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const environment = z.object({
  PORT: z
    .string()
    .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535, 'must be a whole number from 0 to 65535')
    .transform(Number)
    .default(4000),
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
  PUBLIC_URL: urlOf(['http:', 'https:'], 'must be a URL like https://invoices.example.com')
    .refine((url) => url === null || !/[?#]/.test(url), 'must have neither "?" nor "#"')
    .refine((url) => url === null || !url.endsWith('/'), 'must not end with a slash'),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
});

function urlOf(protocols: readonly string[], message: string) {
  return z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol) && hasHost(text), message)
    .nullable()
    .default(null);
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
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new Error(`The configuration has faults:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
  const values = result.data;
  return {
    port: values.PORT,
    host: values.HOST,
    dataDir: values.DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    publicUrl: values.PUBLIC_URL,
    logLevel: values.LOG_LEVEL,
  };
}
