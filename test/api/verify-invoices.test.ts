// The proof for the bookkeeper: whatever is changed of issued documents, their PDFs or the chain over them is found, and named.

import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { tamper } from '../setup/tampering.ts';

const VERIFY = `query ($from: Int, $first: Int, $files: Boolean, $noted: ChainPlaceInput) {
  verifyInvoices(from_position: $from, first: $first, with_files: $files, noted: $noted) {
    is_intact verified_documents resealed_documents unsealed_documents next_position
    head { position hash } first_fault { kind position invoice_id number message }
  }
}`;

let billhead: TestProduct;
let database: pg.Client;

async function start(): Promise<void> {
  billhead = await startTestProduct();
  database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
}

async function stop(): Promise<void> {
  await database.end();
  await billhead.close();
}

async function issue(id: string): Promise<void> {
  const shipping_address = { street: 'Kade 2', postal_code: '3011 AA', city: 'Rotterdam', country: 'NL' };
  const items = [item({ id: `${id}-1`, sku: 'A' }), item({ id: `${id}-2`, name: 'Second', quantity: 3 })];
  await billhead.ask(PLACE_ORDER, { input: order(id, { items, shipping_address }) });
  await billhead.ask(INVOICE_ITEMS, { input: { items: items.map((one) => one.id), invoice_id: `inv-${id}` } });
}

const render = (id: string) => billhead.product.app.renderInvoice({ merchantId: 'demo', invoiceId: `inv-${id}` });
const verify = async (variables: object = {}) => (await billhead.ask(VERIFY, variables)).verifyInvoices;
const change = (statement: string, values: readonly unknown[] = []) => tamper(billhead.databaseUrl, statement, values);

/** Remembers tables as they are; the function puts them back. */
async function keep(tables: readonly string[]): Promise<() => Promise<void>> {
  const kept: { readonly table: string; readonly columns: string; readonly rows: string }[] = [];
  for (const table of tables) {
    const { rows } = await database.query<{ columns: string; rows: string }>(
      `SELECT (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
         WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns,
         (SELECT json_agg(t)::text FROM ${table} t) AS rows`,
      [table],
    );
    kept.push({ table, columns: rows[0]?.columns ?? '', rows: rows[0]?.rows ?? '[]' });
  }
  return async () => {
    for (const { table, columns, rows } of kept) {
      await change(`DELETE FROM ${table}`);
      const source = `json_populate_recordset(NULL::${table}, $1)`;
      await change(`INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${source}`, [rows]);
    }
  };
}

/** Does something to the database and takes all of it back when the test is over. */
async function changing(tables: readonly string[], statement: string): Promise<void> {
  const putBack = await keep(tables);
  onTestFinished(async () => {
    await putBack();
    expect((await verify({ files: true })).is_intact).toBe(true);
  });
  await change(statement);
}

describe('of four documents', () => {
  beforeAll(async () => {
    await start();
    for (const id of ['a', 'b', 'c', 'd']) await issue(id);
    for (const id of ['a', 'b', 'c']) await render(id);
    // The checks keep out what nobody could mean; who tampers is not held up by them.
    const { rows } = await database.query<{ statement: string }>(
      `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS statement FROM pg_constraint
       WHERE contype = 'c' AND conrelid::regclass::text IN ('invoices', 'invoice_lines', 'invoice_orders')`,
    );
    for (const { statement } of rows) await change(statement);
  });
  afterAll(stop);

  test('those with a PDF are sealed, in that order, and the chain is intact', async () => {
    const hash = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    const intact = {
      is_intact: true,
      verified_documents: 3,
      resealed_documents: 0,
      unsealed_documents: 1,
      next_position: null,
      head: { position: 3, hash },
      first_fault: null,
    };
    expect(await verify()).toEqual(intact);
    expect(await verify({ files: true })).toEqual(intact);
  });

  test('is walked in parts, from any position', async () => {
    expect(await verify({ first: 2 })).toMatchObject({ is_intact: true, verified_documents: 2, next_position: 3 });
    expect(await verify({ from: 3, first: 2 })).toMatchObject({ verified_documents: 1, next_position: null });
    expect(await verify({ from: 4 })).toMatchObject({ is_intact: true, verified_documents: 0, next_position: null });
  });

  test('refuses what no position and no hash can be, with every fault at once', async () => {
    const noted = { position: 0, hash: 'x' };
    const { extensions } = await billhead.refusal(VERIFY, { from: 0, first: 1001, noted });
    expect(extensions.code).toBe('BAD_USER_INPUT');
    expect(extensions.faults?.map((fault) => fault.path.join('.'))).toEqual([
      'from_position',
      'first',
      'noted.position',
      'noted.hash',
    ]);
  });

  /** What the life of an invoice changes, and what stands on no document. */
  const NOT_SEALED: Readonly<Record<string, readonly string[]>> = {
    invoices:
      `state amount_paid amount_refunded amount_credited is_archived exclude_from_autopay request_hash pdf_status
      pdf_attempts pdf_error pdf_due_at updated_at sealed_sha256 pdf_ready_at`.split(/\s+/),
    invoice_lines: ['credited_e4', 'credited_ex_vat', 'credited_vat', 'credited_discount'],
    // Which of several orders comes first is sealed, not how that is counted.
    invoice_orders: ['position'],
  };
  const OTHER_KINDS: Readonly<Record<string, string>> = {
    'invoices.merchant_id': 'DOCUMENT_MISSING',
    'invoices.id': 'DOCUMENT_MISSING',
    'invoices.pdf_sha256': 'PDF_CHANGED',
  };
  const ANOTHER: Readonly<Record<string, (column: string) => string>> = {
    text: (column) => `coalesce(${column}, '') || 'x'`,
    bigint: (column) => `${column} + 100`,
    integer: (column) => `coalesce(${column}, 0) + 100`,
    boolean: (column) => `NOT ${column}`,
    date: (column) => `${column} + 1`,
    jsonb: (column) => `coalesce(${column}, '{}') || '{"name": "Somebody else"}'`,
    'timestamp with time zone': (column) => `coalesce(${column}, now()) + interval '1 second'`,
  };

  test('each column of each printed table, changed by a superuser, is found at the document that it is of', async () => {
    let found = 0;
    for (const [table, notSealed] of Object.entries(NOT_SEALED)) {
      const { rows: columns } = await database.query<{ name: string; type: string }>(
        `SELECT column_name AS name, data_type AS type FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'`,
        [table],
      );
      const putBack = await keep([table]);
      for (const { name, type } of columns) {
        const where = table === 'invoices' ? `id = 'inv-b'` : `invoice_id = 'inv-b' AND position = 1`;
        await change(`UPDATE ${table} SET ${name} = ${ANOTHER[type]?.(name)} WHERE ${where}`);
        const { is_intact: isIntact, first_fault: fault } = await verify();
        const kind = notSealed.includes(name) ? null : (OTHER_KINDS[`${table}.${name}`] ?? 'CONTENT_CHANGED');
        const expected = kind && { kind, position: 2, invoice_id: 'inv-b' };
        const seen = fault && { kind: fault.kind, position: fault.position, invoice_id: fault.invoice_id };
        expect({ table, name, isIntact, seen }).toEqual({ table, name, isIntact: kind === null, seen: expected });
        await putBack();
        found += Number(kind !== null);
      }
    }
    expect(found).toBeGreaterThan(45);
    expect((await verify()).is_intact).toBe(true);
  }, 120_000);

  test('a line that is added or taken away is found', async () => {
    await changing(['invoice_lines'], `DELETE FROM invoice_lines WHERE invoice_id = 'inv-c' AND position = 2`);
    expect((await verify()).first_fault).toMatchObject({ kind: 'CONTENT_CHANGED', position: 3, invoice_id: 'inv-c' });
  });

  test('the first of several is named', async () => {
    await changing(['invoice_lines'], `UPDATE invoice_lines SET name = 'x' WHERE invoice_id IN ('inv-c', 'inv-a')`);
    expect((await verify()).first_fault).toMatchObject({ kind: 'CONTENT_CHANGED', position: 1, invoice_id: 'inv-a' });
    expect((await verify({ from: 2 })).first_fault).toMatchObject({ position: 3, invoice_id: 'inv-c' });
  });

  test('an invoice that is gone is found, with all its lines', async () => {
    await changing(['invoices'], `DELETE FROM invoices WHERE id = 'inv-a'`);
    expect((await verify()).first_fault).toMatchObject({ kind: 'DOCUMENT_MISSING', position: 1, invoice_id: 'inv-a' });
  });

  test.each([
    ['position', '40', 'ENTRY_MISSING'],
    ['invoice_id', `'inv-d'`, 'ENTRY_CHANGED'],
    ['number', `'x'`, 'ENTRY_CHANGED'],
    ['version', '0', 'ENTRY_CHANGED'],
    ['content_sha256', `repeat('a', 64)`, 'ENTRY_CHANGED'],
    ['pdf_sha256', `repeat('a', 64)`, 'ENTRY_CHANGED'],
    ['sealed_at', `sealed_at + interval '1 ms'`, 'ENTRY_CHANGED'],
    ['previous_hash', `repeat('a', 64)`, 'ENTRY_CHANGED'],
    ['hash', `repeat('a', 64)`, 'ENTRY_CHANGED'],
    ['merchant_id', `'nobody'`, 'ENTRY_MISSING'],
  ])('an entry with another %s is found', async (column, value, kind) => {
    await changing(['sealed_invoices'], `UPDATE sealed_invoices SET ${column} = ${value} WHERE position = 2`);
    expect((await verify()).first_fault).toMatchObject({ kind, position: 2 });
  });

  test.each([1, 2, 3])('entry %i missing is found', async (position) => {
    await changing(['sealed_invoices'], `DELETE FROM sealed_invoices WHERE position = ${position}`);
    expect((await verify()).first_fault).toMatchObject({ kind: 'ENTRY_MISSING', position });
  });

  test('entries that changed places are found', async () => {
    await changing(
      ['sealed_invoices'],
      `UPDATE sealed_invoices SET position = 9 WHERE position = 1;
       UPDATE sealed_invoices SET position = 1 WHERE position = 2; UPDATE sealed_invoices SET position = 2 WHERE position = 9`,
    );
    expect((await verify()).first_fault).toMatchObject({ kind: 'ENTRY_CHANGED', position: 1 });
  });

  test.each([
    ['is another one', `UPDATE invoice_chains SET hash = repeat('a', 64)`],
    ['lies before the last entry', `UPDATE invoice_chains SET position = 2`],
    ['is gone', `DELETE FROM invoice_chains`],
  ])('a head that %s is found', async (_, statement) => {
    await changing(['invoice_chains'], statement);
    expect((await verify()).first_fault).toMatchObject({ kind: 'ENTRY_CHANGED', position: 3 });
  });

  test('a chain that was cut off at its end, head and all, is found by who noted its end down', async () => {
    const { head: noted } = await verify();
    await changing(
      ['sealed_invoices', 'invoice_chains'],
      `UPDATE invoice_chains c SET position = 2, hash = e.hash, previous_hash = e.previous_hash
         FROM sealed_invoices e WHERE e.position = 2;
       DELETE FROM sealed_invoices WHERE position = 3`,
    );
    expect(await verify()).toMatchObject({ is_intact: true, verified_documents: 2, unsealed_documents: 2 });
    expect((await verify({ noted })).first_fault).toMatchObject({ kind: 'ENTRY_MISSING', position: 3 });
  });

  test('a chain that was written anew over a changed document is found by who noted its end down', async () => {
    const { head: noted } = await verify();
    await changing(
      ['sealed_invoices', 'invoice_chains', 'invoices', 'invoice_lines'],
      `UPDATE invoice_lines SET name = 'Something cheaper' WHERE invoice_id = 'inv-a'; UPDATE invoices SET sealed_sha256 = NULL;
       DELETE FROM sealed_invoices; DELETE FROM invoice_chains`,
    );
    await billhead.product.app.sweepOwedWork();
    expect(await verify()).toMatchObject({ is_intact: true, verified_documents: 3 });
    expect(await verify({ noted })).toMatchObject({
      is_intact: false,
      first_fault: { kind: 'CHAIN_REWRITTEN', position: 3 },
    });
  });

  test('a place that was noted down and is still there says so while the chain grows', async () => {
    const { rows } = await database.query(`SELECT position, hash FROM sealed_invoices WHERE position = 2`);
    expect((await verify({ noted: rows[0], from: 3 })).is_intact).toBe(true);
  });

  test('a PDF that was changed on the disk, or is gone from it, is found when files are read', async () => {
    const { invoice } = await billhead.ask('{ invoice(id: "inv-b") { pdf { sha256 } } }');
    const { sha256 } = invoice.pdf as { sha256: string };
    const file = path.join(billhead.dataDir, 'pdf', sha256.slice(0, 2), `${sha256}.pdf`);
    await writeFile(file, 'another one');
    expect((await verify()).is_intact).toBe(true);
    expect((await verify({ files: true })).first_fault).toMatchObject({ kind: 'PDF_CHANGED', position: 2 });
    await rm(file);
    expect((await verify({ files: true })).first_fault).toMatchObject({ kind: 'PDF_MISSING', position: 2 });
    // Owed again, and made with the same bytes: nothing new to seal.
    await database.query(
      `UPDATE invoices SET pdf_status = 'PENDING', pdf_sha256 = NULL, pdf_due_at = now() WHERE id = 'inv-b'`,
    );
    expect((await verify()).first_fault).toMatchObject({ kind: 'PDF_MISSING', position: 2 });
    await render('b');
    expect(await verify({ files: true })).toMatchObject({ is_intact: true, head: { position: 3 } });
  });
});

describe('documents that others made ready', () => {
  beforeEach(start);
  const MADE_READY = `UPDATE invoices SET pdf_status = 'READY', pdf_sha256 = repeat('c', 64), pdf_error = NULL,
    pdf_due_at = NULL`;

  test('before there were seals, or by a worker of the version before, are sealed by the sweep in the order of their numbers', async () => {
    onTestFinished(stop);
    for (const id of ['c', 'a', 'b']) await issue(id);
    await database.query(MADE_READY);
    expect(await verify()).toMatchObject({ verified_documents: 0, unsealed_documents: 3 });
    await Promise.all([billhead.product.app.sweepOwedWork(), billhead.product.app.sweepOwedWork()]);
    await billhead.product.app.sweepOwedWork();
    expect(await verify()).toMatchObject({ is_intact: true, verified_documents: 3, unsealed_documents: 0 });
    const { rows } = await database.query('SELECT invoice_id FROM sealed_invoices ORDER BY position');
    expect(rows.map((row) => row.invoice_id)).toEqual(['inv-c', 'inv-a', 'inv-b']);
  });

  test('again, with other bytes, are sealed again, and the first seal stays', async () => {
    onTestFinished(stop);
    await issue('a');
    await render('a');
    await database.query(`UPDATE invoices SET pdf_status = 'PENDING', pdf_sha256 = NULL, pdf_due_at = now()`);
    await database.query(MADE_READY);
    expect((await verify()).first_fault).toMatchObject({ kind: 'PDF_CHANGED', position: 1 });
    await billhead.product.app.sweepOwedWork();
    expect(await verify()).toMatchObject({ is_intact: true, verified_documents: 1, resealed_documents: 1 });
    await change(`UPDATE invoices SET memo = 'x'`);
    expect((await verify()).first_fault).toMatchObject({ kind: 'CONTENT_CHANGED', position: 1 });
  });

  test('many at once, at two workers and by the sweep, stand in one chain without a gap, each once', async () => {
    onTestFinished(stop);
    const ids = Array.from({ length: 24 }, (_, index) => `n${index}`);
    await Promise.all(ids.map(issue));
    const worker = await billhead.addWorker();
    await Promise.all([
      ...ids.slice(0, 18).map(render),
      ...ids.slice(6, 18).map(render),
      database
        .query(`${MADE_READY} WHERE id = ANY($1) AND pdf_status = 'PENDING'`, [ids.slice(15).map((id) => `inv-${id}`)])
        .then(() => billhead.product.app.sweepOwedWork()),
    ]);
    await worker.close();
    await Promise.all(ids.map(render));
    await billhead.product.app.sweepOwedWork();
    expect(await verify()).toMatchObject({ is_intact: true, verified_documents: 24, resealed_documents: 0 });
    const { rows } = await database.query('SELECT count(*)::int, max(position) FROM sealed_invoices');
    expect(rows).toEqual([{ count: 24, max: 24 }]);
  }, 120_000);
});
