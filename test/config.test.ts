// The configuration is read from the environment whole, or refused with everything that is wrong with it.

import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

const DEFAULTS = {
  port: 4000,
  host: '127.0.0.1',
  dataDir: path.resolve('.data'),
  databaseUrl: null,
  redisUrl: null,
  smtpUrl: null,
  mailFrom: null,
  publicUrl: null,
  logLevel: 'info',
  gateway: { kind: 'test' },
  rateLimit: 6_000_000,
  workerPort: null,
  metricsToken: null,
  drainMs: 0,
  tracing: null,
  webhookReach: 'loopback',
};

const STRIPE = { PAYMENT_GATEWAY: 'stripe', STRIPE_SECRET_KEY: 'sk_test_1' };

describe('readConfig', () => {
  it.each([
    ['nothing set', {}, {}],
    ['unknown variables', { SHOE_SIZE: '46', PATH: '/bin' }, {}],
    [
      'empty variables',
      {
        PORT: '',
        HOST: '',
        DATA_DIR: '',
        DATABASE_URL: '',
        REDIS_URL: '',
        PUBLIC_URL: '',
        LOG_LEVEL: '',
        SMTP_URL: '',
      },
      {},
    ],
    ['any free port', { PORT: '0' }, { port: 0 }],
    ['the last port', { PORT: '65535' }, { port: 65_535 }],
    ['all addresses', { HOST: '0.0.0.0' }, { host: '0.0.0.0' }],
    ['an IPv6 address', { HOST: '::1' }, { host: '::1' }],
    ['an absolute folder', { DATA_DIR: '/var/lib/shop' }, { dataDir: path.resolve('/var/lib/shop') }],
    ['a relative folder', { DATA_DIR: '../elsewhere' }, { dataDir: path.resolve('../elsewhere') }],
    [
      'postgres',
      { DATABASE_URL: 'postgres://u:p@db:5432/shop' },
      { databaseUrl: 'postgres://u:p@db:5432/shop', webhookReach: 'public' },
    ],
    [
      'postgresql',
      { DATABASE_URL: 'postgresql://db/shop' },
      { databaseUrl: 'postgresql://db/shop', webhookReach: 'public' },
    ],
    [
      'a socket',
      { DATABASE_URL: 'postgres:///shop?host=/run/pg' },
      { databaseUrl: 'postgres:///shop?host=/run/pg', webhookReach: 'public' },
    ],
    ['webhooks to anywhere', { WEBHOOKS_ALLOW_PRIVATE: 'true' }, { webhookReach: 'any' }],
    ['webhooks to the public alone', { WEBHOOKS_ALLOW_PRIVATE: 'false' }, { webhookReach: 'public' }],
    ['redis', { REDIS_URL: 'redis://cache:6379/2' }, { redisUrl: 'redis://cache:6379/2' }],
    ['redis over TLS', { REDIS_URL: 'rediss://:secret@cache' }, { redisUrl: 'rediss://:secret@cache' }],
    ['SMTP', { SMTP_URL: 'smtp://localhost:1025' }, { smtpUrl: 'smtp://localhost:1025' }],
    ['SMTP over TLS', { SMTP_URL: 'smtps://u:p%40@mail' }, { smtpUrl: 'smtps://u:p%40@mail' }],
    ['a sender', { MAIL_FROM: 'invoices@shop.example' }, { mailFrom: 'invoices@shop.example' }],
    ['https', { PUBLIC_URL: 'https://shop.example' }, { publicUrl: 'https://shop.example' }],
    ['a path', { PUBLIC_URL: 'http://shop.example/invoices' }, { publicUrl: 'http://shop.example/invoices' }],
    ['no gateway', { PAYMENT_GATEWAY: 'none' }, { gateway: { kind: 'none' } }],
    ['Stripe', STRIPE, { gateway: { kind: 'stripe', secretKey: 'sk_test_1', apiUrl: null } }],
    [
      'Stripe elsewhere',
      { ...STRIPE, STRIPE_API_URL: 'http://127.0.0.1:12111' },
      { gateway: { kind: 'stripe', secretKey: 'sk_test_1', apiUrl: 'http://127.0.0.1:12111' } },
    ],
    ['a key of Stripe that is not used', { STRIPE_SECRET_KEY: 'sk_test_1' }, {}],
    ['a port for the worker', { WORKER_PORT: '9100' }, { workerPort: 9100 }],
    ['a token for the metrics', { METRICS_TOKEN: 'x'.repeat(16) }, { metricsToken: 'x'.repeat(16) }],
    ['time to drain', { DRAIN_SECONDS: '10' }, { drainMs: 10_000 }],
    [
      'a collector',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' },
      { tracing: { url: 'http://collector:4318/v1/traces', serviceName: null } },
    ],
    [
      'a collector of traces alone, and a name',
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces/in',
        OTEL_SERVICE_NAME: 'invoices',
      },
      { tracing: { url: 'https://traces/in', serviceName: 'invoices' } },
    ],
    ['a name without a collector', { OTEL_SERVICE_NAME: 'invoices' }, {}],
    ['silence', { LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
  ])('accepts %s', (_, env, expected) => {
    expect(readConfig(env)).toEqual({ ...DEFAULTS, ...expected });
  });

  it.each([
    ['PORT', '65536', 'from 0 to 65535'],
    ['PORT', '-1', 'from 0 to 65535'],
    ['PORT', '4000.5', 'from 0 to 65535'],
    ['PORT', '0x10', 'from 0 to 65535'],
    ['PORT', 'http', 'from 0 to 65535'],
    ['HOST', 'http://localhost', 'a host name'],
    ['HOST', 'local host', 'a host name'],
    ['DATABASE_URL', 'mysql://db/shop', 'postgres://user:password@host'],
    ['DATABASE_URL', 'postgres:shop', 'postgres://user:password@host'],
    ['DATABASE_URL', 'postgres:///shop', 'postgres://user:password@host'],
    ['DATABASE_URL', 'db:5432', 'postgres://user:password@host'],
    ['REDIS_URL', 'http://cache', 'redis://host'],
    ['REDIS_URL', 'redis://', 'redis://host'],
    ['SMTP_URL', 'mail.example:25', 'smtps://user:password@mail'],
    ['SMTP_URL', 'smtp:', 'smtps://user:password@mail'],
    ['MAIL_FROM', 'Shop <invoices@shop.example>', 'one e-mail address'],
    ['MAIL_FROM', 'a@shop.example, b@shop.example', 'one e-mail address'],
    ['PUBLIC_URL', 'shop.example', 'https://invoices.example.com'],
    ['PUBLIC_URL', 'ftp://shop.example', 'https://invoices.example.com'],
    ['PUBLIC_URL', 'https://shop.example/', 'not end with a slash'],
    ['PUBLIC_URL', 'https://shop.example/?a=b', 'neither "?" nor "#"'],
    ['PAYMENT_GATEWAY', 'Stripe', 'test, stripe or none'],
    ['PAYMENT_GATEWAY', 'stripe', 'STRIPE_SECRET_KEY must be set'],
    ['STRIPE_SECRET_KEY', 'sk_test 1', 'the secret key of an account'],
    ['STRIPE_SECRET_KEY', 'sk_test_1\n', 'the secret key of an account'],
    ['STRIPE_API_URL', 'api.stripe.com', 'https://api.stripe.com'],
    ['STRIPE_API_URL', 'https://api.stripe.com/v1', 'no path'],
    ['STRIPE_API_URL', 'https://u:p@api.stripe.com', 'no user'],
    ['WORKER_PORT', '65536', 'from 0 to 65535'],
    ['METRICS_TOKEN', 'too-short', '16 characters'],
    ['METRICS_TOKEN', 'with a space in the middle', '16 characters'],
    ['DRAIN_SECONDS', '5s', 'from 0 to 300'],
    ['DRAIN_SECONDS', '301', 'from 0 to 300'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', 'http://collector:4318'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'grpc://collector:4317', 'v1/traces'],
    ['LOG_LEVEL', 'verbose', 'trace, debug, info, warn, error, fatal, silent'],
  ])('refuses %s=%s', (name, value, words) => {
    const read = (): unknown => readConfig({ [name]: value });
    expect(read).toThrow(name);
    expect(read).toThrow(words);
  });

  it('tells every fault at once, and no password', () => {
    let message = '';
    try {
      readConfig({
        PORT: 'x',
        DATABASE_URL: 'mysql://u:hunter2@db',
        REDIS_URL: 'y',
        LOG_LEVEL: 'loud',
        SMTP_URL: 'http://u:hunter2@mail',
        STRIPE_SECRET_KEY: 'sk live hunter2',
      });
    } catch (error) {
      message = String(error);
    }
    for (const name of ['PORT', 'DATABASE_URL', 'REDIS_URL', 'LOG_LEVEL', 'SMTP_URL', 'STRIPE_SECRET_KEY']) {
      expect(message).toContain(`- ${name} must`);
    }
    expect(message.split('\n')).toHaveLength(7);
    expect(message).not.toContain('hunter2');
  });
});
