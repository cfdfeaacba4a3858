// Scenarios 2 and 11: the server is killed between commit and enqueue and in the middle of many requests, or asked to stop.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { issueAll, repeatUntilIssued, untilIssued } from './load.ts';
import { BOTH_QUEUES, type Run, type Scenario } from './scenario.ts';
import { untilKnown } from './shop.ts';

export const serverDeaths: readonly Scenario[] = [
  { name: 'server-killed-before-enqueue', queues: BOTH_QUEUES, play: beforeEnqueue },
  { name: 'server-killed-under-load', queues: BOTH_QUEUES, play: underLoad },
  { name: 'sigterm-under-load', queues: BOTH_QUEUES, play: askedToStop },
];

async function beforeEnqueue({ stage, shop }: Run): Promise<void> {
  const { itemIds } = await shop.placeOrder();
  const server = await stage.serverProcess();
  const release = await stage.holdQueue();
  const answer = shop.issue(itemIds, { invoiceId: 'committed' });
  await untilIssued(stage, shop, 1);
  assert.equal(await stage.end(server, 'SIGKILL'), 'SIGKILL');
  await release();
  // Nobody waits for the queue, so the answer may have gone out before.
  assert.ok(['issued', 'unknown'].includes((await answer).kind));
  const again = await untilKnown(() => shop.issue(itemIds, { invoiceId: 'committed' }));
  assert.equal(again.kind, 'issued');
}

async function underLoad({ stage, shop, random, isShort }: Run): Promise<void> {
  const orders = await shop.placeOrders(isShort ? 16 : 80, { rows: 3 });
  const paid = await Promise.all(
    Array.from({ length: 4 }, (_, index) => shop.placeOrder({ authorization: `auth_${shop.merchantId}_${index}` })),
  );
  const server = await stage.serverProcess();
  const online = paid.map((order) => ({ ...order, capture: 'ONLINE' as const }));
  const all = random.shuffled([...orders, ...online]);
  const asked = issueAll(shop, all);
  const enough = random.below(all.length - 8);
  await untilIssued(stage, shop, enough);
  assert.equal(await stage.end(server, 'SIGKILL'), 'SIGKILL');
  await asked;
  await repeatUntilIssued(shop, all);
}

/** Both processes are asked to stop in the middle: every request that the server had is answered, and every job finished. */
async function askedToStop({ stage, shop, random, isShort }: Run): Promise<void> {
  const orders = await shop.placeOrders(isShort ? 20 : 80, { rows: 5 });
  const address = await stage.server();
  const server = await stage.serverProcess();
  const worker = await stage.worker();
  // A worker that another scenario has killed leaves some, which stand there for up to 17 seconds.
  const leftByOthers = new Set(await jobsUnderWay(stage));
  const sent = orders.map(({ id, itemIds }) => sendWhole(address, shop.requestFor(itemIds, `${id}-invoice`)));
  await Promise.all(sent.map(({ isTaken }) => isTaken));
  const enough = random.below(5);
  await untilIssued(stage, shop, enough);
  const began = performance.now();
  const [serverExit, workerExit] = await Promise.all([stage.end(server, 'SIGTERM'), stage.end(worker, 'SIGTERM')]);
  assert.deepEqual({ serverExit, workerExit }, { serverExit: 0, workerExit: 0 }, 'they stop in order');
  assert.ok(performance.now() - began < 25_000, 'they stop within their deadline');
  const answers = await Promise.all(sent.map(({ answer }) => answer));
  for (const [index, answer] of answers.entries()) {
    const body = /^HTTP\/1\.1 200[^]*?\r\n\r\n(\{.*\}\s*)$/s.exec(answer)?.[1];
    assert.ok(body !== undefined, `a request was cut off: ${answer}`);
    const { id = '', itemIds = [] } = orders[index] ?? {};
    shop.note(itemIds, `${id}-invoice`, JSON.parse(body));
  }
  assert.ok(
    shop.requests.every(({ outcome }) => outcome.kind === 'issued'),
    'every request that was taken is carried out',
  );
  const left = (await jobsUnderWay(stage)).filter((id) => !leftByOthers.has(id));
  assert.deepEqual(left, [], 'no job is left for the check of stalled ones');
}

/** Sends a request whole on a connection of its own. */
function sendWhole(address: string, request: string): { isTaken: Promise<unknown>; answer: Promise<string> } {
  const { hostname, port } = new URL(address);
  const socket: Socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  // A connection that is cut says so by an answer that is not whole.
  socket.on('error', (error) => (answer += `(${error.message})`));
  const closed = once(socket, 'close').then(() => answer);
  const written = new Promise<void>((resolve) => socket.write(request, () => resolve()));
  // The server takes connections in turn: one that came later is answered once ours were taken.
  const isTaken = written.then(() => fetch(`${address}/healthz`)).then(() => fetch(`${address}/healthz`));
  return { isTaken, answer: closed };
}

async function jobsUnderWay({ redis, postgres }: Run['stage']): Promise<readonly string[]> {
  if (!redis) {
    const rows = await postgres.query<{ id: string }>(`SELECT id FROM bullmq.job WHERE state = 'active'`);
    return rows.map(({ id }) => id);
  }
  // The queue is really kept under this name.
  assert.equal(await redis.command('EXISTS', 'billhead-faults:billhead:meta'), 1);
  return (await redis.command('LRANGE', 'billhead-faults:billhead:active', 0, -1)) as readonly string[];
}
