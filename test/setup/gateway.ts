// Orders that are paid at the built-in test gateway, and what its books say.

import pg from 'pg';
import { item, order } from './orders.ts';

/** An order of 3 × 3.33 and 2 × 10.00 without VAT at 21 %: 36.29 in all. */
export function orderHolding(id: string, authorization: string | null) {
  const items = [item({ id: `${id}-1`, quantity: 3, unit_price: 333 }), item({ id: `${id}-2` })];
  return order(id, { items, payment: { method: 'card', authorization } });
}

export const ORDER_TOTAL = 3629;

export interface GatewayEntry {
  readonly kind: string;
  readonly status: string;
  readonly amount: number;
  readonly reference: string;
}

/** What the test gateway did with an authorisation or a capture, oldest first. */
export async function gatewayEntries(databaseUrl: string, source: string): Promise<readonly GatewayEntry[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<GatewayEntry>(
      `SELECT kind, status, amount::int, reference FROM test_gateway_entries WHERE source = $1 ORDER BY created_at`,
      [source],
    );
    return rows;
  } finally {
    await client.end();
  }
}
