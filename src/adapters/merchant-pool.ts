// Connections to PostgreSQL that see the rows of one merchant at a time, as row-level security has it.
//
// 1. Who a connection is for is read when it is asked for, and set before it is handed out. As long as it is checked out
//    it serves that one caller, so nothing can set another merchant meanwhile.
// 2. It is set outside of any transaction, so no rollback takes it back. A connection that comes back with a transaction
//    still open is closed, not used again.
// 3. What a connection is set to is remembered only once PostgreSQL has confirmed it; one that failed to be set is closed.
//    A connection that is set right already costs nothing.
// 4. Connections that reach all merchants are others: none of them ever serves a call for one merchant.

import pg from 'pg';
import { currentReach, EVERY_MERCHANT, type Reach } from './merchant-reach.ts';

const MOST_ACROSS = 4;

type Callback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (error?: unknown) => void,
) => void;

export interface PoolUse {
  /** "merchant" serves one merchant at a time, "every_merchant" all of them. */
  readonly pool: 'merchant' | 'every_merchant';
  readonly open: number;
  readonly idle: number;
  /** Calls that wait for a connection. */
  readonly waiting: number;
}

export interface MerchantPoolConfig extends pg.PoolConfig {
  /** The role that connections take, where the user of the URL would pass the wall; null where it would not. */
  readonly role: string | null;
}

export class MerchantPool extends pg.Pool {
  readonly #role: string | null;
  readonly #across: pg.Pool;
  readonly #reachOf = new WeakMap<pg.PoolClient, Reach>();

  constructor({ role, ...config }: MerchantPoolConfig) {
    super(config);
    this.#role = role;
    this.#across = new pg.Pool({ ...config, max: MOST_ACROSS });
    for (const pool of [this, this.#across]) {
      // A connection that breaks while it is idle is replaced.
      pool.on('error', () => {});
      // One that breaks between two statements of whoever has it fails the next of them. Without a listener of its own it
      // would end the process: the pool listens to idle ones alone.
      pool.on('connect', (client) => client.on('error', () => {}));
    }
  }

  // pg's own `query` comes this way, too.
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | void {
    const reach = currentReach();
    if (callback) return this.#checkOut(reach, callback);
    return new Promise((resolve, reject) => {
      this.#checkOut(reach, (error, client) => (client ? resolve(client) : reject(error)));
    });
  }

  use(): readonly PoolUse[] {
    const useOf = (pool: PoolUse['pool'], { totalCount, idleCount, waitingCount }: pg.Pool): PoolUse => {
      return { pool, open: totalCount, idle: idleCount, waiting: waitingCount };
    };
    return [useOf('merchant', this), useOf('every_merchant', this.#across)];
  }

  override async end(): Promise<void> {
    await Promise.all([super.end(), this.#across.end()]);
  }

  #checkOut(reach: Reach, callback: Callback): void {
    const handOut: Callback = (error, client, release) => {
      if (!client) return callback(error, undefined, release);
      // Of a new connection nothing is known yet.
      if (!['I', null].includes(client.getTransactionStatus())) {
        client.release(new Error('a transaction was left open'));
        return this.#checkOut(reach, callback);
      }
      if (this.#reachOf.get(client) === reach) return callback(undefined, client, release);
      this.#set(client, reach, (fault) => {
        if (!fault) return callback(undefined, client, release);
        client.release(fault);
        callback(fault, undefined, () => {});
      });
    };
    if (reach === EVERY_MERCHANT) this.#across.connect(handOut);
    else super.connect(handOut);
  }

  #set(client: pg.PoolClient, reach: Reach, done: (fault: Error | null) => void): void {
    const isNew = !this.#reachOf.has(client);
    const [merchantId, scope] = reach === EVERY_MERCHANT ? ['', 'all'] : [reach, ''];
    // What the connection is set to is not known until it is confirmed.
    this.#reachOf.delete(client);
    const query = isNew ? { text: SETTLE, values: [this.#role, scope, merchantId] } : { ...SET, values: [merchantId] };
    client.query(query, (fault: Error | null) => {
      if (!fault) this.#reachOf.set(client, reach);
      done(fault);
    });
  }
}

/**
 * Of a new connection everything is set, whatever the URL, the user or the database set before. A server that lost its power
 * keeps no row locked for long, and times in JSON have an offset that everybody can read.
 */
const SETTLE = `SELECT set_config('role', coalesce($1, current_setting('role')), false),
  set_config('billhead.scope', $2, false), set_config('billhead.merchant', $3, false),
  set_config('idle_in_transaction_session_timeout', '70s', false), set_config('TimeZone', 'UTC', false)`;
// Prepared once a connection.
const SET = { name: 'billhead_set_merchant', text: `SELECT set_config('billhead.merchant', $1, false)` };
