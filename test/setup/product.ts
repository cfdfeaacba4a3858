// The real product for a test: its own database and data folder, the HTTP server, and a worker where one is asked for.

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readConfig } from '../../src/config.ts';
import { SCOPES, type Actor, type Scope } from '../../src/domain/access.ts';
import type { Merchant } from '../../src/domain/party.ts';
import type { Log } from '../../src/ports.ts';
import { openProduct, type Product } from '../../src/product.ts';
import { DEMO_MERCHANT } from '../../src/sample-data/demo-merchant.ts';
import { startServer } from '../../src/server.ts';
import { startWorker } from '../../src/worker.ts';
import { createTestDatabase } from './database.ts';
import { quietLog } from './quiet-log.ts';

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: {
    readonly code: string;
    readonly faults?: readonly { readonly path: readonly (string | number)[]; readonly message: string }[];
    readonly blockers?: readonly { readonly code: string; readonly item_id: string | null }[];
  };
}

export interface Answer {
  // What a query selects is only known to the test that wrote it.
  readonly data: any; // eslint-disable-line typescript/no-explicit-any
  readonly errors?: readonly GraphqlError[];
}

export interface TestProduct {
  readonly product: Product;
  /** For a test's own connections: they see all merchants. The product takes nothing of that from the URL. */
  readonly databaseUrl: string;
  readonly dataDir: string;
  /** Where the server listens. */
  readonly address: string;
  /** A key of the merchant "demo" with every scope. */
  readonly apiKey: string;
  readonly actor: Actor;
  /** A worker on the same database, with a product of its own; `env` says what is different there. */
  addWorker(env?: NodeJS.ProcessEnv): Promise<{ close(): Promise<void> }>;
  /** Another server on the same database, with a pool and queue of its own. */
  addServer(): Promise<SecondServer>;
  /** A further merchant with a key. */
  addMerchant(id: string, scopes?: readonly Scope[], changes?: Partial<Merchant>): Promise<string>;
  /** The whole answer. */
  graphql(query: string, variables?: object, apiKey?: string, address?: string): Promise<Answer>;
  /** The data of an answer without errors. */
  ask(query: string, variables?: object, apiKey?: string): Promise<Answer['data']>;
  /** The one error of a refused call. */
  refusal(query: string, variables?: object, apiKey?: string): Promise<GraphqlError>;
  close(): Promise<void>;
}

export interface SecondServer {
  readonly address: string;
  close(): Promise<void>;
}

export interface TestProductOptions {
  readonly withWorker?: boolean;
  readonly redisUrl?: string | undefined;
  /** Where mails go; into files when it is left out. */
  readonly smtpUrl?: string;
  /** Further variables of the configuration. */
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: Log;
  /** Another way to the database, for tests that take a wall down. */
  readonly connect?: Parameters<typeof openProduct>[2];
}

/** What a stream says first; then it is left. */
async function firstEvent(address: string, key: string, body: object): Promise<Answer> {
  const response = await fetch(`${address}/graphql/stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  if (!response.headers.get('content-type')?.includes('event-stream')) return (await response.json()) as Answer;
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const [, data] = /event: next\ndata: (.*)\n\n/.exec(text) ?? [];
    if (data === undefined) continue;
    return JSON.parse(data) as Answer;
  }
  throw new Error(`The stream ended without an event: ${text}`);
}

function seeingAll(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.set('options', '-c billhead.scope=all');
  // A plus sign is no space to the driver.
  return url.href.replaceAll('+', '%20');
}

export async function startTestProduct({
  withWorker = false,
  redisUrl,
  smtpUrl,
  env = {},
  log = quietLog,
  connect,
}: TestProductOptions = {}): Promise<TestProduct> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'billhead-product-'));
  const settings = {
    DATA_DIR: dataDir,
    DATABASE_URL: database.url,
    PORT: '0',
    REDIS_URL: redisUrl,
    SMTP_URL: smtpUrl,
    ...env,
  };
  const config = readConfig(settings);
  const product = await openProduct(config, log, connect);
  const worker = withWorker ? await startWorker(product, config, log) : null;
  const server = await startServer(product, config, log);
  const addMerchant = async (id: string, scopes: readonly Scope[] = SCOPES, changes: Partial<Merchant> = {}) => {
    await product.app.createMerchant({ ...DEMO_MERCHANT, ...changes, id });
    return product.app.createApiKey({ merchantId: id, name: 'test', scopes, expiresAt: null });
  };
  const apiKey = await addMerchant('demo');
  const graphql = async (
    query: string,
    variables: object = {},
    key = apiKey,
    address = server.address,
  ): Promise<Answer> => {
    if (query.startsWith('subscription')) return firstEvent(address, key, { query, variables });
    const response = await fetch(`${address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as Answer;
  };
  return {
    product,
    databaseUrl: seeingAll(database.url),
    dataDir,
    address: server.address,
    apiKey,
    actor: { merchantId: 'demo', scopes: SCOPES },
    addMerchant,
    addWorker: async (changes = {}) => {
      const workersConfig = readConfig({ ...settings, ...changes });
      const second = await openProduct(workersConfig, quietLog);
      const working = await startWorker(second, workersConfig, quietLog);
      return { close: () => working.close().then(() => second.close()) };
    },
    addServer: async () => {
      const second = await openProduct(config, quietLog);
      const listening = await startServer(second, config, quietLog);
      return { address: listening.address, close: () => listening.close().then(() => second.close()) };
    },
    graphql,
    ask: async (query, variables, key) => {
      const answer = await graphql(query, variables, key);
      if (answer.errors) throw new Error(`Unexpected refusal: ${JSON.stringify(answer.errors)}`);
      return answer.data;
    },
    refusal: async (query, variables, key) => {
      const { errors } = await graphql(query, variables, key);
      const [error] = errors ?? [];
      if (!error || errors?.length !== 1) throw new Error(`Expected one refusal, got ${JSON.stringify(errors)}`);
      return error;
    },
    close: async () => {
      await server.close();
      await worker?.close();
      await product.close();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
