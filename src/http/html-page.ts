// A small page of our own for a person who followed a link: no scripts, nothing from elsewhere.

import type { FastifyReply } from 'fastify';
import { escapeHtml } from '../domain/html-text.ts';

const STYLE = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { display: grid; place-items: center; min-height: 90vh; margin: 0; }
  main { max-width: 26rem; padding: 2rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .75rem; }
  h1 { margin: 0 0 .5rem; font-size: 1.25rem; }
  .amount { margin: 1rem 0; font-size: 2rem; font-variant-numeric: tabular-nums; }
  form { display: flex; gap: .75rem; margin-top: 1.5rem; }
  button { padding: .6rem 1.2rem; border: 1px solid; border-radius: .5rem; background: none; color: inherit; font: inherit; cursor: pointer; }
  button[value=pay] { border-color: #1b6e3c; background: #1b6e3c; color: #fff; }`;

/** Sends a page; `body` is HTML, every value in it escaped already. */
export function sendPage(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .header(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    )
    .send(
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
        `<title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><main><h1>${escapeHtml(title)}</h1>${body}</main></body></html>\n`,
    );
}
