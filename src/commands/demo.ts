// `npm run demo`: the main job from end to end in one go, on a database that is made for it and removed again.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pinoLog } from '../adapters/pino-log.ts';
import { readConfig } from '../config.ts';
import { openProduct } from '../product.ts';
import { openDemoData } from '../sample-data/demo-data.ts';
import { startServer } from '../server.ts';
import { startWorker } from '../worker.ts';

const PDF_DEADLINE_MS = 30_000;
const POLL_MS = 25;

const WHAT_CAN_BE_INVOICED = `query WhatCanBeInvoiced($number: String!) {
  order(number: $number) {
    number total currency customer { organisation } actions { action ids }
  }
}`;

const INVOICE_ITEMS = `mutation InvoiceItems($input: InvoiceItemsInput!) {
  invoiceItems(input: $input) { invoice { id number total pdf_url } }
}`;

const INVOICE = `query Invoice($id: String!) {
  invoice(id: $id) {
    number state due_date orders { number } vat { rate total_ex_vat amount } total
    reimbursement { status amount_due } pdf { status } pdf_url
  }
}`;

interface DemoOrder {
  readonly order: { readonly actions: readonly { readonly action: string; readonly ids: readonly string[] }[] };
}

await demonstrate();

async function demonstrate(): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'billhead-demo-'));
  // Under root PostgreSQL runs as another account, which must be able to pass; each file below has its own mode.
  await chmod(folder, 0o711);
  const log = pinoLog('warn');
  const config = readConfig({ DATA_DIR: folder, PORT: '0' });
  console.log(`Starting PostgreSQL, the API and a worker in ${folder} …`);
  const product = await openProduct(config, log);
  try {
    const { apiKey } = await openDemoData(product.app, folder, log);
    const worker = await startWorker(product, config, log);
    const server = await startServer(product, config, log);
    const pdf = await runGuide(`${server.address}/graphql`, apiKey);
    await server.close();
    await worker.close();
    console.log(`\nThe PDF: ${pdf}`);
  } finally {
    await product.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function runGuide(endpoint: string, apiKey: string): Promise<string> {
  const ask = <T>(title: string, query: string, variables: object) =>
    request<T>(endpoint, apiKey, title, query, variables);
  const first = await ask<DemoOrder>('1. What can be invoiced of order 1001?', WHAT_CAN_BE_INVOICED, {
    number: '1001',
  });
  const second = await ask<DemoOrder>('   And of order 1002?', WHAT_CAN_BE_INVOICED, { number: '1002' });
  const items = [...invoiceable(first).slice(0, 2), ...invoiceable(second).slice(0, 2)];
  const input = { items, invoice_id: 'my-first-invoice' };
  await ask('2. Put items of both on one invoice.', INVOICE_ITEMS, { input });
  const pdfUrl = await waitForPdf(endpoint, apiKey);
  await ask('3. Read the invoice: the PDF is there.', INVOICE, { id: input.invoice_id });
  return download(pdfUrl);
}

function invoiceable({ order }: DemoOrder): readonly string[] {
  return order.actions.find(({ action }) => action === 'INVOICE')?.ids ?? [];
}

async function request<T>(
  endpoint: string,
  apiKey: string,
  title: string | null,
  query: string,
  variables: object,
): Promise<T> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await response.json()) as { data?: T; errors?: unknown };
  if (title !== null) {
    console.log(`\n${title}\n${query}\n  with ${JSON.stringify(variables)}\n  → ${JSON.stringify(answer.data)}`);
  }
  if (answer.errors || !answer.data) throw new Error(`Refused: ${JSON.stringify(answer)}`);
  return answer.data;
}

async function waitForPdf(endpoint: string, apiKey: string): Promise<string> {
  const deadline = performance.now() + PDF_DEADLINE_MS;
  while (performance.now() < deadline) {
    const variables = { id: 'my-first-invoice' };
    const { invoice } = await request<{ invoice: { pdf_url: string | null } }>(
      endpoint,
      apiKey,
      null,
      INVOICE,
      variables,
    );
    if (invoice.pdf_url !== null) return invoice.pdf_url;
    await pause(POLL_MS);
  }
  throw new Error(`There was no PDF within ${PDF_DEADLINE_MS} ms.`);
}

/** Keeps the PDF where it outlives the demo's own folder. */
async function download(pdfUrl: string): Promise<string> {
  const response = await fetch(pdfUrl);
  if (!response.ok) throw new Error(`The PDF answered ${response.status}.`);
  const file = path.join(await mkdtemp(path.join(os.tmpdir(), 'billhead-pdf-')), 'invoice.pdf');
  await writeFile(file, new Uint8Array(await response.arrayBuffer()));
  return file;
}
