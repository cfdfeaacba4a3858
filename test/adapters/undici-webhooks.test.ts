// Where webhooks may go, and what becomes of answers that are slow, endless or a trap.

import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { undiciWebhooks, type UndiciWebhooksOptions } from '../../src/adapters/undici-webhooks.ts';
import { isSignedWith } from '../setup/webhook-receiver.ts';

const pem = (name: string) => readFileSync(new URL(`certificates/hooks.${name}.pem`, import.meta.url), 'utf8');
const SECRET = `whsec_${Buffer.from('a secret of thirty-two characters').toString('base64')}`;
const HUGE = 64 * 1024 * 1024;

const opened: (() => Promise<unknown>)[] = [];
afterAll(async () => void (await Promise.all(opened.map((close) => close()))));

async function listening(server: Server | TcpServer): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const http = (listener: RequestListener) => listening(createHttpServer(listener));

function sender(options: Partial<UndiciWebhooksOptions> = {}) {
  const webhooks = undiciWebhooks({ reach: 'public', ...options });
  opened.push(() => webhooks.close());
  return webhooks;
}

/** A resolver that knows what a test says, in the order of its calls. */
function resolving(...answers: readonly (readonly string[])[]) {
  let calls = 0;
  const resolve: UndiciWebhooksOptions['resolve'] = (_, callback) => {
    const addresses = answers[Math.min(calls, answers.length - 1)] ?? [];
    calls += 1;
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { resolve, calls: () => calls };
}

const message = (url: string) => ({
  url,
  id: 'event-1',
  sentAt: new Date(),
  body: '{"type":"invoice.paid"}',
  secrets: [SECRET],
});
const post = (webhooks: ReturnType<typeof sender>, url: string, timeoutMs = 5_000) =>
  webhooks.send(message(url), timeoutMs);

const PRIVATE_ADDRESSES = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b:1::a00:1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  '4000::1',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fec0::1',
  'ff02::1',
];

/** Each is what a URL parser makes of it an address of ours, or a name that can be none of the world's. */
const HOSTILE_HOSTS = [
  ...PRIVATE_ADDRESSES.map((address) => (address.includes(':') ? `[${address}]` : address)),
  'localhost',
  'LOCALHOST',
  'localhost.',
  'shop.localhost',
  'metadata.google.internal',
  'printer.local',
  'redis',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0177.0.0.1',
  '017700000001',
  '127.1',
  '127.0.1',
  '127.0.0.1.',
  '10.1',
  '0',
  '0x0',
  '3232235777',
  '0xa9fea9fe',
  '2852039166',
  '169.254.43518',
  '[0:0:0:0:0:0:0:1]',
  '[0000::1]',
  '[::ffff:7f00:1]',
  '[::FFFF:127.0.0.1]',
  '[::ffff:169.254.169.254]',
  '[64:ff9b::169.254.169.254]',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  'ⓛocalhost',
];

describe('a webhook goes to no address of ours', () => {
  test.each(HOSTILE_HOSTS)('%s', async (host) => {
    const never = resolving(['127.0.0.1']);
    const webhooks = sender(never);
    for (const url of [`https://${host}/hooks`, `https://${host}:8443/`]) {
      expect(webhooks.urlFault(url)).toMatch(/^must (lead to a public address|be a URL like)/);
      const answer = await post(webhooks, url);
      expect(answer).toMatchObject({ status: null, error: expect.stringMatching(/^Its URL must/) as string });
    }
    expect(never.calls()).toBe(0);
  });

  test.each(PRIVATE_ADDRESSES)('however innocent its name, when that resolves to %s', async (address) => {
    const { resolve, calls } = resolving([address]);
    const webhooks = sender({ resolve });
    expect(webhooks.urlFault('https://hooks.example.com/')).toBeNull();
    expect(await post(webhooks, 'https://hooks.example.com/')).toMatchObject({
      status: null,
      error: 'It does not lead to a public address.',
    });
    expect(calls()).toBe(1);
  });

  test('nor when a public address stands beside it', async () => {
    const webhooks = sender(resolving(['93.184.216.34', '127.0.0.1']));
    expect((await post(webhooks, 'https://hooks.example.com/')).error).toBe('It does not lead to a public address.');
  });

  test('what was checked is what is dialled: a name is resolved once a connection, and that answer is the one that counts', async () => {
    let connections = 0;
    const port = await listening(createTcpServer(() => (connections += 1)));
    // To a look at the first answer it is public; then it would be ours.
    const { resolve, calls } = resolving(['198.51.100.1'], ['127.0.0.1']);
    const webhooks = sender({ resolve });
    for (let round = 0; round < 3; round += 1) {
      expect((await post(webhooks, `https://hooks.example.com:${port}/`)).error).toBe(
        'It does not lead to a public address.',
      );
    }
    expect([calls(), connections]).toEqual([3, 0]);
  });

  test.each([301, 302, 303, 307, 308])('nor by a redirect: %i is an answer like any other', async (status) => {
    let asked = 0;
    const port = await http((_, response) => {
      asked += 1;
      response.writeHead(status, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    });
    expect(await post(sender({ reach: 'loopback' }), `http://127.0.0.1:${port}/`)).toMatchObject({
      status,
      error: null,
    });
    expect(asked).toBe(1);
  });

  test('nor through a proxy of the environment', async () => {
    const proxied: string[] = [];
    const proxy = await http((request, response) => {
      proxied.push(request.url ?? '');
      response.end();
    });
    const port = await http((_, response) => response.writeHead(204).end());
    for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy']) {
      const before = process.env[name];
      process.env[name] = `http://127.0.0.1:${proxy}`;
      onTestFinished(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    expect((await post(sender({ reach: 'loopback' }), `http://127.0.0.1:${port}/`)).status).toBe(204);
    expect(proxied).toEqual([]);
  });
});

describe('what a URL may be', () => {
  test.each([
    ['https://shop.example.com/hooks?shop=1', 'public', null],
    ['https://shop.example.com:8443/', 'public', null],
    ['https://93.184.216.34/', 'public', null],
    ['https://[2606:2800:220:1:248:1893:25c8:1946]/', 'public', null],
    ['http://shop.example.com/', 'public', 'must be a URL like https://shop.example.com/webhooks'],
    ['ftp://shop.example.com/', 'any', 'must be a URL like https://shop.example.com/webhooks'],
    ['file:///etc/passwd', 'any', 'must be a URL like https://shop.example.com/webhooks'],
    ['shop.example.com', 'any', 'must be a URL like https://shop.example.com/webhooks'],
    ['https://', 'any', 'must be a URL like https://shop.example.com/webhooks'],
    ['https://user@shop.example.com/', 'any', 'must have no user and no password'],
    ['https://:secret@shop.example.com/', 'any', 'must have no user and no password'],
    ['https://shop.example.com/#x', 'any', 'must have no "#"'],
    ['http://127.0.0.1:3000/', 'loopback', null],
    ['http://localhost:3000/', 'loopback', null],
    ['http://[::1]:3000/', 'loopback', null],
    ['http://shop.example.com/', 'loopback', null],
    ['http://192.168.1.1/', 'loopback', 'must lead to a public address'],
    ['http://169.254.169.254/', 'loopback', 'must lead to a public address'],
    ['http://0.0.0.0/', 'loopback', 'must lead to a public address'],
    ['http://192.168.1.1/', 'any', null],
  ] as const)('%s with reach %s', (url, reach, fault) => {
    expect(sender({ reach }).urlFault(url)).toBe(fault);
  });
});

describe('a message', () => {
  test('goes over TLS to whoever proves its name, signed for every secret, and to nobody else', async () => {
    const received: { readonly body: string; readonly headers: Record<string, string> }[] = [];
    const server = createHttpsServer({ key: pem('key'), cert: pem('cert') }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ body: Buffer.concat(chunks).toString(), headers: request.headers as Record<string, string> });
        response.end('ok');
      });
    });
    const port = await listening(server);
    const { resolve } = resolving(['127.0.0.1']);
    const trusting = sender({ reach: 'any', resolve, certificates: [pem('cert')] });
    const other = `whsec_${Buffer.from('another secret').toString('base64')}`;
    const url = `https://hooks.example.com:${port}/`;
    expect(await trusting.send({ ...message(url), secrets: [SECRET, other] }, 5_000)).toEqual({
      status: 200,
      response: 'ok',
      error: null,
      retryAfterMs: null,
      durationMs: expect.any(Number) as number,
    });
    const [first] = received;
    expect(first?.body).toBe('{"type":"invoice.paid"}');
    expect(first && [SECRET, other].map((secret) => isSignedWith(secret, first))).toEqual([true, true]);
    expect(first && isSignedWith('whsec_c29tZWJvZHkgZWxzZQ==', first)).toBe(false);
    expect((await post(trusting, `https://other.example.com:${port}/`)).error).toContain(
      'Its certificate is not valid',
    );
    expect((await post(sender({ reach: 'any', resolve }), url)).error).toContain('Its certificate is not valid');
    expect(received).toHaveLength(1);
  });

  test.each([
    ['never answers', () => {}],
    [
      'says its headers forever',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('x-more: 1\r\n'), 20);
        socket.on('close', () => clearInterval(timer));
      },
    ],
  ])('to one that %s is given up when its time is over', async (_, behave: (socket: Socket) => void) => {
    const port = await listening(
      createTcpServer((socket) => {
        socket.on('error', () => {});
        onTestFinished(() => void socket.destroy());
        behave(socket);
      }),
    );
    const answer = await post(sender({ reach: 'loopback' }), `http://127.0.0.1:${port}/`, 300);
    expect(answer).toMatchObject({ status: null, error: 'It did not answer within 0.3 seconds.' });
    expect(answer.durationMs).toBeLessThan(3_000);
  });

  test('that was answered counts as answered, however long the rest of the answer takes', async () => {
    const port = await http((_, response) => {
      response.writeHead(200).write('beginning');
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const answer = await post(sender({ reach: 'loopback' }), `http://127.0.0.1:${port}/`, 500);
    expect(answer).toMatchObject({
      status: 200,
      error: null,
      response: expect.stringMatching(/^beginning\.+$/) as string,
    });
    expect(answer.durationMs).toBeLessThan(3_000);
  });

  test('costs no memory, however long the answer is', async () => {
    let written = 0;
    const port = await http((_, response) => {
      response.on('error', () => {});
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = () => {
        while (written < HUGE && response.write(chunk)) written += chunk.length;
      };
      response.on('drain', more);
      response.writeHead(500);
      more();
    });
    const answer = await post(sender({ reach: 'loopback' }), `http://127.0.0.1:${port}/`);
    expect(answer.status).toBe(500);
    expect(answer.response).toBe(`${'x'.repeat(300)}…`);
    expect(written).toBeLessThan(HUGE);
  });

  test('is answered in words that can be shown and stored', async () => {
    const port = await http((_, response) =>
      response.end('\u0000\u001b[31m token=abc\r\n  ada@example.com whsec_abc+/def= \u202eevil'),
    );
    const { response } = await post(sender({ reach: 'loopback' }), `http://127.0.0.1:${port}/`);
    expect(response).toBe('[31m token=[redacted] [redacted] whsec_[redacted] \ufffdevil');
  });

  test.each([
    ['a number of seconds', '120', 120_000],
    ['a date', () => new Date(Date.now() + 60_000).toUTCString(), 60_000],
    ['a date that is past', 'Sun, 22 Nov 1998 00:00:00 GMT', null],
    ['nonsense', 'soon', null],
    ['a negative number', '-5', null],
  ])('can be asked for later by %s', async (_, header, expected) => {
    const port = await http((__, response) =>
      response.writeHead(503, { 'retry-after': typeof header === 'string' ? header : header() }).end(),
    );
    const { retryAfterMs } = await post(sender({ reach: 'loopback' }), `http://127.0.0.1:${port}/`);
    if (expected === null) expect(retryAfterMs).toBeNull();
    else expect(Math.abs((retryAfterMs ?? 0) - expected)).toBeLessThan(2_000);
  });

  test.each([
    ['nobody listens', async () => `http://127.0.0.1:${await freePort()}/`, 'It refused the connection.'],
    [
      'something else than HTTP is spoken',
      async () =>
        `http://127.0.0.1:${await listening(createTcpServer((socket) => socket.on('error', () => {}).end('220 mail\r\n')))}/`,
      'It does not speak HTTP.',
    ],
    [
      'the connection is broken off',
      async () => `http://127.0.0.1:${await http((request) => request.socket.destroy())}/`,
      'It broke the connection off.',
    ],
  ])('tells why it failed where %s', async (_, url, error) => {
    expect(await post(sender({ reach: 'loopback' }), await url())).toMatchObject({ status: null, error });
  });
});

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
