// invoice, invoices: reading, one look-up for many ids so that no list makes a query a record.

import { holdsScope, requireScope, type Actor, type Scope } from '../domain/access.ts';
import type { Invoice, InvoiceLine } from '../domain/invoice.ts';
import type { InvoiceComment, InvoiceEmail } from '../domain/invoice-notes.ts';
import { invoiceList, type InvoiceListInput, type InvoiceQuery } from '../domain/list-filter.ts';
import { pageOf, type Page } from '../domain/page.ts';
import type { Payment } from '../domain/payment.ts';
import type { InvoiceOrderLink, InvoicePart, InvoiceWithParts, Ports } from '../ports.ts';
import { gatherRequests, type Gathered } from './gather-requests.ts';

/** Those that exist, in no particular order. */
export async function invoicesById(ports: Ports, actor: Actor, ids: readonly string[]): Promise<readonly Invoice[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.findById(actor.merchantId, ids);
}

/** What of an invoice belongs to another kind of record, and the scope that reads it. */
const SCOPE_OF: Readonly<Record<InvoicePart, Scope>> = {
  lines: 'invoices:read',
  orders: 'orders:read',
  payments: 'invoices:read',
  customer: 'invoices:read',
};

export type InvoiceKey = { readonly id: string } | { readonly number: string };

interface InvoiceRequest {
  readonly merchantId: string;
  readonly by: InvoiceKey;
  readonly parts: readonly InvoicePart[];
}

/** Invoices of a merchant that are asked for at the same time, with the same parts, are read together. */
export type InvoiceLookUp = Gathered<InvoiceRequest, InvoiceWithParts | null>;

/** An invoice may have 2,500 lines. */
const MOST_INVOICES_AT_ONCE = 20;

export function gatherInvoiceLookUps({ database }: Ports): InvoiceLookUp {
  return gatherRequests({
    run: async (_, requests) => {
      const [first] = requests;
      if (!first) return [];
      const values = requests.map(({ by }) => ('id' in by ? by.id : by.number));
      const wanted = 'id' in first.by ? { ids: values } : { numbers: values };
      const found = await database.invoices.findWithParts(first.merchantId, wanted, first.parts);
      const keyOf = ({ invoice }: InvoiceWithParts) => ('id' in first.by ? invoice.id : invoice.number);
      const known = new Map(found.map((one) => [keyOf(one), one]));
      return values.map((value) => known.get(value) ?? null);
    },
    weightOf: () => 1,
    mostWeight: MOST_INVOICES_AT_ONCE,
  });
}

/** One invoice, with those of the parts that the actor may read; null when there is none. */
export async function invoiceWithParts(
  lookUp: InvoiceLookUp,
  actor: Actor,
  by: InvoiceKey,
  parts: ReadonlySet<InvoicePart>,
): Promise<InvoiceWithParts | null> {
  requireScope(actor, 'invoices:read');
  const { merchantId } = actor;
  const readable = [...parts].filter((part) => holdsScope(actor, SCOPE_OF[part])).sort();
  const alike = JSON.stringify([merchantId, 'id' in by, ...readable]);
  return lookUp(alike, { merchantId, by, parts: readable });
}

/** A page of those that the filter lets through, and the checked query, by which they can be counted. */
export async function invoicePage(
  ports: Ports,
  actor: Actor,
  input: InvoiceListInput,
): Promise<{ readonly page: Page<Invoice>; readonly query: InvoiceQuery }> {
  requireScope(actor, 'invoices:read');
  const { query, window } = invoiceList(input);
  return { page: pageOf(await ports.database.invoices.page(actor.merchantId, query, window), window), query };
}

export async function invoiceCount(ports: Ports, actor: Actor, { filter }: InvoiceQuery): Promise<number> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.count(actor.merchantId, filter);
}

/** Each invoice's lines in their order. */
export async function linesOfInvoices(
  ports: Ports,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly InvoiceLine[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.linesOf(actor.merchantId, ids);
}

/** Which orders stand on these invoices, oldest first. */
export async function ordersOnInvoices(
  ports: Ports,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly InvoiceOrderLink[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.ordersOn(actor.merchantId, ids);
}

/** Credit invoices that correct these, oldest first. */
export async function creditsOfInvoices(
  ports: Ports,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly Invoice[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.creditsOf(actor.merchantId, ids);
}

/** Payments of these invoices, oldest first. */
export async function paymentsOfInvoices(
  ports: Ports,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly Payment[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.paymentsOf(actor.merchantId, ids);
}

/** Comments on these invoices, oldest first. */
export async function commentsOfInvoices(
  ports: Ports,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly InvoiceComment[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.commentsOf(actor.merchantId, ids);
}

/** Mails of these invoices, one for each request to send, oldest first. */
export async function emailsOfInvoices(
  ports: Ports,
  actor: Actor,
  ids: readonly string[],
): Promise<readonly InvoiceEmail[]> {
  requireScope(actor, 'invoices:read');
  return ports.database.invoices.emailsOf(actor.merchantId, ids);
}
