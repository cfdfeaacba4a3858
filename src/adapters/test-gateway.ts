// The built-in test gateway: a payment gateway that moves no money, with books of its own in the product's database.
//
// 1. It behaves like another party: what it has answered is on its books whatever becomes of the caller, and a call with
//    a known idempotency key gets the answer of the first one.
// 2. What it does is chosen by the beginning of the authorisation or the means of payment (the magic values).

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { GatewayAnswer, GatewayCall } from '../domain/gateway-call.ts';
import type { GatewayCallReference, PaymentGateway } from '../ports.ts';

export interface TestGateway extends PaymentGateway {
  /** Who is told when something becomes of a call; where the magic value says so, twice. */
  onChange(tell: (reference: GatewayCallReference) => void): void;
  /** What the page of an entry shows; null when there is none. */
  findEntry(reference: string): Promise<TestGatewayEntry | null>;
  /** What a person chose on the page; an entry that is decided stays as it is. */
  decide(reference: string, verdict: 'pay' | 'decline'): Promise<TestGatewayEntry | null>;
  close(): Promise<void>;
}

export interface TestGatewayEntry {
  readonly amount: bigint;
  readonly currency: string;
  readonly status: GatewayAnswer['status'];
  readonly returnUrl: string | null;
}

type EntryKind = 'AUTHORIZE' | 'CAPTURE' | 'CHECKOUT' | 'VOID' | 'REFUND';

interface Entry {
  readonly account: string;
  readonly idempotency_key: string;
  readonly kind: EntryKind;
  readonly reference: string;
  readonly source: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: GatewayAnswer['status'];
  readonly reason: string | null;
  readonly return_url: string | null;
}

type Verdict = Pick<Entry, 'status' | 'reason'>;

const SUCCEEDED: Verdict = { status: 'SUCCEEDED', reason: null };
const PENDING: Verdict = { status: 'PENDING', reason: null };
const failed = (reason: string): Verdict => ({ status: 'FAILED', reason });

const SILENCE_MS = 60_000;
const CHECKOUT_LIFE = '24 hours';

/** `pageUrl` gives the address, as seen from a payment link, of the page on which a person decides about an entry. */
export function connectTestGateway(databaseUrl: string, pageUrl: (reference: string) => string): TestGateway {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 4,
    application_name: `billhead-test-gateway:${process.pid}`,
  });
  // A connection that breaks while it is idle is replaced by the pool; one in use fails the statement of whoever has it,
  // and without a listener of its own would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const books = new Books(pool);
  let tell: (reference: GatewayCallReference) => void = () => {};

  const make = async (call: GatewayCall, kind: EntryKind, returnUrl: string | null = null): Promise<GatewayAnswer> => {
    const entry = await books.enter(call, kind, returnUrl);
    // The money moved, but nobody hears of it.
    if (entry.source.startsWith('auth_timeout')) await delay(SILENCE_MS, undefined, { ref: false });
    if (entry.source.startsWith('auth_twice')) {
      for (let time = 0; time < 2; time += 1) setImmediate(tell, referenceOf(entry));
    }
    return answerOf(entry);
  };

  return {
    name: 'test',
    authorize: (call) => make(call, 'AUTHORIZE'),
    capture: (call) => make(call, 'CAPTURE'),
    void: (call) => make(call, 'VOID'),
    refund: (call) => make(call, 'REFUND'),
    openCheckout: (call, returnUrl) => make(call, 'CHECKOUT', returnUrl),
    checkoutUrl: async (call) => (call.reference === null ? null : pageUrl(call.reference)),
    find: async ({ merchantId, id }) => {
      const entry = await books.find(merchantId, id);
      return entry && answerOf(entry);
    },
    onChange: (listener) => {
      tell = listener;
    },
    findEntry: async (reference) => {
      const entry = await books.findByReference(reference);
      return entry && shown(entry);
    },
    decide: async (reference, verdict) => {
      const entry = await books.decide(reference, verdict === 'pay' ? SUCCEEDED : failed('declined by the customer'));
      if (entry) tell(referenceOf(entry));
      return entry && shown(entry);
    },
    close: () => pool.end(),
  };
}

function answerOf({ status, reference, reason }: Entry): GatewayAnswer {
  return { status, reference, reason };
}

function referenceOf({ account: merchantId, idempotency_key: callId }: Entry): GatewayCallReference {
  return { merchantId, callId };
}

function shown({ amount, currency, status, return_url: returnUrl }: Entry): TestGatewayEntry {
  return { amount: BigInt(amount), currency, status, returnUrl };
}

class Books {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Enters a call once, with what becomes of it. */
  async enter(call: GatewayCall, kind: EntryKind, returnUrl: string | null): Promise<Entry> {
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      // Two calls on one authorisation or capture must not both find the money there.
      await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `${call.merchantId} ${call.source}`,
      ]);
      const known = await this.find(call.merchantId, call.id, client);
      const entry =
        known ?? (await this.#insert(client, call, kind, await this.#verdict(client, call, kind), returnUrl));
      await client.query('COMMIT');
      return entry;
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  }

  async #insert(
    client: pg.PoolClient,
    call: GatewayCall,
    kind: EntryKind,
    { status, reason }: Verdict,
    returnUrl: string | null,
  ): Promise<Entry> {
    const reference = `${PREFIXES[kind]}_${randomBytes(16).toString('hex')}`;
    const { rows } = await client.query<Entry>(
      `INSERT INTO test_gateway_entries
         (account, idempotency_key, kind, reference, source, amount, currency, status, reason, return_url)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *`,
      [
        call.merchantId,
        call.id,
        kind,
        reference,
        call.source ?? '',
        call.amount,
        call.currency,
        status,
        reason,
        returnUrl,
      ],
    );
    const [entry] = rows;
    if (!entry) throw new RangeError('An inserted entry is returned.');
    return entry;
  }

  async #verdict(client: pg.PoolClient, call: GatewayCall, kind: EntryKind): Promise<Verdict> {
    const source = call.source ?? '';
    switch (kind) {
      case 'CHECKOUT':
        return PENDING;
      case 'AUTHORIZE':
        if (source.startsWith('card_decline')) return failed('insufficient funds');
        return source.startsWith('card_pending') ? PENDING : SUCCEEDED;
      case 'CAPTURE': {
        if (source.startsWith('auth_decline')) return failed('insufficient funds');
        const held = await this.#held(client, call.merchantId, source);
        if (held !== null && call.amount > held) return failed(`only ${held} is left of the authorisation`);
        return source.startsWith('auth_pending') ? PENDING : SUCCEEDED;
      }
      case 'VOID':
      case 'REFUND':
        return this.#takingBack(client, call);
    }
  }

  /** What is left of an authorisation; null when it was made elsewhere and holds any amount. */
  async #held(client: pg.PoolClient, account: string, authorization: string): Promise<bigint | null> {
    const { rows } = await client.query<{ amount: string }>(
      `SELECT amount FROM test_gateway_entries WHERE account = $1 AND reference = $2 AND kind = 'AUTHORIZE'`,
      [account, authorization],
    );
    const limit = rows[0]?.amount ?? /^auth_limit_(\d{1,15})(?!\d)/.exec(authorization)?.[1];
    if (limit === undefined) return null;
    const { rows: captured } = await client.query<{ amount: string }>(
      `SELECT coalesce(sum(amount), 0) AS amount FROM test_gateway_entries AS capture
       WHERE account = $1 AND source = $2 AND kind = 'CAPTURE' AND status <> 'FAILED' AND NOT EXISTS (
         SELECT FROM test_gateway_entries WHERE account = $1 AND source = capture.reference AND kind = 'VOID' AND status = 'SUCCEEDED')`,
      [account, authorization],
    );
    return BigInt(limit) - BigInt(captured[0]?.amount ?? 0);
  }

  async #takingBack(client: pg.PoolClient, call: GatewayCall): Promise<Verdict> {
    const capture = await this.findByReference(call.source ?? '', client);
    if (!capture || capture.status !== 'SUCCEEDED') return failed('there is no such capture');
    if (capture.source.startsWith('auth_norefund')) return failed('the bank does not give it back');
    const { rows } = await client.query<{ amount: string }>(
      `SELECT coalesce(sum(amount), 0) AS amount FROM test_gateway_entries
       WHERE account = $1 AND source = $2 AND kind IN ('VOID', 'REFUND') AND status = 'SUCCEEDED'`,
      [call.merchantId, capture.reference],
    );
    const left = BigInt(capture.amount) - BigInt(rows[0]?.amount ?? 0);
    return call.amount > left ? failed(`only ${left} is left of the capture`) : SUCCEEDED;
  }

  async find(account: string, key: string, client: pg.Pool | pg.PoolClient = this.#pool): Promise<Entry | null> {
    // A page that nobody used is closed.
    await client.query(
      `UPDATE test_gateway_entries SET status = 'FAILED', reason = 'the page expired'
       WHERE account = $1 AND idempotency_key = $2 AND kind = 'CHECKOUT' AND status = 'PENDING'
         AND created_at < now() - interval '${CHECKOUT_LIFE}'`,
      [account, key],
    );
    const { rows } = await client.query<Entry>(
      'SELECT * FROM test_gateway_entries WHERE account = $1 AND idempotency_key = $2',
      [account, key],
    );
    return rows[0] ?? null;
  }

  async findByReference(reference: string, client: pg.Pool | pg.PoolClient = this.#pool): Promise<Entry | null> {
    const { rows } = await client.query<Entry>('SELECT * FROM test_gateway_entries WHERE reference = $1', [
      reference.replaceAll('\u0000', ''),
    ]);
    return rows[0] ?? null;
  }

  async decide(reference: string, { status, reason }: Verdict): Promise<Entry | null> {
    await this.#pool.query(
      `UPDATE test_gateway_entries SET status = $2, reason = $3 WHERE reference = $1 AND status = 'PENDING'`,
      [reference.replaceAll('\u0000', ''), status, reason],
    );
    return this.findByReference(reference);
  }
}

const PREFIXES: Readonly<Record<EntryKind, string>> = {
  AUTHORIZE: 'hold',
  CAPTURE: 'capture',
  CHECKOUT: 'checkout',
  VOID: 'void',
  REFUND: 'refund',
};
