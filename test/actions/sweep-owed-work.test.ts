// The sweep, which asks again for PDFs whose job was lost, not for those that wait in a long queue.

import { expect, test } from 'vitest';
import { sweepOwedWork } from '../../src/actions/sweep-owed-work.ts';
import type { InvoiceReference, Ports } from '../../src/ports.ts';
import { quietLog } from '../setup/quiet-log.ts';

const NOW = new Date('2026-06-12T09:30:00Z');
const SECOND = 1_000;

/** Which PDFs are asked for that have been due for so long, while so many wait in the queue. */
async function askedFor(waiting: number, dueForMs: Readonly<Record<string, number>>): Promise<readonly string[]> {
  const asked: string[] = [];
  const owed = new Map(Object.entries(dueForMs).map(([id, ms]) => [id, NOW.getTime() - ms]));
  const claimDue = async (by: Date, leasedUntil: Date, limit: number) => {
    const due = [...owed].filter(([, dueAt]) => dueAt <= by.getTime()).slice(0, limit);
    for (const [id] of due) owed.set(id, leasedUntil.getTime());
    return due.map(([invoiceId]): InvoiceReference => ({ merchantId: 'm', invoiceId }));
  };
  const none = async () => [];
  const nothing = async () => 0;
  const ports = {
    clock: { now: () => NOW },
    log: quietLog,
    jobs: {
      waitingRenderings: async () => waiting,
      renderInvoices: async (due: readonly InvoiceReference[]) =>
        void asked.push(...due.map(({ invoiceId }) => invoiceId)),
    },
    database: {
      pdfs: { claimDue },
      emails: { expire: nothing, claimDue: none },
      webhooks: { claimDue: none, claimRested: none, giveUp: nothing, forget: nothing },
      proofs: { findUnsealed: none },
      idempotencyKeys: { removeOld: nothing },
    },
  };
  expect(await sweepOwedWork(ports as unknown as Ports)).toBe(asked.length);
  return asked;
}

test('what is due is asked for at once when nothing waits, as after the queue lost everything', async () => {
  expect(await askedFor(0, { due: 0, later: -1 })).toEqual(['due']);
  const many = Object.fromEntries(Array.from({ length: 1_234 }, (_, index) => [`i${index}`, 0]));
  expect(await askedFor(0, many)).toHaveLength(1_234);
});

test('what is due is left to the queue for as long as those before it may take', async () => {
  const dueFor = { 'a moment': SECOND, 'half a minute': 30 * SECOND, 'two minutes': 120 * SECOND };
  expect(await askedFor(10, dueFor)).toEqual(['a moment', 'half a minute', 'two minutes']);
  expect(await askedFor(1_000, dueFor)).toEqual(['half a minute', 'two minutes']);
  expect(await askedFor(3_000, dueFor)).toEqual(['two minutes']);
});

test('however many wait, what has been due for ten minutes is asked for again', async () => {
  const dueFor = { 'nine minutes': 540 * SECOND, 'ten minutes': 600 * SECOND };
  expect(await askedFor(1_000_000, dueFor)).toEqual(['ten minutes']);
});
