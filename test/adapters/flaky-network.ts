// A TCP proxy that stands between the product and a server, and can refuse, cut or go silent.

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface FlakyNetwork {
  /** The same URL, leading through the proxy. */
  through(url: string): string;
  /** Connections that are open break; new ones work. */
  cut(): void;
  /** Nobody listens any more. */
  refuse(): Promise<void>;
  /** Takes connections and bytes, and never answers. */
  goSilent(): void;
  recover(): Promise<void>;
  /** Breaks all connections; from now on they end at another server. */
  leadTo(serverUrl: string): void;
  close(): Promise<void>;
}

export async function createFlakyNetwork(serverUrl: string): Promise<FlakyNetwork> {
  let server = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let isSilent = false;
  const track = (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
    return socket;
  };
  const cut = () => sockets.forEach((socket) => socket.destroy());
  const proxy = createServer((incoming) => {
    track(incoming);
    if (isSilent) return void incoming.resume();
    const outgoing = track(connect(Number(server.port), server.hostname));
    incoming.pipe(outgoing).on('close', () => incoming.destroy());
    outgoing.pipe(incoming).on('close', () => outgoing.destroy());
  });
  const proxyPort = await listen(proxy, 0);
  const refuse = async () => {
    const closed = new Promise((resolve) => proxy.close(resolve));
    cut();
    await closed;
  };
  return {
    through(url) {
      const proxied = new URL(url);
      proxied.hostname = '127.0.0.1';
      proxied.port = String(proxyPort);
      return proxied.toString();
    },
    cut,
    refuse,
    goSilent() {
      isSilent = true;
      for (const socket of sockets) socket.unpipe().resume();
    },
    async recover() {
      // What was sent into the silence is lost.
      if (isSilent) cut();
      isSilent = false;
      if (!proxy.listening) await listen(proxy, proxyPort);
    },
    leadTo(url) {
      server = new URL(url);
      cut();
    },
    close: () => (proxy.listening ? refuse() : Promise.resolve()),
  };
}

async function listen(proxy: Server, port: number): Promise<number> {
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  return (proxy.address() as AddressInfo).port;
}
