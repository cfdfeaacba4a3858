// Entry: the API alone. Workers run elsewhere (worker.ts); start.ts runs both in one process.

import { pathToFileURL } from 'node:url';
import { routeGraphql } from './graphql/route.ts';
import { PDF_PATH, routePdfDownload } from './http/pdf-download.ts';
import { startHttpServer, type HttpServer } from './http/server.ts';
import type { Config } from './config.ts';
import type { Log } from './ports.ts';
import type { Product } from './product.ts';
import { runUntilSignal } from './run.ts';

/** Opens the doors of the product. */
export async function startServer(product: Product, config: Config, log: Log): Promise<HttpServer> {
  // Known once it listens: with PORT=0 the system chooses.
  let publicUrl = config.publicUrl ?? '';
  const { app } = product;
  const server = await startHttpServer({
    host: config.host,
    port: config.port,
    log,
    doors: [
      (host) => routeGraphql(host, app, log, (token) => `${publicUrl}${PDF_PATH}/${token}`),
      async (host) => routePdfDownload(host, app),
    ],
    readyChecks: { database: () => app.checkDatabase(), queue: () => product.checkQueue() },
  });
  publicUrl = config.publicUrl ?? server.address;
  log.info('server.listening', { address: server.address });
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runUntilSignal(async (product, config, log) => [await startServer(product, config, log)]);
}
