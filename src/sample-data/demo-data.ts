// The sample merchant of the embedded database: made at the first start, its orders placed as any shop's are.

import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { App } from '../app.ts';
import { SCOPES, type Actor } from '../domain/access.ts';
import { readOrderJson } from '../graphql/order-json.ts';
import type { Log } from '../ports.ts';
import { DEMO_MERCHANT } from './demo-merchant.ts';
import { dutchOrders } from './dutch-orders.ts';
import { northwindOrders, northwindShipments } from './northwind.ts';

const BATCH = 100;
/** Placed last of all: where it is, all of the sample data is. */
const LAST_ORDER = 'demo-1001';

export interface Demo {
  readonly apiKey: string;
  readonly keyFile: string;
}

/** Safe to call at every start: what is there already stays as it is, what a crash left out is made up for. */
export async function openDemoData(app: App, dataDir: string, log: Log): Promise<Demo> {
  await app.createMerchant(DEMO_MERCHANT);
  const keyFile = path.join(dataDir, 'demo-api-key');
  const apiKey = (await readKey(app, keyFile)) ?? (await makeKey(app, keyFile));
  const actor = await app.authenticate(apiKey);
  const [last] = await app.ordersById(actor, [LAST_ORDER]);
  if (!last) {
    const began = performance.now();
    const orders = await placeSampleOrders(app, actor);
    log.info('demo.sample_orders_placed', { orders, milliseconds: Math.round(performance.now() - began) });
  }
  return { apiKey, keyFile };
}

async function readKey(app: App, keyFile: string): Promise<string | null> {
  try {
    const apiKey = (await readFile(keyFile, 'utf8')).trim();
    await app.authenticate(apiKey);
    return apiKey;
  } catch {
    // No file, or the key of another database: a new one is made.
    return null;
  }
}

async function makeKey(app: App, keyFile: string): Promise<string> {
  const apiKey = await app.createApiKey({
    merchantId: DEMO_MERCHANT.id,
    name: 'demo',
    scopes: SCOPES,
    expiresAt: null,
  });
  await mkdir(path.dirname(keyFile), { recursive: true });
  await writeFile(keyFile, `${apiKey}\n`, { mode: 0o600 });
  // The mode of writeFile counts for a new file alone.
  await chmod(keyFile, 0o600);
  return apiKey;
}

async function placeSampleOrders(app: App, actor: Actor): Promise<number> {
  const orders = [...(await northwindOrders()), ...dutchOrders().reverse()];
  for (let start = 0; start < orders.length; start += BATCH) {
    const outcomes = await app.placeOrders(actor, orders.slice(start, start + BATCH).map(readOrderJson));
    for (const outcome of outcomes) if (outcome.kind === 'refused') throw outcome.refusal;
    await shipSampleOrders(
      app,
      actor,
      orders.slice(start, start + BATCH).map(({ id }) => id ?? ''),
    );
  }
  return orders.length;
}

// Only where it decides what can be invoiced: the others would change nothing that a user sees.
async function shipSampleOrders(app: App, actor: Actor, orderIds: readonly string[]): Promise<void> {
  const shipped = new Set((await northwindShipments()).map(({ order_id: orderId }) => orderId));
  const orders = await app.ordersById(actor, orderIds);
  for (const order of orders) {
    if (order.invoicingPolicy === 'AFTER_SHIPMENT' && shipped.has(order.id) && order.status === 'NEW') {
      await app.shipItems(actor, { orderId: order.id });
    }
  }
}
