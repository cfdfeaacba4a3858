// A line to PostgreSQL that can break at the worst moment: after COMMIT was carried out, before its answer.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface DatabaseLine {
  /** The same database, through the line. */
  readonly url: string;
  /** How many answers of COMMIT were lost so far. */
  readonly lost: number;
  /** The next so many connections that commit break once it is done, and before they say so. */
  loseAnswersOfCommit(count: number): void;
  /** Every connection breaks; new ones work. */
  cut(): void;
  close(): Promise<void>;
}

export async function createDatabaseLine(databaseUrl: string): Promise<DatabaseLine> {
  const server = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let toLose = 0;
  let lost = 0;
  const track = (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
    return socket;
  };
  const line = createServer((incoming) => {
    track(incoming);
    const outgoing = track(connect(Number(server.port), server.hostname));
    let isLosing = false;
    incoming.on('data', (bytes: Buffer) => {
      if (toLose > 0 && bytes.includes('COMMIT\0')) {
        toLose -= 1;
        isLosing = true;
      }
      outgoing.write(bytes);
    });
    outgoing.on('data', (bytes: Buffer) => {
      if (!isLosing) return void incoming.write(bytes);
      // Only what says that it committed counts: until then nothing of the answer is passed on either.
      if (!bytes.includes('COMMIT\0')) return;
      lost += 1;
      incoming.destroy();
      outgoing.destroy();
    });
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
  });
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
  // It ends with the process, at the latest.
  line.unref();
  const url = new URL(databaseUrl);
  url.port = String((line.address() as AddressInfo).port);
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: url.href,
    get lost() {
      return lost;
    },
    loseAnswersOfCommit: (count) => {
      toLose = count;
    },
    cut,
    close: async () => {
      const closed = new Promise((resolve) => line.close(resolve));
      cut();
      await closed;
    },
  };
}
