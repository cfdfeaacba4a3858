// Seals documents whose PDF is READY without a seal: those of a worker of the version before, and from before there were seals.

import { sealOf } from '../domain/seal.ts';
import type { Ports } from '../ports.ts';

const BATCH = 200;
/** Old documents by the hundred thousand must not keep the rest of the sweep waiting. */
const MOST_BATCHES = 5;

/** In the order of their numbers, a merchant at a time. Returns how many it sealed. */
export async function sealInvoices({ database: { proofs }, clock, digests, log }: Ports): Promise<number> {
  let sealed = 0;
  for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
    const found = await proofs.findUnsealed(BATCH);
    for (const merchantId of new Set(found.map((reference) => reference.merchantId))) {
      const ids = found.filter((one) => one.merchantId === merchantId).map(({ invoiceId }) => invoiceId);
      const seals = (await proofs.documents(merchantId, ids)).flatMap((document) => {
        const { sha256 } = document.invoice.pdf;
        return sha256 === null ? [] : sealOf(document, sha256, clock.now(), digests);
      });
      sealed += await proofs.seal(merchantId, seals);
    }
    if (found.length < BATCH) break;
  }
  if (sealed > 0) log.info('sweep.sealed', { sealed });
  return sealed;
}
