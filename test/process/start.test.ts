// `npm start` and the commands, as real processes on the embedded database.

import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/adapters/embedded-postgres.ts';
import { eventually } from '../setup/eventually.ts';
import { order } from '../setup/orders.ts';
import { startProcess } from '../setup/product-process.ts';
import { quietLog } from '../setup/quiet-log.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'billhead-start-'));
  await chmod(folder, 0o711);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask(address: string, apiKey: string, query: string): Promise<any> {
  const response = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

test('the first start makes a merchant with sample data and a key of its owner alone; the next one keeps both', async () => {
  const env = { DATA_DIR: path.join(folder, 'first'), PORT: '0' };
  const keyFile = path.join(env.DATA_DIR, 'demo-api-key');
  const first = startProcess('start.ts', env);
  const output = await first.waitFor('Billhead is ready');
  const [, address = ''] = /ready at (http:\S+)\/graphql/.exec(output) ?? [];
  const apiKey = (await readFile(keyFile, 'utf8')).trim();
  expect(output).toContain(`#key=${apiKey}`);
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
  const { orders, order: one } = await ask(
    address,
    apiKey,
    '{ orders { total_count } order(number: "1001") { actions { action ids } } }',
  );
  expect(orders.total_count).toBe(842);
  const ids = one.actions.find(({ action }: { action: string }) => action === 'INVOICE').ids as string[];
  const items = JSON.stringify(ids);
  await ask(
    address,
    apiKey,
    `mutation { invoiceItems(input: { items: ${items}, invoice_id: "i" }) { invoice { id } } }`,
  );
  await eventually(
    async () => (await ask(address, apiKey, '{ invoice(id: "i") { pdf_url } }')).invoice.pdf_url !== null,
  );
  // On the defaults of a developer, and on this machine, without a token.
  expect(await (await fetch(`${address}/metrics`)).text()).toContain('billhead_owed{kind="pdf"} 0');
  expect(await first.end('SIGTERM')).toBe(0);

  const second = startProcess('start.ts', env);
  const again = await second.waitFor('Billhead is ready');
  expect(again).toContain(`#key=${apiKey}`);
  const [, moved = ''] = /ready at (http:\S+)\/graphql/.exec(again) ?? [];
  expect((await ask(moved, apiKey, '{ invoice(id: "i") { number } }')).invoice.number).toMatch(/-000001$/);
  expect(await second.end('SIGINT')).toBe(0);
}, 240_000);

test('faults of the configuration are all reported at once, and nothing starts', async () => {
  const run = startProcess('start.ts', { PORT: '70000', DATABASE_URL: 'mysql://x', PUBLIC_URL: 'nowhere' });
  expect(await run.exit()).toBe(1);
  for (const name of ['PORT', 'DATABASE_URL', 'PUBLIC_URL']) expect(run.output()).toContain(name);
});

const ADDRESS = 'create|--merchant|shop|--name|Shop B.V.|--street|Kade 1|--city|Utrecht|--country|NL';

describe('commands', () => {
  let env: NodeJS.ProcessEnv;

  let postgres: EmbeddedPostgres | null = null;

  beforeAll(() => {
    env = { DATA_DIR: path.join(folder, 'commands') };
  });
  afterAll(() => postgres?.stop());

  const run = async (entry: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const command = startProcess(`commands/${entry}`, { ...env, ...more }, args);
    const code = await command.exit();
    return { code, output: command.output() };
  };

  test('api-key makes a merchant and a key, and says all that is missing', async () => {
    const missing = await run('api-key.ts', ['create', '--merchant', 'shop', '--country', 'XX']);
    expect(missing.code).toBe(2);
    for (const option of ['--name', '--street', '--city', '--country']) expect(missing.output).toContain(`${option}:`);
    const made = await run('api-key.ts', ADDRESS.split('|'));
    expect(made).toMatchObject({ code: 0, output: expect.stringMatching(/bh_\w+_[\w-]{43}/) });
    env = { ...env, BILLHEAD_API_KEY: /bh_\w+_[\w-]{43}/.exec(made.output)?.[0] };
    // Alone these two made it, started it and stopped it; the others find it running, as beside a server, which is quicker.
    postgres = await startEmbeddedPostgres(env['DATA_DIR'] ?? '', quietLog);
  }, 180_000);

  test('verify-invoices walks the chain of a merchant, and takes neither an unknown one nor a hash that is none', async () => {
    const walked = await run('verify-invoices.ts', ['--merchant', 'shop']);
    expect(walked).toMatchObject({ code: 0, output: expect.stringContaining('The chain ends at 0:000') });
    const noted = await run('verify-invoices.ts', ['--merchant', 'shop', '--noted', `1:${'a'.repeat(64)}`]);
    expect(noted).toMatchObject({ code: 1, output: expect.stringContaining('ENTRY_MISSING') });
    expect((await run('verify-invoices.ts', ['--merchant', 'nobody'])).code).toBe(2);
    expect((await run('verify-invoices.ts', ['--merchant', 'shop', '--noted', 'x'])).output).toContain('Usage');
  }, 180_000);

  test('api-key lists keys without their secrets, and revokes one', async () => {
    const made = await run('api-key.ts', [
      'create',
      '--merchant',
      'shop',
      '--key-name',
      'till',
      '--scopes',
      'orders:read',
    ]);
    const [, prefix = '', secret = ''] = /bh_(\w+?)_([\w-]{43})/.exec(made.output) ?? [];
    const listed = await run('api-key.ts', ['list', '--merchant', 'shop']);
    expect(listed).toMatchObject({ code: 0, output: expect.stringContaining(`bh_${prefix}_…`) });
    expect(listed.output).not.toContain(secret);
    expect((await run('api-key.ts', ['revoke', '--merchant', 'other', '--key', `bh_${prefix}`])).code).toBe(1);
    expect((await run('api-key.ts', ['revoke', '--merchant', 'shop', '--key', `bh_${prefix}`])).code).toBe(0);
    expect((await run('api-key.ts', ['revoke', '--merchant', 'shop', '--key', `bh_${prefix}`])).code).toBe(1);
    expect((await run('api-key.ts', ['--help'])).code).toBe(0);
  }, 180_000);

  test('import takes in what is right, lists every refused line with its reasons, and can be run again', async () => {
    const file = path.join(folder, 'orders.jsonl');
    const lines = [
      ...Array.from({ length: 250 }, (_, index) => JSON.stringify(order(`imported-${index}`))),
      '{ "id": ',
      JSON.stringify({ ...order('bad'), currency: 'EURO', billing_address: undefined }),
      '',
      JSON.stringify(order('worse', { items: [{ name: 'Row', quantity: 1.5, unit_price: -1, vat_rate: '21' }] })),
      JSON.stringify(order('imported-0', { currency: 'USD' })),
      'null',
      JSON.stringify({ ...order('nameless'), id: undefined }),
    ];
    // With the mark and line ends of another system, and a last line that is no UTF-8.
    await writeFile(
      file,
      Buffer.concat([Buffer.from(`\ufeff${lines.join('\r\n')}\r\n`), Buffer.from('"Caf\xe9"', 'latin1')]),
    );
    const first = await run('import-orders.ts', [file]);
    expect(first.code).toBe(1);
    expect(first.output).toContain('250 placed, 0 there already, 7 refused');
    expect(first.output).toMatch(/line 251: BAD_USER_INPUT: .*JSON/);
    expect(first.output).toMatch(/line 252: BAD_USER_INPUT: .*billing_address/);
    expect(first.output).toMatch(/line 254: BAD_USER_INPUT: items\.0\.quantity .* items\.0\.unit_price /);
    expect(first.output).toMatch(/line 255: CONFLICT: id /);
    expect(first.output).toMatch(/line 256: BAD_USER_INPUT: order must be a JSON object/);
    expect(first.output).toMatch(/line 257: BAD_USER_INPUT: id is needed/);
    expect(first.output).toMatch(/line 258: BAD_USER_INPUT: it is not UTF-8/);
    expect((await run('import-orders.ts', [folder])).code).toBe(2);
    const second = await run('import-orders.ts', [file]);
    expect(second.output).toContain('0 placed, 250 there already, 7 refused');
  }, 180_000);

  test('import without a key that is right says so', async () => {
    const file = path.join(folder, 'orders.jsonl');
    const { code, output } = await run('import-orders.ts', [file], { BILLHEAD_API_KEY: 'nonsense' });
    expect({ code, output }).toMatchObject({ code: 2, output: expect.stringContaining('not valid') });
  });
});

test('the demo ends with a PDF', async () => {
  const demo = startProcess('commands/demo.ts', {});
  expect(await demo.exit()).toBe(0);
  const [, file = ''] = /The PDF: (.+)/.exec(demo.output()) ?? [];
  expect((await readFile(file)).subarray(0, 5).toString()).toBe('%PDF-');
  await rm(path.dirname(file), { recursive: true });
}, 180_000);
