// A backup as the README says: dumped while it runs, restored into an empty database, and everything is there and goes on.

import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startSystemPostgres } from '../setup/system-postgres.ts';

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const postgres = await startSystemPostgres();
const DUMP = ['--format=custom', '--enable-row-security', '--exclude-schema=bullmq'];
const ALL = { PGOPTIONS: '-c billhead.scope=all' };
const RESTORE = ['--no-owner', '--exit-on-error'];
/** Drawing begins with starting threads, which takes its time on a busy machine. */
const PATIENCE = { timeoutMs: 60_000 };
const EVERYTHING = `{ invoices(first: 100, sort: { field: NUMBER, direction: ASC }) { nodes {
  id number state total pdf_url pdf { status sha256 } customer { name } orders { number } lines { name quantity total }
  comments { comment } emails { to status } reimbursement { status amount_due } corrects { number }
} } }`;

describe.skipIf(postgres === null)('a backup', () => {
  let folder: string;
  let billhead: TestProduct;
  let restored: TestProduct;
  let before: unknown;
  let sentOutLater: number;

  const ownersUrl = (database: string) => postgres?.urlOf(database).replace('admin@', 'owner@') ?? '';
  const program: NonNullable<typeof postgres>['program'] = (...call) =>
    postgres?.program(...call) ?? Promise.reject(new Error('there is no PostgreSQL'));
  const query = async (url: string, sql: string): Promise<pg.QueryResult> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  };
  const invoiceNumber = async (product: TestProduct, items: readonly string[], apiKey = billhead.apiKey) => {
    const { data } = await product.graphql(INVOICE_ITEMS, { input: { items } }, apiKey);
    return Number(data.invoiceItems.invoice.number.slice(-6));
  };
  const invoicesOf = async (product: TestProduct) =>
    (await product.ask(EVERYTHING, {}, billhead.apiKey)).invoices.nodes as Readonly<Record<string, any>>[];
  // Links begin with where a server listens.
  const comparable = (invoices: readonly object[]) =>
    JSON.parse(JSON.stringify(invoices).replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, '')) as unknown;
  const pdfOf = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer()).toString('latin1');

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'billhead-backup-'));
    await query(postgres?.urlOf('postgres') ?? '', 'CREATE ROLE owner LOGIN');
    await query(postgres?.urlOf('postgres') ?? '', 'CREATE DATABASE shop OWNER owner');
    billhead = await startTestProduct({ withWorker: true, env: { DATABASE_URL: ownersUrl('shop') } });
    for (let index = 0; index < 6; index += 1) {
      const items = [item({ id: `o${index}-1` }), item({ id: `o${index}-2` })];
      await billhead.ask(PLACE_ORDER, { input: order(`o${index}`, { items }) });
    }
    for (let index = 0; index < 4; index += 1) await invoiceNumber(billhead, [`o${index}-1`, `o${index}-2`]);
    const [first] = await invoicesOf(billhead);
    const comment = `invoice_id: "${first?.['id']}", comment: "paid in person"`;
    await billhead.ask(`mutation { addInvoiceComment(input: { ${comment} }) { invoice { id } } }`);
    await billhead.ask(
      `mutation { registerPayment(input: { invoice_id: "${first?.['id']}", amount: 100, method: "cash" }) { invoice { id } } }`,
    );
    await eventually(async () => (await invoicesOf(billhead)).every(({ pdf }) => pdf.status === 'READY'), PATIENCE);
    before = comparable(await invoicesOf(billhead));

    // The database first, then the files.
    const dump = path.join(folder, 'billhead.dump');
    await dumpTo(dump);
    await cp(path.join(billhead.dataDir, 'pdf'), path.join(folder, 'pdf'), { recursive: true });
    // Sent out after the backup, and not in it.
    sentOutLater = await invoiceNumber(billhead, ['o4-1']);

    await query(postgres?.urlOf('postgres') ?? '', 'CREATE DATABASE restored OWNER owner');
    await restore(dump);
    restored = await startTestProduct({ withWorker: true, env: { DATABASE_URL: ownersUrl('restored') } });
    await cp(path.join(folder, 'pdf'), path.join(restored.dataDir, 'pdf'), { recursive: true });
  }, 120_000);
  afterAll(async () => {
    await restored?.close();
    await billhead?.close();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  // The programs run as another account, which may write only to its own folder: so it goes through their output.
  async function dumpTo(file: string): Promise<void> {
    const open = path.join(os.tmpdir(), `billhead-dump-${process.pid}`);
    await program('pg_dump', [...DUMP, '--file', open, '--dbname', ownersUrl('shop')], ALL);
    await cp(open, file);
    await rm(open);
  }

  async function restore(dump: string): Promise<void> {
    const open = path.join(os.tmpdir(), `billhead-restore-${process.pid}`);
    await cp(dump, open);
    try {
      await program('pg_restore', [...RESTORE, '--dbname', ownersUrl('restored'), open]);
    } finally {
      await rm(open);
    }
  }

  test('is made and restored by the commands of the README', () => {
    const text = readme.replaceAll(/\\\n\s*/g, '');
    expect(text).toContain(`PGOPTIONS='${ALL.PGOPTIONS}' pg_dump ${DUMP.join(' ')}`);
    expect(text).toContain(`pg_restore ${RESTORE.join(' ')}`);
  });

  test('every invoice reads as before, with its money and its notes, and each PDF is the same to the byte', async () => {
    const after = await invoicesOf(restored);
    expect(after).toHaveLength(4);
    expect(comparable(after)).toEqual(before);
    for (const { pdf_url: url } of after) {
      const theirs = await pdfOf(url);
      expect(theirs.slice(0, 5)).toBe('%PDF-');
      expect(theirs).toBe(await pdfOf(url.replace(restored.address, billhead.address)));
    }
  });

  test('a PDF whose file is gone is made again, the same', async () => {
    const [invoice] = await invoicesOf(restored);
    const sha256 = String(invoice?.['pdf'].sha256);
    const whole = await pdfOf(invoice?.['pdf_url']);
    const file = path.join(restored.dataDir, 'pdf', sha256.slice(0, 2), `${sha256}.pdf`);
    await rm(file);
    expect((await fetch(invoice?.['pdf_url'])).status).toBe(503);
    await eventually(async () => (await readdir(path.dirname(file))).includes(path.basename(file)), PATIENCE);
    await eventually(async () => (await invoicesOf(restored))[0]?.['pdf'].status === 'READY', PATIENCE);
    expect(await pdfOf(invoice?.['pdf_url'])).toBe(whole);
  });

  test('numbers go on without a gap, and over those that were sent out meanwhile when the counter was raised', async () => {
    const url = `${ownersUrl('restored')}?options=-c%20billhead.scope%3Dall`;
    const raise = /^INSERT INTO number_series .*?;$/ms.exec(readme)?.[0] ?? '';
    const { rows } = await query(url, 'SELECT merchant_id, series, year, last_number FROM number_series');
    expect(rows).toEqual([{ merchant_id: 'demo', series: 'invoice', year: expect.any(Number), last_number: '4' }]);
    expect({ raise, sentOutLater }).toEqual({ raise: expect.stringContaining('1234'), sentOutLater: 5 });
    // As an operator who knows of number 5, but with this year and this merchant.
    const filledIn = raise
      .replace("'acme'", "'demo'")
      .replace(', 2026, ', `, ${rows[0].year}, `)
      .replaceAll('1234', '5');
    expect((await query(url, filledIn)).rowCount).toBe(1);
    expect(await invoiceNumber(restored, ['o4-1'])).toBe(6);
    expect(await invoiceNumber(restored, ['o5-1'])).toBe(7);
    // It never goes back.
    await query(url, filledIn);
    expect(await invoiceNumber(restored, ['o5-2'])).toBe(8);
  });

  test('a dump that would miss rows fails, but for one that was told to; a superuser needs neither', async () => {
    const nowhere = ['--file', '/dev/null'];
    await expect(program('pg_dump', [...nowhere, '--dbname', ownersUrl('shop')])).rejects.toThrow(/row-level security/);
    await program('pg_dump', [...nowhere, '--dbname', postgres?.urlOf('shop') ?? '']);
    const told = await program('pg_dump', [
      '--enable-row-security',
      '--data-only',
      '--table=invoices',
      ownersUrl('shop'),
    ]);
    expect(told).not.toContain('2026-0');
    expect(told).not.toMatch(/\d{4}-000001/);
  });
});
