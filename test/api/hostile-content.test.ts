// Hostile texts in every text of every input of the schema: refused by name, or taken in and given back as they came.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSchema } from '../../src/graphql/schema.ts';
import { gatewayEntries } from '../setup/gateway.ts';
import { HOSTILE_TEXTS } from '../setup/hostile-texts.ts';
import { operationsOf } from '../setup/minimal-input.ts';
import { INVOICE_ITEMS, item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { textFieldsOf, textsIn } from '../setup/text-fields.ts';

let billhead: TestProduct;
/** Orders with hostile ids are this one's, so that nobody finds them who should find nothing. */
let shop: string;
let count = 0;

beforeAll(async () => {
  billhead = await startTestProduct();
  shop = await billhead.addMerchant('shop');
  await billhead.ask(PLACE_ORDER, { input: order('known') });
  await billhead.ask(INVOICE_ITEMS, { input: { items: ['known-1'], invoice_id: 'known' } });
});
afterAll(() => billhead.close());

const schema = createSchema();
const minimal = new Map(operationsOf(schema).map(({ name, variables }) => [name, variables]));
const newOrder = () => {
  const id = `h-${(count += 1)}`;
  const customer = { id: `c-${id}`, name: 'Ada Lovelace', email: 'ada@example.com', locale: 'nl-NL' };
  return order(id, { customer, items: [item({ id: `${id}-1` })] });
};
const placed = async () => {
  const input = newOrder();
  await billhead.ask(PLACE_ORDER, { input });
  return { order_id: input.id };
};

/** What succeeds but for the hostile text; an operation that is not here is asked with the least it must have. */
const HONEST: Readonly<Record<string, () => Promise<object>>> = {
  placeOrder: async () => ({ ...newOrder(), shipping_address: { street: 'Kade 1', city: 'Utrecht', country: 'NL' } }),
  shipItems: placed,
  authorizePayment: async () => ({ ...(await placed()), source: 'card' }),
  invoiceOrder: placed,
  invoiceItems: async () => ({ items: [`${(await placed()).order_id}-1`] }),
  cancelOrderItems: async () => {
    const { order_id: id } = await placed();
    await billhead.ask(INVOICE_ITEMS, { input: { items: [`${id}-1`] } });
    return { order_id: id, items: [{ id: `${id}-1` }] };
  },
  createInvoice: async () => ({
    customer_id: 'customer-1',
    currency: 'EUR',
    lines: [{ name: 'Advice', quantity: 1, unit_price: 100, vat_rate: '0', vat_category: 'E' }],
  }),
  addInvoiceComment: async () => ({ invoice_id: 'known', comment: 'Thank you' }),
  sendInvoiceEmail: async () => ({ invoice_id: 'known' }),
  registerPayment: async () => ({ invoice_id: 'known', amount: 1, method: 'cash' }),
  createWebhookEndpoint: async () => {
    // There may be ten of them, and no more.
    for (const { id } of (await billhead.ask('{ webhookEndpoints { id } }')).webhookEndpoints) {
      await billhead.ask(`mutation { deleteWebhookEndpoint(input: { endpoint_id: "${id}" }) { endpoint_id } }`);
    }
    return { url: 'https://hooks.example.com/', events: ['INVOICE_PAID'] };
  },
};
const honest = async (operation: string): Promise<Readonly<Record<string, unknown>>> => {
  const input = await HONEST[operation]?.();
  return input === undefined ? (minimal.get(operation) ?? {}) : { input };
};

/** What is taken in and never given back, or names something that is there. */
const NOT_GIVEN_BACK = new Set([
  'authorizePayment.input.source',
  'placeOrder.input.customer.locale',
  'placeOrder.input.payment.method',
  'placeOrder.input.payment.authorization',
  'sendInvoiceEmail.input.comment',
]);

const UNSAFE = /(?![\n\r\t])\p{Cc}|[\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const fields = textFieldsOf(schema);

test('the table covers every text of the schema', () => {
  expect(fields.length).toBeGreaterThan(80);
  // These take none, or are asked for at another door.
  const without = new Set(['webhookEndpoints', 'invoiceNumberReport', 'invoicePdf']);
  const withTexts = [...minimal.keys()].filter((name) => !without.has(name));
  expect(new Set(fields.map(({ operation }) => operation))).toEqual(new Set(withTexts));
  for (const label of NOT_GIVEN_BACK) expect(fields.map((field) => field.label)).toContain(label);
});

describe('hostile texts are refused by the name of the field, or given back as they came', () => {
  test.each(fields)('$label', async ({ label, operation, name, isMutation, documentWith, put }) => {
    let base: Readonly<Record<string, unknown>> | null = null;
    for (const [what, text] of Object.entries(HOSTILE_TEXTS)) {
      // What a refused call was to work on is untouched, and serves the next one.
      base ??= await honest(operation);
      const variables = put(text, base);
      const { data, errors } = await billhead.graphql(
        documentWith(variables),
        variables,
        operation === 'placeOrder' ? shop : undefined,
      );
      if (!errors) base = null;
      const answer = { what, errors: JSON.stringify(errors)?.slice(0, 1000) };
      const codes = errors?.map(({ extensions }) => extensions.code) ?? [];
      expect({ ...answer, codes }).not.toMatchObject({ codes: expect.arrayContaining(['INTERNAL_SERVER_ERROR']) });
      expect({ ...answer, codes }).not.toMatchObject({ codes: expect.arrayContaining(['GRAPHQL_VALIDATION_FAILED']) });
      for (const { message, extensions } of errors ?? []) {
        expect({ ...answer, message }).toEqual({ ...answer, message: expect.not.stringMatching(UNSAFE) });
        if (extensions.code === 'BAD_USER_INPUT')
          expect({ ...answer, message }).toMatchObject({ message: expect.stringContaining(name) });
      }
      expect({ ...answer, isShort: JSON.stringify(errors ?? []).length < 3_000 }).toEqual({ ...answer, isShort: true });
      if (errors || !isMutation || NOT_GIVEN_BACK.has(label)) continue;
      expect({ what, texts: textsIn(data) }).toEqual({ what, texts: expect.arrayContaining([text]) });
    }
  });

  test('and what the database keeps is all there', async () => {
    const { invoice } = await billhead.ask('{ invoice(id: "known") { lines { name } } }');
    expect(invoice.lines).toEqual([{ name: 'Widget' }]);
    expect(await gatewayEntries(billhead.databaseUrl, 'nothing')).toEqual([]);
  });
});
