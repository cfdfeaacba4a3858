// GraphiQL in a real browser: the guide's three steps, run by clicks, with nothing from anywhere but this server.

import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page, type Response } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDemoData } from '../../src/sample-data/demo-data.ts';
import { eventually } from '../setup/eventually.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { quietLog } from '../setup/quiet-log.ts';

const CHROMIUM = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));

// Nothing that a browser does by itself; as root it has no sandbox.
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe('GraphiQL', () => {
  let billhead: TestProduct;
  let browser: Browser;
  let page: Page;
  const requested: string[] = [];
  const complaints: string[] = [];

  beforeEach(({ skip }) => skip(!CHROMIUM, 'There is no Chromium; CHROMIUM_PATH can name one.'));
  beforeAll(async () => {
    if (!CHROMIUM) return;
    billhead = await startTestProduct({ withWorker: true });
    await openDemoData(billhead.product.app, billhead.dataDir, quietLog);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    // High enough for the longest answer of the guide: the editor keeps only what is in sight.
    page = await browser.newPage({ viewport: { width: 1600, height: 2_400 } });
    page.on('request', (request) => requested.push(request.url()));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${billhead.address}/graphql#key=${billhead.apiKey}`);
  });
  afterAll(async () => {
    await browser?.close();
    await billhead?.close();
  });

  /** Opens a step of the guide and runs it; what the server answers. */
  async function run(step: string): Promise<any> {
    // Tabs can be dragged: while they are laid out anew, a click may be taken for the beginning of that.
    await eventually(async () => {
      await page.locator('[role=tab]').getByText(step, { exact: true }).click();
      await shows('.graphiql-query-editor', `${step} `, 1_000);
      return true;
    });
    const isAnswer = (response: Response) =>
      (response.request().postDataJSON() as { operationName?: string } | null)?.operationName === step;
    // A click while the editor is still busy with the tab before runs that one: the next click then runs this one.
    return eventually(
      async () => {
        const answer = page.waitForResponse(isAnswer, { timeout: 3_000 });
        await Promise.all([answer, page.getByRole('button', { name: /execute query/i }).click()]);
        return (await answer).json() as unknown;
      },
      { timeoutMs: 20_000 },
    );
  }

  /** Waits until a reader sees the text. The editor shows spaces that do not break. */
  async function shows(part: string, text: string, timeoutMs = 10_000): Promise<void> {
    const read = async () => {
      expect((await page.locator(part).innerText()).replaceAll('\u00a0', ' ')).toContain(text);
      return true;
    };
    await eventually(read, { timeoutMs });
  }

  test('the guide: what can be invoiced, the invoice, and its number', async () => {
    await run('WhatCanBeInvoiced');
    await shows('.graphiql-response', '"demo-1001-1"');
    const { number } = (await run('InvoiceItems')).data.invoiceItems.invoice;
    expect(number).toMatch(/^\d{4}-000001$/);
    await shows('.graphiql-response', `"number": "${number}"`);
    // The PDF takes a moment: the step is run until it is there.
    const pdfUrl = await eventually(async () => (await run('Invoice')).data.invoice.pdf_url as string | null);
    await shows('.graphiql-response', '"status": "READY"');
    expect((await (await fetch(pdfUrl)).text()).slice(0, 5)).toBe('%PDF-');
  }, 90_000);

  test('the documentation is there: the schema was read', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.getByRole('link', { name: 'Mutation', exact: true }).click();
    await page.getByRole('link', { name: 'invoiceItems', exact: true }).waitFor();
  });

  test('all of it came from this server, and the browser had nothing to complain of', () => {
    const origins = requested.map((url) => new URL(url).origin);
    expect(origins.length).toBeGreaterThan(3);
    expect(new Set(origins)).toEqual(new Set([billhead.address]));
    expect(complaints).toEqual([]);
  });

  test('the key went to the server as a header alone', () => {
    expect(requested.filter((url) => url.includes(billhead.apiKey))).toEqual([]);
  });
});
