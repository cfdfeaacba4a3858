// The chain over issued documents, and the count of numbers, on PostgreSQL. The chain grows in the function seal_invoice,
// under the lock of its head (migration sealed_invoices).

import type { NumberCount } from '../domain/number-report.ts';
import { NO_HASH, sealedPart, type ChainPlace, type Seal } from '../domain/seal.ts';
import type { Proofs } from '../ports.ts';
import { readDocuments } from './prisma-reads.ts';
import { toJson, type StoreClient } from './prisma-rows.ts';

export function prismaProofs(client: StoreClient): Proofs {
  return {
    head: (merchantId) => readHead(client, merchantId),
    entryAt: (merchantId, position) => client.sealedInvoice.findFirst({ where: { merchantId, position } }),
    entriesFrom: async (merchantId, position, limit) => {
      const entries = await client.sealedInvoice.findMany({
        where: { merchantId, position: { gte: position } },
        orderBy: { position: 'asc' },
        take: limit,
      });
      const ids = entries.map(({ invoiceId }) => invoiceId);
      const newest = await client.sealedInvoice.groupBy({
        by: ['invoiceId'],
        where: { merchantId, invoiceId: { in: ids } },
        _max: { position: true },
      });
      const newestOf = new Map(newest.map(({ invoiceId, _max }) => [invoiceId, _max.position]));
      const documents = await readDocuments(client, merchantId, ids);
      const documentOf = new Map(documents.map((document) => [document.invoice.id, document]));
      return entries.map((entry) => ({
        entry,
        document: documentOf.get(entry.invoiceId) ?? null,
        isNewest: newestOf.get(entry.invoiceId) === entry.position,
      }));
    },
    countUnsealed: async (merchantId) => {
      const [counted] = await client.$queryRaw<{ count: bigint }[]>`
        SELECT count(*) FROM invoices i WHERE i.merchant_id = ${merchantId} AND NOT EXISTS (
          SELECT FROM sealed_invoices s WHERE s.merchant_id = ${merchantId} AND s.invoice_id = i.id)`;
      return Number(counted?.count ?? 0);
    },
    findUnsealed: async (limit) => {
      const rows = await client.$queryRaw<{ merchant_id: string; id: string }[]>`
        SELECT merchant_id, id FROM invoices WHERE pdf_status = 'READY' AND pdf_sha256 IS DISTINCT FROM sealed_sha256
        ORDER BY merchant_id, series, year, sequence LIMIT ${limit}`;
      return rows.map(({ merchant_id: merchantId, id: invoiceId }) => ({ merchantId, invoiceId }));
    },
    documents: (merchantId, ids) => readDocuments(client, merchantId, ids),
    seal: (merchantId, seals) => sealReady(client, merchantId, seals),
    countNumbers: (merchantId, year, mostListed) => countNumbers(client, merchantId, year, mostListed),
  };
}

// One statement, so one snapshot: the head and the last entry are always written together.
async function readHead(
  client: StoreClient,
  merchantId: string,
): Promise<ChainPlace & { readonly lastPosition: number }> {
  const [found] = await client.$queryRaw<
    { position: number | null; hash: string | null; last_position: number | null }[]
  >`
    SELECT c.position, c.hash, l.last_position
    FROM (SELECT max(position) AS last_position FROM sealed_invoices WHERE merchant_id = ${merchantId}) AS l
    LEFT JOIN invoice_chains c ON c.merchant_id = ${merchantId}`;
  return {
    position: found?.position ?? 0,
    hash: found?.hash ?? NO_HASH,
    lastPosition: found?.last_position ?? 0,
  };
}

// What is being changed at this moment is left to the next sweep: it may be rendered again.
async function sealReady(client: StoreClient, merchantId: string, seals: readonly Seal[]): Promise<number> {
  const rows = seals.map((seal, index) => ({
    place: index,
    id: seal.invoiceId,
    number: seal.number,
    version: seal.version,
    content: seal.contentSha256,
    pdf: seal.pdfSha256,
    sealed_at: seal.sealedAt,
    part: sealedPart(seal),
  }));
  return client.$executeRaw`
    WITH free AS (
      SELECT i.id, n.place, n.number, n.version, n.content, n.pdf, n.sealed_at, n.part
      FROM json_to_recordset(${toJson(rows)}::json)
        AS n (place int, id text, number text, version int, content text, pdf text, sealed_at timestamptz, part text)
      JOIN invoices i ON i.merchant_id = ${merchantId} AND i.id = n.id AND i.pdf_status = 'READY'
        AND i.pdf_sha256 = n.pdf AND i.pdf_sha256 IS DISTINCT FROM i.sealed_sha256
      ORDER BY n.place FOR NO KEY UPDATE OF i SKIP LOCKED
    ), sealed AS (
      UPDATE invoices SET sealed_sha256 = free.pdf FROM free
      WHERE invoices.merchant_id = ${merchantId} AND invoices.id = free.id RETURNING free.*
    )
    SELECT seal_invoice(${merchantId}, id, number, version, content, pdf, sealed_at, part)
    FROM (SELECT * FROM sealed ORDER BY place) AS in_order`;
}

interface CountedNumbers {
  readonly series: string;
  readonly year: number;
  readonly count: bigint;
  readonly counter: bigint | null;
  readonly first_sequence: bigint | null;
  readonly last_sequence: bigint | null;
  readonly first_number: string | null;
  readonly last_number: string | null;
}

async function countNumbers(
  client: StoreClient,
  merchantId: string,
  year: number | null,
  mostListed: number,
): Promise<readonly NumberCount[]> {
  const counted = await client.$queryRaw<CountedNumbers[]>`
    WITH issued AS (
      SELECT series, year, count(*), min(sequence) AS first_sequence, max(sequence) AS last_sequence
      FROM invoices WHERE merchant_id = ${merchantId} AND (${year}::int IS NULL OR year = ${year}) GROUP BY series, year
    ), counters AS (
      SELECT series, year, last_number AS counter
      FROM number_series WHERE merchant_id = ${merchantId} AND (${year}::int IS NULL OR year = ${year})
    )
    SELECT series, year, coalesce(count, 0) AS count, counter, first_sequence, last_sequence,
      (SELECT min(number) FROM invoices i WHERE i.merchant_id = ${merchantId} AND i.series = both_sides.series
        AND i.year = both_sides.year AND i.sequence = first_sequence) AS first_number,
      (SELECT min(number) FROM invoices i WHERE i.merchant_id = ${merchantId} AND i.series = both_sides.series
        AND i.year = both_sides.year AND i.sequence = last_sequence) AS last_number
    FROM (SELECT * FROM issued FULL JOIN counters USING (series, year)) AS both_sides
    ORDER BY series, year`;
  const gaps = await client.$queryRaw<{ series: string; year: number; first: bigint; last: bigint }[]>`
    WITH given AS (
      SELECT series, year, sequence FROM invoices
      WHERE merchant_id = ${merchantId} AND (${year}::int IS NULL OR year = ${year})
      UNION ALL
      -- What would come next, so that numbers after the last invoice are missed as well.
      SELECT series, year, last_number + 1 FROM number_series
      WHERE merchant_id = ${merchantId} AND (${year}::int IS NULL OR year = ${year})
    ), steps AS (
      SELECT series, year, lag(sequence, 1, 0::bigint) OVER (PARTITION BY series, year ORDER BY sequence) AS before, sequence
      FROM given
    )
    SELECT series, year, before + 1 AS first, sequence - 1 AS last FROM steps WHERE sequence > before + 1
    ORDER BY series, year, sequence LIMIT ${mostListed}`;
  const duplicates = await client.$queryRaw<{ series: string; year: number; number: string }[]>`
    SELECT series, year, min(number) AS number FROM invoices
    WHERE merchant_id = ${merchantId} AND (${year}::int IS NULL OR year = ${year})
    GROUP BY series, year, sequence HAVING count(*) > 1
    UNION
    SELECT min(series), min(year), number FROM invoices
    WHERE merchant_id = ${merchantId} AND (${year}::int IS NULL OR year = ${year})
    GROUP BY number HAVING count(*) > 1
    ORDER BY 1, 2, 3 LIMIT ${mostListed}`;
  return counted.map((count) => {
    const isOfSeries = (row: { series: string; year: number }) =>
      row.series === count.series && row.year === count.year;
    return {
      series: count.series,
      year: count.year,
      count: Number(count.count),
      counter: toNumber(count.counter),
      firstSequence: toNumber(count.first_sequence),
      lastSequence: toNumber(count.last_sequence),
      firstNumber: count.first_number,
      lastNumber: count.last_number,
      gaps: gaps.filter(isOfSeries).map(({ first, last }) => ({ first: Number(first), last: Number(last) })),
      duplicates: duplicates.filter(isOfSeries).map(({ number }) => number),
    };
  });
}

function toNumber(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}
