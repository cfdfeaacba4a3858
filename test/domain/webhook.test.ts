// When a webhook is tried again, what it is signed with, and that its words never change.

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Invoice } from '../../src/domain/invoice.ts';
import { answerFault, nextWebhookAttempt } from '../../src/domain/webhook-delivery.ts';
import {
  liveSecrets,
  newWebhookEndpoint,
  rotatedSecret,
  webhookSecret,
  type WebhookEndpoint,
} from '../../src/domain/webhook-endpoint.ts';
import { WEBHOOK_EVENTS, webhookBody, type WebhookMessage } from '../../src/domain/webhook-event.ts';

const NOON = new Date('2026-11-22T12:00:00Z');
const after = (seconds: number) => new Date(NOON.getTime() + seconds * 1000);
const DAY = 86_400;

describe('a delivery that failed', () => {
  test.each([
    [1, null, 0.5, 5],
    [1, null, 0, 4],
    [1, null, 1, 6],
    [2, null, 0.5, 15],
    [5, null, 0.5, 405],
    [8, null, 0.5, 10_800],
    [1_000, null, 0.5, 10_800],
    [1, 60_000, 0.5, 60],
    [1, 1_000, 0.5, 5],
    [1, 999_999_000, 0.5, 10_800],
  ])(
    'the %ith time, asked to wait %s ms, with chance %d comes again after %d s',
    (attempt, retryAfterMs, spread, seconds) => {
      expect(nextWebhookAttempt({ attempt, firstAttemptAt: NOON }, retryAfterMs, spread, NOON)).toEqual(after(seconds));
    },
  );

  test('is tried at least ten and at most twenty times within a day, and never after it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 30, maxLength: 30 }), (chances) => {
        const times: Date[] = [];
        for (let now: Date | null = NOON; now !== null;) {
          times.push(now);
          const attempt = times.length;
          now = nextWebhookAttempt({ attempt, firstAttemptAt: NOON }, null, chances[attempt] ?? 0.5, now);
        }
        expect(times.length).toBeGreaterThanOrEqual(10);
        expect(times.length).toBeLessThanOrEqual(20);
        expect(times.at(-1)?.getTime()).toBeLessThan(after(DAY).getTime());
        expect(times.at(-1)?.getTime()).toBeGreaterThan(after(DAY - 4 * 3600).getTime());
      }),
    );
  });

  test.each([
    [200, null],
    [204, null],
    [299, null],
    [199, 'It answered 199.'],
    [307, 'It answered 307; redirects are not followed.'],
    [404, 'It answered 404.'],
    [503, 'It answered 503.'],
  ])('is one that was answered otherwise than by 2xx: %i', (status, fault) => {
    expect(answerFault({ status, response: null, error: null, retryAfterMs: null, durationMs: 1 })).toBe(fault);
  });
});

describe('secrets', () => {
  const made = { merchantId: 'm', id: 'e', secret: 'first', now: NOON };
  const endpoint = newWebhookEndpoint({ url: 'https://a.example.com/', events: ['INVOICE_PAID'] }, [], made);

  test.each<[string, Date | null, Date, readonly string[]]>([
    ['for a day unless told', null, after(DAY - 1), ['second', 'first']],
    ['no longer', null, after(DAY), ['second']],
    ['as long as told', after(60), after(59), ['second', 'first']],
    ['and then no longer', after(60), after(60), ['second']],
    ['not at all', NOON, NOON, ['second']],
  ])('the former one lives on %s', (_, expiresAt, now, live) => {
    expect(liveSecrets(rotatedSecret(endpoint, 'second', expiresAt, NOON), now)).toEqual(live);
  });

  test('are never more than two', () => {
    const twice = [2, 3, 4].reduce<WebhookEndpoint>((one, n) => rotatedSecret(one, `s${n}`, null, NOON), endpoint);
    expect(liveSecrets(twice, NOON)).toEqual(['s4', 's3']);
  });

  test('are base64 of the very bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (bytes) => {
        const secret = webhookSecret(Buffer.from(bytes).toString('base64url'));
        expect(secret).toBe(`whsec_${Buffer.from(bytes).toString('base64')}`);
      }),
    );
  });
});

test('what is told of an event stays the same, whatever has become of the invoice since', () => {
  const invoice = {
    id: 'i',
    number: '2026-000001',
    type: 'INVOICE',
    customerId: 'c',
    currency: 'EUR',
    totalExVat: 2000n,
    totalVat: 420n,
    correctsInvoiceId: null,
  };
  const snapshot = { state: 'OPEN' as const, amountPaid: 420n, amountRefunded: 0n, amountCredited: 0n };
  const since = { state: 'PAID', amountPaid: 2420n, amountRefunded: 10n, amountCredited: 5n };
  for (const event of WEBHOOK_EVENTS) {
    const message = { id: 'm', event, happenedAt: NOON, orderIds: ['o'], snapshot };
    const tell = (changes: object) =>
      webhookBody({ ...message, invoice: { ...invoice, ...changes } as Invoice } satisfies WebhookMessage);
    expect(tell(since)).toBe(tell(snapshot));
    expect(JSON.parse(tell(since))).toMatchObject({ data: { state: 'OPEN', amount_paid: 420, amount_due: 2000 } });
  }
});
