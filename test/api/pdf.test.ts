// From an issued invoice to its PDF: owed, rendered, linked to, downloaded; and what happens when something goes wrong.

import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createHash } from 'node:crypto';
import pg from 'pg';
import { getDocumentProxy, extractText } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../setup/eventually.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';

let billhead: TestProduct;

beforeAll(async () => {
  billhead = await startTestProduct({ withWorker: true });
});
afterAll(() => billhead.close());

const PDF = 'query Pdf($id: String!) { invoice(id: $id) { number pdf_url pdf { status attempts error sha256 } } }';
const RETRY =
  'mutation Retry($id: String!) { retryInvoicePdf(input: { invoice_id: $id }) { invoice { pdf { status } } } }';

const orderOf = (id: string) => order(id, { items: [item({ id: `${id}-1`, name: `Fiets ${id}` })] });

async function issue(id: string): Promise<void> {
  await billhead.ask(PLACE_ORDER, { input: orderOf(id) });
  await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`], invoice_id: id } });
}

async function execute(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: billhead.databaseUrl });
  await client.connect();
  await client.query(statement);
  await client.end();
}

const read = async (id: string) => (await billhead.ask(PDF, { id })).invoice;

const ready = (id: string) =>
  eventually(
    async () => {
      const invoice = await read(id);
      expect(invoice.pdf.status).toBe('READY');
      return invoice as { number: string; pdf_url: string; pdf: { attempts: number; sha256: string } };
    },
    { timeoutMs: 20_000 },
  );

test('the PDF is ready a moment after the invoice, its bytes have the digest that is told, and the page says what was invoiced', async () => {
  await issue('first');
  const { number, pdf, pdf_url: url } = await ready('first');
  const response = await fetch(url);
  expect(response.status).toBe(200);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(pdf.sha256);
  expect(pdf.attempts).toBe(1);
  const { text } = await extractText(await getDocumentProxy(bytes), { mergePages: true });
  expect(text).toContain(number);
  expect(text).toContain('Fiets first');
  expect(text).toContain('Polderhandel Voorbeeld B.V.');
  expect(text).toContain('Ada Lovelace');
  expect(text.replaceAll('\u00a0', ' ')).toContain('€ 24,20');
});

describe('the link', () => {
  let url: string;

  beforeAll(async () => {
    await issue('linked');
    url = (await ready('linked')).pdf_url;
  });

  test.each([
    ['an id that was made here', null],
    ['the longest id, in a script of three bytes a letter', 'ค'.repeat(100)],
  ])('opens for %s', async (_, chosen) => {
    const name = chosen === null ? 'generated' : 'longest';
    await billhead.ask(PLACE_ORDER, { input: orderOf(name) });
    const input = { items: [`${name}-1`], invoice_id: chosen };
    const { invoiceItems } = await billhead.ask(INVOICE_ITEMS, { input });
    expect((await fetch((await ready(invoiceItems.invoice.id)).pdf_url)).status).toBe(200);
  });

  test('answers HEAD as GET, without the file', async () => {
    const head = await fetch(url, { method: 'HEAD' });
    const get = await fetch(url);
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String((await get.arrayBuffer()).byteLength));
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'));
  });

  test('is served with headers that keep it private and inert', async () => {
    const { headers } = await fetch(url);
    expect(headers.get('content-type')).toBe('application/pdf');
    expect(headers.get('content-disposition')).toMatch(/^inline; filename="\d{4}-\d{6}\.pdf"$/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toContain('private');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('forged, changed, cut or of another kind gives 403', async () => {
    const [content = '', signature = ''] = url.slice(url.lastIndexOf('/') + 1).split('.');
    const forged = Buffer.from(JSON.stringify(['demo', 'first', Date.now() + 1e9])).toString('base64url');
    const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(signature.at(-1) ?? '');
    // Another spelling of the same bytes: the two low bits of the last character are not part of them.
    const respelled = `${signature.slice(0, -1)}${'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[last ^ 1]}`;
    for (const token of [
      `${forged}.${signature}`,
      `${content}.${flipped}`,
      `${content}.${respelled}`,
      `${content}.${signature.slice(1)}`,
      content,
      'x',
      '..%2f..%2fetc%2fpasswd',
      `${content}%00.${signature}`,
      `${Buffer.from('["\\u0000","x",1]').toString('base64url')}.${signature}`,
      `${'A'.repeat(1500)}.${signature}`,
    ]) {
      const { status } = await fetch(`${billhead.address}/pdf/${token}`);
      expect({ token, status }).toEqual({ token, status: 403 });
    }
  });

  test('of one merchant is not signed by the secret of another', async () => {
    await billhead.addMerchant('neighbour');
    const [content = '', signature = ''] = url.slice(url.lastIndexOf('/') + 1).split('.');
    const [, invoiceId, expires] = JSON.parse(Buffer.from(content, 'base64url').toString()) as unknown[];
    const moved = Buffer.from(JSON.stringify(['neighbour', invoiceId, expires])).toString('base64url');
    expect((await fetch(`${billhead.address}/pdf/${moved}.${signature}`)).status).toBe(403);
  });

  test.each([
    ['bytes=0-4', 206, 5, /^bytes 0-4\/\d+$/],
    ['bytes=-6', 206, 6, /^bytes \d+-\d+\/\d+$/],
    ['bytes=10-', 206, null, /^bytes 10-\d+\/\d+$/],
    ['bytes=999999999-', 416, 0, /^bytes \*\/\d+$/],
    ['bytes=4-2', 200, null, null],
    ['lines=1-2', 200, null, null],
  ])('Range %s is answered with %i', async (range, status, length, contentRange) => {
    const response = await fetch(url, { headers: { range } });
    expect(response.status).toBe(status);
    const body = await response.arrayBuffer();
    if (length !== null) expect(body.byteLength).toBe(length);
    if (contentRange) expect(response.headers.get('content-range')).toMatch(contentRange);
  });

  test('a copy that is up to date is answered with 304', async () => {
    const etag = (await fetch(url)).headers.get('etag') ?? '';
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      expect((await fetch(url, { headers: { 'if-none-match': header } })).status).toBe(304);
    }
  });
});

test('money that comes later does not change the document: rendered again, it has the same bytes', async () => {
  await issue('paid-later');
  const { pdf } = await ready('paid-later');
  await billhead.ask(
    'mutation { registerPayment(input: { invoice_id: "paid-later", amount: 2420, method: "cash" }) { invoice { state } } }',
  );
  await execute(
    `UPDATE invoices SET pdf_status = 'PENDING', pdf_sha256 = NULL, pdf_due_at = now() WHERE id = 'paid-later'`,
  );
  expect((await ready('paid-later')).pdf.sha256).toBe(pdf.sha256);
});

test('a file that was lost is said to be missing, and is made again with the same bytes', async () => {
  await issue('lost');
  const { pdf, pdf_url: url } = await ready('lost');
  await rm(path.join(billhead.dataDir, 'pdf', pdf.sha256.slice(0, 2)), { recursive: true });
  const missing = await fetch(url);
  expect({ status: missing.status, retryAfter: missing.headers.get('retry-after') }).toEqual({
    status: 503,
    retryAfter: '2',
  });
  expect((await ready('lost')).pdf.sha256).toBe(pdf.sha256);
  expect((await fetch(url)).status).toBe(200);
});

test('a rendering that fails is told with its reason and tried again until it succeeds', async () => {
  const folder = path.join(billhead.dataDir, 'pdf');
  await rm(folder, { recursive: true, force: true });
  // A file where the folder should be: nothing can be written below it.
  await writeFile(folder, '');
  await issue('unlucky');
  await eventually(async () => {
    const { pdf, pdf_url: url } = await read('unlucky');
    expect(pdf).toMatchObject({ status: 'PENDING', sha256: null });
    expect(pdf.error).toContain('pdf');
    expect(url).toBeNull();
    return true;
  });
  await rm(folder);
  expect((await ready('unlucky')).pdf.attempts).toBeGreaterThan(1);
});

test('after eight attempts a PDF is given up until it is retried by hand', async () => {
  const folder = path.join(billhead.dataDir, 'pdf');
  await rm(folder, { recursive: true, force: true });
  await writeFile(folder, '');
  await issue('hopeless');
  await execute(`UPDATE invoices SET pdf_attempts = 7, pdf_due_at = now() WHERE id = 'hopeless'`);
  await eventually(async () => (await read('hopeless')).pdf.status === 'FAILED');
  expect((await read('hopeless')).pdf.error).not.toBeNull();
  await rm(folder);
  await billhead.ask(RETRY, { id: 'hopeless' });
  expect((await ready('hopeless')).pdf.attempts).toBe(1);
});

test('a PDF whose every worker died is given up as well', async () => {
  await issue('deadly');
  await ready('deadly');
  await execute(
    `UPDATE invoices SET pdf_status = 'PENDING', pdf_sha256 = NULL, pdf_attempts = 8, pdf_due_at = now() WHERE id = 'deadly'`,
  );
  await eventually(async () => (await read('deadly')).pdf.status === 'FAILED');
});

test('retryInvoicePdf asks again for one that failed for good, and leaves a ready one alone', async () => {
  await issue('given-up');
  await ready('given-up');
  expect((await billhead.ask(RETRY, { id: 'given-up' })).retryInvoicePdf.invoice.pdf.status).toBe('READY');
  await execute(`UPDATE invoices SET pdf_status = 'FAILED', pdf_sha256 = NULL, pdf_error = 'x' WHERE id = 'given-up'`);
  expect((await billhead.ask(RETRY, { id: 'given-up' })).retryInvoicePdf.invoice.pdf.status).toBe('PENDING');
  await ready('given-up');
  expect((await billhead.refusal(RETRY, { id: 'nowhere' })).extensions.code).toBe('NOT_FOUND');
});
