// The payment link: sends a person on to the page of the payment gateway where an invoice is paid.

import type { FastifyInstance } from 'fastify';
import type { App } from '../app.ts';
import { escapeHtml } from '../domain/html-text.ts';
import { sendPage } from './html-page.ts';

export const PAYMENT_PATH = '/pay';

/** `urlOf` makes the address under which a token opens, to which the person comes back. */
export function routePaymentPage(server: FastifyInstance, app: App, urlOf: (token: string) => string): void {
  server.get<{ Params: { token: string } }>(`${PAYMENT_PATH}/:token`, async (request, reply) => {
    const { token } = request.params;
    const page = await app.openPaymentPage(token, urlOf(token));
    switch (page.kind) {
      case 'open':
        return reply
          .header('cache-control', 'no-store')
          .header('referrer-policy', 'no-referrer')
          .redirect(page.url, 303);
      case 'settled':
        return sendPage(
          reply,
          200,
          'Thank you',
          `<p>Nothing is to be paid for invoice ${escapeHtml(page.number)}, or the payment is on its way.</p>`,
        );
      case 'unavailable':
        return sendPage(reply, 503, 'Please try again', '<p>The payment page cannot be opened at the moment.</p>');
      case 'refused':
        return sendPage(reply, 403, 'This link is not valid', '<p>It was changed, or has expired.</p>');
    }
  });
}
