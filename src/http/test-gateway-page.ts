// The page of the built-in test gateway, on which a person pays or declines. No money moves.

import formBody from '@fastify/formbody';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { localeFormat } from '../domain/locale-format.ts';
import { escapeHtml } from '../domain/html-text.ts';
import { sendPage } from './html-page.ts';

export const TEST_GATEWAY_PATH = '/test-gateway';

/** What the page needs of the gateway. */
export interface DecidedByHand {
  findEntry(reference: string): Promise<PageEntry | null>;
  decide(reference: string, verdict: 'pay' | 'decline'): Promise<PageEntry | null>;
}

interface PageEntry {
  readonly amount: bigint;
  readonly currency: string;
  readonly status: 'PENDING' | 'SUCCEEDED' | 'FAILED';
  readonly returnUrl: string | null;
}

const FORM = `<form method="post"><button name="verdict" value="pay">Pay</button><button name="verdict" value="decline">Decline</button></form>`;
const NOTES = { PENDING: 'Nobody has decided yet.', SUCCEEDED: 'Paid.', FAILED: 'Declined.' } as const;

/** Forms are read here alone: no other door takes what a page of another site can send. */
export async function routeTestGatewayPage(host: FastifyInstance, gateway: DecidedByHand): Promise<void> {
  await host.register(async (server) => {
    await server.register(formBody);
    routePages(server, gateway);
  });
}

function routePages(server: FastifyInstance, gateway: DecidedByHand): void {
  server.get<{ Params: { reference: string } }>(`${TEST_GATEWAY_PATH}/:reference`, async (request, reply) =>
    show(reply, await gateway.findEntry(request.params.reference)),
  );
  server.post<{ Params: { reference: string }; Body: { verdict?: unknown } | null }>(
    `${TEST_GATEWAY_PATH}/:reference`,
    async (request, reply) => {
      const verdict = request.body?.verdict;
      if (verdict !== 'pay' && verdict !== 'decline') {
        return sendPage(reply, 400, 'Test gateway', '<p>The verdict must be "pay" or "decline".</p>');
      }
      const entry = await gateway.decide(request.params.reference, verdict);
      return entry?.returnUrl ? reply.redirect(entry.returnUrl, 303) : show(reply, entry);
    },
  );
}

function show(reply: FastifyReply, entry: PageEntry | null): FastifyReply {
  if (!entry) return sendPage(reply, 404, 'Test gateway', '<p>There is no such payment.</p>');
  const amount = escapeHtml(localeFormat('en', entry.currency).amount(entry.amount));
  const rest = entry.status === 'PENDING' ? FORM : '';
  const body = `<p>No money moves here.</p><p class="amount">${amount}</p><p>${NOTES[entry.status]}</p>${rest}`;
  return sendPage(reply, 200, 'Test gateway', body);
}
