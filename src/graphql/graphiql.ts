// GraphiQL as one page without anything from elsewhere, opening with the three steps of the guide.

import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import type { FastifyRequest } from 'fastify';

const LOOPBACK_ADDRESSES = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);
const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * True for a browser on this machine that asks for the page itself. The name is checked as well as the address, so that
 * no site can reach it by pointing its own name here; a forwarded request came from elsewhere.
 */
export function wantsGraphiql(request: FastifyRequest): boolean {
  const { host = '', accept = '', forwarded, 'x-forwarded-for': forwardedFor } = request.headers;
  return (
    request.method === 'GET' &&
    accept.includes('text/html') &&
    LOOPBACK_ADDRESSES.has(request.ip) &&
    LOOPBACK_NAMES.has(host.replace(/:\d+$/, '')) &&
    forwarded === undefined &&
    forwardedFor === undefined
  );
}

/** The key comes in the fragment of the address, which no browser sends to any server. */
const HEADERS_FROM_FRAGMENT = `(JSON.stringify({Authorization:"Bearer "+
  (new URLSearchParams(location.hash.slice(1)).get("key")||"<your API key>")},null,2))`;
const PLACEHOLDER = '__HEADERS__';

const STEPS: readonly string[] = [
  `# Step 1: what can be invoiced?
# See the ids of the INVOICE action.
query WhatCanBeInvoiced {
  first: order(number: "1001") {
    ...Invoiceable
  }
  second: order(number: "1002") {
    ...Invoiceable
  }
}

fragment Invoiceable on Order {
  number
  status
  customer { name organisation }
  currency
  total
  actions { action ids }
  items { id name quantity total }
}
`,
  `# Step 2: items of both orders on one
# invoice. Run it twice: it has an
# invoice_id, so the answer is the same.
mutation InvoiceItems {
  invoiceItems(
    input: {
      items: [
        "demo-1001-1"
        "demo-1001-2"
        "demo-1002-1"
      ]
      invoice_id: "my-first-invoice"
    }
  ) {
    invoice {
      id
      number
      total_ex_vat
      total_vat
      total
      pdf_url
    }
  }
}
`,
  `# Step 3: read the invoice.
# pdf_url is null until the PDF is ready.
query Invoice {
  invoice(id: "my-first-invoice") {
    number
    state
    due_date
    orders { number }
    lines {
      name
      quantity
      total_ex_vat
    }
    vat { rate total_ex_vat amount }
    total
    reimbursement { status amount_due }
    pdf { status }
    pdf_url
  }
}
`,
];

// A bill with its head: three lines and a total.
const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="26" height="26">' +
  '<rect x="6" y="3" width="20" height="26" rx="3" fill="#0f6b53"/>' +
  '<path d="M10 9h7M10 14h12M10 18h12M17 24h5" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>';

/** The page is the same for everybody and holds no secret. It is 9 MB, so it is made once. */
export function renderPage(): string {
  const html = renderGraphiQL({
    title: 'Billhead',
    logo: LOGO,
    favicon: `data:image/svg+xml;base64,${Buffer.from(LOGO).toString('base64')}`,
    headers: PLACEHOLDER,
    defaultTabs: STEPS.map((query) => ({ query, headers: PLACEHOLDER })),
    shouldPersistHeaders: false,
  });
  return html.replaceAll(JSON.stringify(PLACEHOLDER), () => HEADERS_FROM_FRAGMENT);
}
