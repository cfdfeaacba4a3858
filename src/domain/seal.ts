// Seals: the chain of hashes over a merchant's issued documents, and how it is walked.
//
// 1. Each entry has the digest of a document's content (sealed-content.ts) and of its PDF, and a hash over these and the
//    hash of the entry before it: who changes one entry has to change all that follow.
// 2. hash = SHA-256 of four lines, in UTF-8, joined by line feeds: "billhead seal <version>", the position, the previous
//    hash, and a JSON array of merchant id, invoice id, number, content digest, PDF digest and the instant in ISO 8601. The
//    first position is 1, and what comes before it has the hash of 64 zeros.
// 3. A document may have several entries, when its PDF was made again with other bytes. The newest one has the PDF that is
//    there; the content is the same in all of them.

import type { InvoiceDocument } from './invoice.ts';
import { sealedContent } from './sealed-content.ts';

export const SEAL_VERSION = 1;
export const NO_HASH = '0'.repeat(64);

/** What is sealed of a document. */
export interface Seal {
  readonly merchantId: string;
  readonly invoiceId: string;
  readonly number: string;
  readonly version: number;
  readonly contentSha256: string;
  readonly pdfSha256: string;
  readonly sealedAt: Date;
}

/** A place in the chain; position 0 is before the first entry. */
export interface ChainPlace {
  readonly position: number;
  readonly hash: string;
}

/** A seal in the chain. */
export interface SealEntry extends Seal, ChainPlace {
  readonly previousHash: string;
}

export type SealFaultKind =
  | 'ENTRY_MISSING'
  | 'ENTRY_CHANGED'
  | 'CHAIN_REWRITTEN'
  | 'DOCUMENT_MISSING'
  | 'CONTENT_CHANGED'
  | 'PDF_CHANGED'
  | 'PDF_MISSING';

/** Something that is not as it was sealed. */
export interface SealFault {
  readonly kind: SealFaultKind;
  readonly position: number;
  readonly invoiceId: string | null;
  readonly number: string | null;
  readonly message: string;
}

interface Hashing {
  sha256(text: string): string;
}

export function sealOf(document: InvoiceDocument, pdfSha256: string, sealedAt: Date, hashing: Hashing): Seal {
  const { merchantId, id: invoiceId, number } = document.invoice;
  const contentSha256 = hashing.sha256(sealedContent(document));
  return { merchantId, invoiceId, number, version: SEAL_VERSION, contentSha256, pdfSha256, sealedAt };
}

/** The part of the hashed text that is known before the place in the chain is. */
export function sealedPart({ merchantId, invoiceId, number, contentSha256, pdfSha256, sealedAt }: Seal): string {
  return JSON.stringify([merchantId, invoiceId, number, contentSha256, pdfSha256, sealedAt.toISOString()]);
}

export function sealText(seal: Seal, position: number, previousHash: string): string {
  return [`billhead seal ${seal.version}`, position, previousHash, sealedPart(seal)].join('\n');
}

/** An entry with what there is now of its document. */
export interface FoundSeal {
  readonly entry: SealEntry;
  /** null when it is gone. */
  readonly document: InvoiceDocument | null;
  /** Whether no later entry is of the same document. */
  readonly isNewest: boolean;
}

/** What is wrong with the next entry after a place in the chain, before its PDF's file is looked at; null when nothing is. */
export function entryFault(
  { entry, document, isNewest }: FoundSeal,
  after: ChainPlace,
  hashing: Hashing,
): SealFault | null {
  const { position, number } = entry;
  const fault = (kind: SealFaultKind, message: string): SealFault => ({
    kind,
    position,
    invoiceId: entry.invoiceId,
    number,
    message,
  });
  if (position !== after.position + 1) return missingEntry(after.position + 1);
  if (entry.version > SEAL_VERSION) {
    return fault('ENTRY_CHANGED', `Entry ${position} was sealed by a later version, which must verify it.`);
  }
  if (entry.previousHash !== after.hash || hashing.sha256(sealText(entry, position, after.hash)) !== entry.hash) {
    return fault('ENTRY_CHANGED', `Entry ${position} of the chain is not what it was when it was added.`);
  }
  if (!document) return fault('DOCUMENT_MISSING', `Invoice ${number} is gone.`);
  if (hashing.sha256(sealedContent(document)) !== entry.contentSha256) {
    return fault('CONTENT_CHANGED', `What stands on invoice ${number} is not what was issued.`);
  }
  return isNewest ? pdfFault(entry, document.invoice.pdf.sha256) : null;
}

/** What is wrong with a PDF whose digest is now another one, or null where there is none; null when nothing is. */
export function pdfFault(entry: SealEntry, sha256: string | null): SealFault | null {
  if (sha256 === entry.pdfSha256) return null;
  const { position, invoiceId, number } = entry;
  return sha256 === null
    ? { kind: 'PDF_MISSING', position, invoiceId, number, message: `The PDF of invoice ${number} is not there.` }
    : { kind: 'PDF_CHANGED', position, invoiceId, number, message: `The PDF of invoice ${number} is another one.` };
}

export function missingEntry(position: number): SealFault {
  const message = `Entry ${position} of the chain is missing.`;
  return { kind: 'ENTRY_MISSING', position, invoiceId: null, number: null, message };
}

/** Whether a place that was noted down elsewhere is still in the chain; `found` is what is at that position now. */
export function rewrittenFault(noted: ChainPlace, found: SealEntry | null): SealFault | null {
  if (!found) return missingEntry(noted.position);
  if (found.hash === noted.hash) return null;
  const { position, invoiceId, number } = found;
  const message = `Entry ${position} has another hash than the one that was noted down: the chain was written anew.`;
  return { kind: 'CHAIN_REWRITTEN', position, invoiceId, number, message };
}
