// A merchant with something of every kind: rows in every table, in the states that operations look for.

import pg from 'pg';
import { SCOPES } from '../../src/domain/access.ts';
import { item, order, PLACE_ORDER } from './orders.ts';
import type { TestProduct } from './product.ts';

/**
 * Ids and numbers begin with `mark`, and words with `mark` and "secret"; but one order, its customer and its invoice are
 * called "same" whatever the merchant. Returns a key.
 */
export async function addFurnishedMerchant(billhead: TestProduct, id: string, mark: string): Promise<string> {
  const key = await billhead.addMerchant(id, SCOPES, { numberPattern: `${mark}{year}-{sequence:6}` });
  const run = (query: string, variables: object = {}) => billhead.ask(query, variables, key);
  const place = (orderId: string, changes: object = {}) =>
    run(PLACE_ORDER, {
      input: order(orderId, {
        customer: {
          id: orderId === 'same' ? 'same' : `${mark}customer`,
          name: `${mark}secret Ada`,
          email: `${mark}secret@example.com`,
          locale: 'en',
        },
        items: [1, 2].map((row) =>
          item({ id: `${orderId}-${row}`, name: `${mark}secret widget`, sku: `${mark}sku-${row}`, quantity: 2 }),
        ),
        payment: { method: `${mark}secret card`, authorization: `${mark}auth-${orderId}` },
        ...changes,
      }),
    });
  const invoiceItems = (items: readonly string[], invoiceId: string) =>
    run('mutation ($input: InvoiceItemsInput!) { invoiceItems(input: $input) { invoice { id } } }', {
      input: { items, invoice_id: invoiceId },
    });
  const invoiceOrder = (input: object) =>
    run('mutation ($input: InvoiceOrderInput!) { invoiceOrder(input: $input) { invoice { id } } }', { input });

  await run(`mutation { createWebhookEndpoint(input: { url: "https://hooks.example.com/${mark}secret",
    description: "${mark}secret books", events: [INVOICE_CREATED, INVOICE_PAID] }) { secret } }`);
  const database = new pg.Client({ connectionString: billhead.databaseUrl });
  await database.connect();
  // The product makes its id: here it is called after the mark, too.
  await database.query('UPDATE webhook_endpoints SET id = $2 WHERE merchant_id = $1', [id, `${mark}endpoint`]);
  await place(`${mark}open`);
  await place('same');
  await invoiceItems(['same-1'], 'same');
  await place(`${mark}due`);
  await invoiceItems([`${mark}due-1`, `${mark}due-2`], `${mark}due`);
  await place(`${mark}failed`);
  await invoiceItems([`${mark}failed-1`], `${mark}failed`);
  await place(`${mark}online`);
  await invoiceOrder({
    order_id: `${mark}online`,
    capture: 'ONLINE',
    invoice_id: `${mark}online`,
    comment: `${mark}secret remark`,
  });

  await run(`mutation { sendInvoiceEmail(input: { invoice_id: "${mark}due", to: "${mark}secret@example.com",
    comment: "${mark}secret words" }) { invoice { id } } }`);

  await place(`${mark}returned`);
  await invoiceOrder({ order_id: `${mark}returned`, invoice_id: `${mark}returned` });
  await run(`mutation { shipItems(input: { order_id: "${mark}returned" }) { order { id } } }`);
  await run(`mutation { returnOrderItems(input: { order_id: "${mark}returned", items: [
    { id: "${mark}returned-1", contra_item_id: "${mark}contra" }] }) { order { id } } }`);
  await run(`mutation { refundPayment(input: { invoice_id: "${mark}returned" }) { invoice { id } } }`);
  await invoiceItems([`${mark}contra`], `${mark}credit`);

  await fetch(`${billhead.address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, 'idempotency-key': `${mark}key` },
    body: JSON.stringify({
      query: `mutation { addInvoiceComment(input: { invoice_id: "${mark}due", comment: "${mark}secret note" }) { invoice { id } } }`,
    }),
  });

  await billhead.product.app.renderInvoice({ merchantId: id, invoiceId: `${mark}due` });
  await database.query(
    `UPDATE invoices SET pdf_status = 'FAILED', pdf_error = $2, pdf_due_at = NULL WHERE merchant_id = $1 AND id = $3`,
    [id, `${mark}secret fault`, `${mark}failed`],
  );
  await database.query(
    `UPDATE webhook_deliveries SET id = $2, response = $3, error = $3
     WHERE merchant_id = $1 AND invoice_id = $4 AND event = 'INVOICE_CREATED'`,
    [id, `${mark}delivery`, `${mark}secret answer`, `${mark}due`],
  );
  // Not to be noted again while a test compares.
  await database.query(`UPDATE api_keys SET last_used_at = now() + interval '1 day' WHERE merchant_id = $1`, [id]);
  await database.end();
  return key;
}

/** Every table with a merchant_id, by its name. */
export async function merchantTables(database: pg.ClientBase): Promise<readonly string[]> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'merchant_id'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Every row of a merchant in every table, as text. */
export async function rowsOf(database: pg.ClientBase, merchantId: string): Promise<Record<string, readonly string[]>> {
  const entries: [string, readonly string[]][] = [];
  for (const table of await merchantTables(database)) {
    const { rows } = await database.query<{ row: string }>(
      `SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE merchant_id = $1 ORDER BY 1`,
      [merchantId],
    );
    entries.push([table, rows.map(({ row }) => row)]);
  }
  const { rows } = await database.query<{ row: string }>(
    `SELECT to_jsonb(t)::text AS row FROM test_gateway_entries t WHERE account = $1 ORDER BY 1`,
    [merchantId],
  );
  return { ...Object.fromEntries(entries), test_gateway_entries: rows.map(({ row }) => row) };
}
