// Downloads of PDFs by signed link, whole or in part (RFC 9110 ranges).

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../app.ts';

export const PDF_PATH = '/pdf';

type OpenedPdf = Exclude<Awaited<ReturnType<App['openInvoicePdf']>>, string>;

const RETRY_AFTER_S = 2;

export function routePdfDownload(server: FastifyInstance, app: App): void {
  server.get<{ Params: { token: string } }>(`${PDF_PATH}/:token`, async (request, reply) => {
    const opened = await app.openInvoicePdf(request.params.token);
    if (opened === 'missing') {
      return reply
        .code(503)
        .header('retry-after', RETRY_AFTER_S)
        .type('text/plain; charset=utf-8')
        .send('The file is being made again.\n');
    }
    if (opened === 'refused') {
      return reply.code(403).type('text/plain; charset=utf-8').send('This link is not valid, or has expired.\n');
    }
    return send(request, reply, opened);
  });
}

function send(request: FastifyRequest, reply: FastifyReply, { number, sha256, file }: OpenedPdf): FastifyReply {
  const tag = `"${sha256}"`;
  void reply
    .header('content-type', 'application/pdf')
    .header('content-disposition', `inline; filename="${number.replace(/[^\w.-]/g, '_')}.pdf"`)
    .header('etag', tag)
    .header('accept-ranges', 'bytes')
    // The address is the permission: no shared cache and no other site may come to know it.
    .header('cache-control', 'private, max-age=3600, immutable')
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-resource-policy', 'cross-origin')
    .header('content-security-policy', "default-src 'none'; frame-ancestors *; sandbox");
  if (isUpToDate(request.headers['if-none-match'], tag)) return reply.code(304).send();
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === tag ? readRange(request.headers.range, file.size) : 'whole';
  if (range === 'whole') {
    return reply.header('content-length', file.size).send(file.stream());
  }
  if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${file.size}`).send();
  return reply
    .code(206)
    .header('content-range', `bytes ${range.start}-${range.end}/${file.size}`)
    .header('content-length', range.end - range.start + 1)
    .send(file.stream(range));
}

/** RFC 9110: a list of tags, weak ones among them, or a star for any. */
function isUpToDate(header: string | undefined, tag: string): boolean {
  const known = new Set((header ?? '').split(',').map((one) => one.trim().replace(/^W\//, '')));
  return known.has(tag) || known.has('*');
}

/** One range of a file; several at once, or anything else than bytes, are answered whole, as the standard allows. */
export function readRange(
  header: string | undefined,
  size: number,
): 'whole' | 'unsatisfiable' | { readonly start: number; readonly end: number } {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return 'whole';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return 'whole';
  return start >= size ? 'unsatisfiable' : { start, end };
}
