// What hostile texts become where people read them: the PDF, the mail, the names of files and the headers.

import { getDocumentProxy, extractText } from 'unpdf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSchema } from '../../src/graphql/schema.ts';
import { eventually } from '../setup/eventually.ts';
import { HOSTILE_TEXTS } from '../setup/hostile-texts.ts';
import { item, order, PLACE_ORDER } from '../setup/orders.ts';
import { startTestProduct, type TestProduct } from '../setup/product.ts';
import { startSmtp, type ReceivedMail, type TestSmtp } from '../setup/smtp.ts';
import { textFieldsOf } from '../setup/text-fields.ts';

const INVOICE_ORDER = `mutation InvoiceOrder($input: InvoiceOrderInput!) {
  invoiceOrder(input: $input) { invoice { id } } }`;
const READ = `query Read($id: String!) { invoice(id: $id) {
  pdf_url pdf { status error } emails { status error } customer { name } lines { name } comments { comment } } }`;

let smtp: TestSmtp;
let billhead: TestProduct;

beforeAll(async () => {
  smtp = await startSmtp();
  const env = { PUBLIC_URL: 'https://invoices.example' };
  billhead = await startTestProduct({ withWorker: true, smtpUrl: smtp.url, env });
});
afterAll(async () => {
  await billhead.close();
  await smtp.close();
});

const fields = textFieldsOf(createSchema()).filter(({ operation }) => operation === 'placeOrder');
const shipping = { street: 'Kade 1', city: 'Utrecht', country: 'NL' };

/** An order with a text in every field that takes it; null when none does. */
async function placedWith(text: string, id: string): Promise<{ id: string; taken: readonly string[] } | null> {
  const email = `${id}@example.com`;
  const honest = order(id, {
    customer: { id: `c-${id}`, name: 'Ada', email, locale: 'en' },
    shipping_address: shipping,
    items: [item({ id: `${id}-1` })],
  });
  // The address stays honest, so that the mail arrives.
  const open = fields.filter(({ name }) => name !== 'email');
  const filled = open.reduce<Readonly<Record<string, unknown>>>((input, field) => field.put(text, input), {
    input: honest,
  });
  const { errors } = await billhead.graphql(PLACE_ORDER, filled);
  const refused = new Set(errors?.[0]?.extensions.faults?.map(({ path }) => path.filter(isName).join('.')));
  const takes = open.filter(({ label }) => !refused.has(label.replace('placeOrder.input.', '')));
  if (takes.length === 0) return null;
  const input = takes.reduce<Readonly<Record<string, unknown>>>((rest, field) => field.put(text, rest), {
    input: honest,
  });
  const { placeOrder } = await billhead.ask(PLACE_ORDER, errors ? input : filled);
  return { id: placeOrder.order.id, taken: takes.map(({ label }) => label) };
}

const isName = (part: string | number) => typeof part === 'string';

/** All of a mail but its attachment, its parts decoded. */
function expectHarmless({ raw, mail }: ReceivedMail, id: string): void {
  const head = raw.toString('latin1').split('\r\n\r\n')[0] ?? '';
  for (const line of head.split('\r\n')) expect(line).toMatch(/^(?:[A-Za-z-]+: |\s).*$/);
  expect(head).not.toMatch(/^Bcc:/im);
  expect(mail.to?.map(({ address }) => address)).toEqual([`${id}@example.com`]);
  expect(mail.subject).not.toMatch(/\p{Cc}/u);
  const html = mail.html ?? '';
  const tags = [...html.matchAll(/<\/?([a-z!][\w-]*)/gi)].map(([, name]) => name?.toLowerCase());
  expect(tags.filter((name) => !OURS.has(name ?? ''))).toEqual([]);
  expect(html).not.toMatch(/\son\w+\s*=\s*["'][^"']*["'][^<]*>/i);
  const links = [...html.matchAll(/(?:href|src)\s*=\s*"([^"]*)"/gi)].map(([, link]) => link);
  for (const link of links) expect(link).toMatch(/^https:\/\/invoices\.example\/pay\/[\w.-]+$/);
  expect(mail.attachments.map(({ filename }) => filename)).toEqual([expect.stringMatching(/^[\w.-]+\.pdf$/)]);
}

const OURS = new Set(['!doctype', 'html', 'head', 'meta', 'title', 'style', 'body', 'div', 'p', 'span', 'a', 'br']);

describe('in every field that takes it', () => {
  // No field takes a megabyte, and in all of them at once it is more than a request may hold.
  const texts = Object.entries(HOSTILE_TEXTS).filter(([, text]) => text.length < 10_000);

  test.each(texts.map(([what, text], index) => ({ what, text, id: `d-${index}` })))(
    '$what becomes a harmless PDF and a harmless mail, or is taken by none',
    async ({ text, id }) => {
      const placed = await placedWith(text, id);
      if (placed === null) return;
      const input = { order_id: placed.id, invoice_id: `i-${id}`, send_email: true, is_customer_notified: true };
      const withComment = await billhead.graphql(INVOICE_ORDER, { input: { ...input, comment: text } });
      if (withComment.errors) await billhead.ask(INVOICE_ORDER, { input: { ...input, comment: 'Thank you' } });
      const invoice = await eventually(
        async () => {
          const read = (await billhead.ask(READ, { id: `i-${id}` })).invoice;
          expect(read).toMatchObject({
            pdf: { status: 'READY', error: null },
            emails: [{ status: 'SENT', error: null }],
          });
          return read;
        },
        { timeoutMs: 25_000 },
      );
      const link = invoice.pdf_url.replace('https://invoices.example', billhead.address);
      const file = await fetch(link);
      expect(file.status).toBe(200);
      expect(file.headers.get('content-disposition')).toMatch(/^inline; filename="[\w.-]+\.pdf"$/);
      const pdf = await getDocumentProxy(new Uint8Array(await file.arrayBuffer()));
      const { text: pages } = await extractText(pdf, { mergePages: false });
      expect(pages.join('\n')).not.toMatch(/(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
      const annotations = await Promise.all(pages.map(async (_, at) => (await pdf.getPage(at + 1)).getAnnotations()));
      for (const { url } of annotations.flat()) expect(url).toMatch(/^https:\/\/(?!evil)/);
      const [mail] = smtp.receivedBy(`${id}@example.com`);
      if (!mail) throw new Error('The mail says SENT and is not there.');
      expectHarmless(mail, id);
    },
  );

  test('and most of them were taken', () => expect(smtp.received.length).toBeGreaterThan(15));
});
