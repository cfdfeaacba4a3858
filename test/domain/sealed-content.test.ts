// The canonical text of a document, and the chain over such texts: any change of what is frozen shows, and nothing else does.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InvoiceDocument } from '../../src/domain/invoice.ts';
import { entryFault, NO_HASH, sealOf, sealText, type SealEntry } from '../../src/domain/seal.ts';
import { sealedContent, type ChangingField } from '../../src/domain/sealed-content.ts';
import { documentOf, line, SELLER_ADDRESS } from './invoice-documents.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const DOCUMENT = documentOf(
  [line(1, { orderId: 'o1', orderItemId: 'o1-1', sku: 'A', vatReason: 'r' }), line(2, { name: 'Ключ €' })],
  { memo: 'Dank u', shippingAddress: SELLER_ADDRESS, correctsInvoiceId: 'i0' },
  {
    orders: [{ orderId: 'o1', number: '1001', placedOn: '2026-06-01' }],
    corrects: { number: '2026-000001', issueDate: '2026-01-05' },
  },
);

const CHANGING: Readonly<Record<ChangingField, unknown>> = {
  state: 'PAID',
  // As an invoice is now. On a document it is what was paid at the issue.
  amountPaid: 5n,
  amountRefunded: 5n,
  amountCredited: 5n,
  excludeFromAutopay: true,
  isArchived: true,
  pdf: { status: 'READY', attempts: 3, error: null, sha256: 'a'.repeat(64) },
  updatedAt: new Date(0),
};

type Path = readonly (string | number)[];

/** Every single value of a document, by its path, but for what the life of the invoice changes. */
function leavesOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [path];
  return Object.entries(value)
    .filter(([key]) => path.join() !== 'invoice' || !(key in CHANGING))
    .flatMap(([key, inner]) => leavesOf(inner, [...path, key]));
}

function changedAt(value: unknown, [key, ...rest]: Path, change: (old: unknown) => unknown): unknown {
  if (key === undefined) return change(value);
  const copy: unknown = Array.isArray(value) ? [...value] : { ...(value as object) };
  (copy as Record<string | number, unknown>)[key] = changedAt(
    (value as Record<string | number, unknown>)[key],
    rest,
    change,
  );
  return copy;
}

function another(old: unknown, salt: string): unknown {
  if (typeof old === 'bigint') return old + BigInt(salt.length + 1);
  if (typeof old === 'number') return old + salt.length + 1;
  if (typeof old === 'boolean') return !old;
  if (old instanceof Date) return new Date(old.getTime() + salt.length + 1);
  return old === null ? salt : `${JSON.stringify(old)}${salt}x`;
}

const leaves = leavesOf(DOCUMENT);

describe('the canonical text of a document', () => {
  test('is this one, for ever: what changes it is another version of it', () => {
    expect(sha256(sealedContent(DOCUMENT))).toBe('c82bc6881c0876dad38ceb66b76f13c92a4de5f994442467f176197c1fce1a1d');
  });

  test('changes with every value that stands on the document', () => {
    expect(leaves.length).toBeGreaterThan(90);
    const text = sealedContent(DOCUMENT);
    fc.assert(
      fc.property(fc.constantFrom(...leaves), fc.string(), (path, salt) => {
        const changed = changedAt(DOCUMENT, path, (old) => another(old, salt)) as InvoiceDocument;
        return sealedContent(changed) !== text;
      }),
      { numRuns: 2_000 },
    );
    for (const path of leaves) {
      const changed = changedAt(DOCUMENT, path, (old) => another(old, '')) as InvoiceDocument;
      expect({ path, isSame: sealedContent(changed) === text }).toEqual({ path, isSame: false });
    }
  });

  test('changes when a line or an order goes, comes twice, or stands elsewhere', () => {
    const { lines, orders } = DOCUMENT;
    const texts = [
      DOCUMENT,
      { ...DOCUMENT, lines: lines.slice(1) },
      { ...DOCUMENT, lines: [...lines, ...lines] },
      { ...DOCUMENT, lines: lines.toReversed() },
      { ...DOCUMENT, orders: [] },
      { ...DOCUMENT, orders: [...orders, ...orders] },
      { ...DOCUMENT, corrects: null },
    ].map(sealedContent);
    expect(new Set(texts).size).toBe(texts.length);
  });

  test('tells the same text in one field from the same text in another', () => {
    const swapped = { ...DOCUMENT, invoice: { ...DOCUMENT.invoice, issueDate: '2026-06-26', dueDate: '2026-06-12' } };
    expect(sealedContent(swapped)).not.toBe(sealedContent(DOCUMENT));
  });

  test('does not change with the life of the invoice, nor with the order of keys in a copied record', () => {
    const { amountPaid, ...later } = CHANGING;
    expect(amountPaid).not.toBe(DOCUMENT.invoice.amountPaid);
    const seller = Object.fromEntries(Object.entries(DOCUMENT.invoice.seller).toReversed());
    const lived = { ...DOCUMENT, invoice: { ...DOCUMENT.invoice, ...later, seller } } as InvoiceDocument;
    expect(sealedContent(lived)).toBe(sealedContent(DOCUMENT));
  });
});

describe('an entry of the chain', () => {
  const pdf = 'b'.repeat(64);
  const document = { ...DOCUMENT, invoice: { ...DOCUMENT.invoice, pdf: { ...DOCUMENT.invoice.pdf, sha256: pdf } } };
  const seal = sealOf(document, pdf, new Date('2026-06-12T10:00:00Z'), { sha256 });
  const start = { position: 0, hash: NO_HASH };
  const entry: SealEntry = { ...seal, position: 1, previousHash: NO_HASH, hash: sha256(sealText(seal, 1, NO_HASH)) };
  const kindOf = (changes: Partial<SealEntry>) =>
    entryFault({ entry: { ...entry, ...changes }, document, isNewest: true }, start, { sha256 })?.kind ?? null;

  test('is right as it was made', () => expect(kindOf({})).toBeNull());

  test.each<[keyof SealEntry, unknown]>([
    ['merchantId', 'm2'],
    ['invoiceId', 'i2'],
    ['number', '2026-000043'],
    ['version', 0],
    ['contentSha256', 'c'.repeat(64)],
    ['pdfSha256', 'c'.repeat(64)],
    ['sealedAt', new Date('2026-06-12T10:00:00.001Z')],
    ['previousHash', 'c'.repeat(64)],
    ['hash', 'c'.repeat(64)],
  ])('with another %s is seen', (field, value) => expect(kindOf({ [field]: value })).toBe('ENTRY_CHANGED'));

  test('elsewhere leaves its place empty', () => expect(kindOf({ position: 2 })).toBe('ENTRY_MISSING'));

  test('of a later version is left to a later version', () => expect(kindOf({ version: 2 })).toBe('ENTRY_CHANGED'));
});
