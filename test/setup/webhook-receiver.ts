// A consumer of webhooks as merchants have them: an HTTP server that checks each message with the library of Standard Webhooks.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface ReceivedWebhook {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly id: string;
  readonly body: string;
  // What a message holds is only known to the test that waits for it.
  readonly message: any; // eslint-disable-line typescript/no-explicit-any
}

export interface WebhookReceiver {
  /** Where it listens, without a path. */
  readonly url: string;
  /** All that came to a path, in order. */
  receivedAt(path: string): readonly ReceivedWebhook[];
  /** How the next messages to a path are answered; 204 unless told. */
  answer(path: string, how: (response: ServerResponse, count: number) => void): void;
  close(): Promise<void>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  const answers = new Map<string, (response: ServerResponse, count: number) => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      const body = Buffer.concat(chunks).toString();
      const id = String(request.headers['webhook-id']);
      received.push({ path, headers: request.headers, id, body, message: JSON.parse(body) });
      const count = received.filter((one) => one.path === path).length;
      const how = answers.get(path);
      if (how) how(response, count);
      else response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    receivedAt: (path) => received.filter((one) => one.path === path),
    answer: (path, how) => void answers.set(path, how),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether a consumer that knows this secret takes the message for true. */
export function isSignedWith(secret: string, { body, headers }: Pick<ReceivedWebhook, 'body' | 'headers'>): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}
