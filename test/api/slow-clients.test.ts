// Clients that take their time on purpose: each is cut off, and while they last others are served.

import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { startHttpServer, type HttpServer, type Patience } from '../../src/http/server.ts';
import { eventually } from '../setup/eventually.ts';
import { quietLog } from '../setup/quiet-log.ts';

const SHORT: Patience = { headersMs: 400, requestMs: 800, silenceMs: 1_500, checkEveryMs: 50 };

let server: HttpServer | null = null;
const warnings: string[] = [];
const log = { ...quietLog, warn: (event: string) => void warnings.push(event) };
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close();
  server = null;
  // Nobody who was cut off, or went away, is waited for at the end.
  if (warnings.length > 0) throw new Error(`Closing warned of ${warnings.splice(0).join(', ')}.`);
});

async function start(door: (host: FastifyInstance) => void, patience?: Patience): Promise<string> {
  const doors = [async (host: FastifyInstance) => door(host)];
  const base = { host: '127.0.0.1', port: 0, log, doors, readyChecks: {} };
  server = await startHttpServer({ ...base, ...(patience && { patience }) });
  return server.address;
}

function open(address: string): Socket {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  // What is sent to a server that has had enough is refused by the system.
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

/** Sends the first part, then a byte at a time for as long as the server listens. Resolves with what it said in the end. */
function dribble(address: string, first: string, byte: string): Promise<string> {
  const socket = open(address);
  socket.write(first);
  const timer = setInterval(() => socket.write(byte), 20);
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  return new Promise((resolve) => {
    socket.on('close', () => {
      clearInterval(timer);
      resolve(answer);
    });
  });
}

describe('while a hundred of them hold connections, others are served, and each is cut off', () => {
  test.each([
    ['who dribble their headers', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ', 'a', /^HTTP\/1\.1 408 /],
    [
      'who dribble their body',
      'POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{',
      ' ',
      /^HTTP\/1\.1 408 /,
    ],
    ['who say nothing at all', '', '', /^(HTTP\/1\.1 408 |$)/],
  ])('%s', async (_, first, byte, answer) => {
    let taken = 0;
    const address = await start((host) => host.post('/orders', async () => (taken += 1)), SHORT);
    const over = new AbortController();
    const slow = Promise.all(Array.from({ length: 100 }, () => dribble(address, first, byte)));
    const answers = slow.finally(() => over.abort());
    let served = 0;
    while (!over.signal.aborted) {
      expect((await fetch(`${address}/healthz`)).status).toBe(200);
      served += 1;
    }
    expect(served).toBeGreaterThan(0);
    for (const said of await answers) expect(said).toMatch(answer);
    expect(taken).toBe(0);
  });
});

test('who asks for a file and does not read it is cut off, and the file is closed', async () => {
  let isClosed = false;
  const address = await start((host) => {
    host.get('/file', async (_, reply) => {
      const endless = new Readable({ read: () => void endless.push(Buffer.alloc(65_536)) });
      endless.on('close', () => (isClosed = true));
      return reply.send(endless);
    });
  }, SHORT);
  const socket = open(address);
  socket.pause();
  socket.write('GET /file HTTP/1.1\r\nhost: x\r\n\r\n');
  await eventually(() => isClosed);
});

test('what somebody asked for who went away is done before the server closes', async () => {
  const begun = new AbortController();
  const done = new AbortController();
  let finish: (() => void) | null = null;
  const address = await start((host) => {
    host.post('/work', async () => {
      begun.abort();
      await new Promise<void>((resolve) => (finish = resolve));
      done.abort();
      return 'done';
    });
  }, SHORT);
  const socket = open(address);
  socket.write('POST /work HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
  await eventually(() => begun.signal.aborted);
  socket.destroy();
  let isClosed = false;
  const closing = server?.close().then(() => (isClosed = true));
  await eventually(async () =>
    fetch(`${address}/healthz`).then(
      () => false,
      () => true,
    ),
  );
  expect(isClosed).toBe(false);
  (finish as (() => void) | null)?.();
  await closing;
  expect(done.signal.aborted).toBe(true);
  server = null;
});

test('an honest request that takes longer to answer than to ask is answered', async () => {
  const address = await start((host) => {
    host.get('/long', async () => {
      await new Promise((resolve) => setTimeout(resolve, SHORT.requestMs + 200));
      return 'done';
    });
  }, SHORT);
  expect(await (await fetch(`${address}/long`)).text()).toBe('done');
});

test('the product has such limits, and they leave the longest operation its minute', async () => {
  let host: FastifyInstance | null = null;
  await start((one) => (host = one));
  const { headersTimeout, requestTimeout, timeout, keepAliveTimeout } = (host as unknown as FastifyInstance).server;
  expect(headersTimeout).toBeGreaterThan(0);
  expect(requestTimeout).toBeGreaterThan(headersTimeout);
  expect(timeout).toBeGreaterThan(60_000);
  expect(timeout).toBeGreaterThan(keepAliveTimeout);
  expect(timeout).toBeLessThan(600_000);
});
