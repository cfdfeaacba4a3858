// verifyInvoices: walks the chain over the merchant's issued documents and names the first that is not as it was sealed.

import { requireScope, type Actor } from '../domain/access.ts';
import { badInput } from '../domain/errors.ts';
import {
  entryFault,
  missingEntry,
  NO_HASH,
  pdfFault,
  rewrittenFault,
  type ChainPlace,
  type FoundSeal,
  type SealFault,
} from '../domain/seal.ts';
import { Faults } from '../domain/text.ts';
import type { Ports } from '../ports.ts';

const DEFAULT_ENTRIES = 500;
const MAX_ENTRIES = 1_000;
/** Documents in memory at once, with all their lines. */
const BATCH = 100;

export interface VerifyInvoicesInput {
  readonly fromPosition?: number | null | undefined;
  readonly first?: number | null | undefined;
  /** Whether the files of the PDFs are read as well. */
  readonly withFiles?: boolean | null | undefined;
  /** A place of the chain that was noted down elsewhere. */
  readonly noted?: ChainPlace | null | undefined;
}

export interface InvoiceVerification {
  readonly isIntact: boolean;
  readonly verifiedDocuments: number;
  readonly resealedDocuments: number;
  readonly unsealedDocuments: number;
  readonly head: ChainPlace;
  readonly nextPosition: number | null;
  readonly firstFault: SealFault | null;
}

export async function verifyInvoices(
  ports: Ports,
  actor: Actor,
  input: VerifyInvoicesInput,
): Promise<InvoiceVerification> {
  requireScope(actor, 'invoices:read');
  checkInput(input);
  const { proofs } = ports.database;
  const { merchantId } = actor;
  const head = await proofs.head(merchantId);
  const unsealedDocuments = await proofs.countUnsealed(merchantId);
  const walked = await walk(ports, merchantId, head, input);
  const { noted } = input;
  const rewritten = noted ? rewrittenFault(noted, await proofs.entryAt(merchantId, noted.position)) : null;
  const firstFault = earlier(walked.fault, rewritten);
  return {
    isIntact: firstFault === null,
    verifiedDocuments: walked.verified,
    resealedDocuments: walked.resealed,
    unsealedDocuments,
    head: { position: head.position, hash: head.hash },
    nextPosition: walked.nextPosition,
    firstFault,
  };
}

function checkInput({ fromPosition, first, noted }: VerifyInvoicesInput): void {
  const faults = new Faults();
  if ((fromPosition ?? 1) < 1) faults.add(['fromPosition'], 'must be 1 or more');
  const count = first ?? DEFAULT_ENTRIES;
  if (count < 1 || count > MAX_ENTRIES) faults.add(['first'], `must be between 1 and ${MAX_ENTRIES}`);
  if (noted && noted.position < 1) faults.add(['noted', 'position'], 'must be 1 or more');
  if (noted && !/^[0-9a-f]{64}$/.test(noted.hash)) faults.add(['noted', 'hash'], 'must be 64 hexadecimal digits');
  if (faults.list.length > 0) throw badInput(faults.list);
}

interface Walked {
  readonly verified: number;
  readonly resealed: number;
  readonly nextPosition: number | null;
  readonly fault: SealFault | null;
}

/** `head` is what the chain says of its end; `lastPosition` is where the entries really end. */
async function walk(
  ports: Ports,
  merchantId: string,
  head: ChainPlace & { readonly lastPosition: number },
  input: VerifyInvoicesInput,
): Promise<Walked> {
  const from = input.fromPosition ?? 1;
  const end = Math.max(head.position, head.lastPosition);
  if (from > end) return { verified: 0, resealed: 0, nextPosition: null, fault: null };
  const last = Math.min(end, from + (input.first ?? DEFAULT_ENTRIES) - 1);
  let verified = 0;
  let resealed = 0;
  const stopped = (fault: SealFault | null, nextPosition: number | null = null): Walked => ({
    verified,
    resealed,
    nextPosition,
    fault,
  });
  let place = await placeBefore(ports, merchantId, from);
  if (!place) return stopped(missingEntry(from - 1));
  while (place.position < last) {
    const limit = Math.min(BATCH, last - place.position);
    const found = await ports.database.proofs.entriesFrom(merchantId, place.position + 1, limit);
    if (found.length === 0) return stopped(missingEntry(place.position + 1));
    const stored = input.withFiles ? await digestsOfFiles(ports, found) : null;
    for (const seal of found) {
      const { entry, isNewest } = seal;
      const fault =
        entryFault(seal, place, ports.digests) ??
        (stored && isNewest ? pdfFault(entry, stored.get(entry.pdfSha256) ?? null) : null);
      if (fault) return stopped(fault);
      if (isNewest) verified += 1;
      else resealed += 1;
      place = entry;
    }
  }
  return last < end ? stopped(null, last + 1) : stopped(headFault(place, head));
}

async function placeBefore(ports: Ports, merchantId: string, from: number): Promise<ChainPlace | null> {
  if (from === 1) return { position: 0, hash: NO_HASH };
  return ports.database.proofs.entryAt(merchantId, from - 1);
}

/** By the name of each file that is there, the digest of what is in it. */
async function digestsOfFiles({ files }: Ports, found: readonly FoundSeal[]): Promise<ReadonlyMap<string, string>> {
  const digests = await Promise.all(
    found
      .filter(({ isNewest }) => isNewest)
      .map(async ({ entry }) => [entry.pdfSha256, await files.digestOf(entry.pdfSha256)] as const),
  );
  return new Map(digests.flatMap(([name, digest]) => (digest === null ? [] : [[name, digest] as const])));
}

function headFault(last: ChainPlace, head: ChainPlace): SealFault | null {
  if (last.position === head.position && last.hash === head.hash) return null;
  const message = 'The end of the chain is not what was noted down for it in the database.';
  return { kind: 'ENTRY_CHANGED', position: last.position, invoiceId: null, number: null, message };
}

function earlier(one: SealFault | null, other: SealFault | null): SealFault | null {
  if (!one || !other) return one ?? other;
  return other.position < one.position ? other : one;
}
