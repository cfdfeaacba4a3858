// Entry: the API alone. Workers run elsewhere (worker.ts); start.ts runs both in one process.

// oxlint-disable-next-line import/no-unassigned-import -- it must come before what others import
import './production.ts';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { routeGraphql } from './graphql/route.ts';
import { routeOauth } from './http/oauth.ts';
import { PAYMENT_PATH, routePaymentPage } from './http/payment-page.ts';
import { PDF_PATH, routePdfDownload } from './http/pdf-download.ts';
import { startHttpServer, type HttpServer } from './http/server.ts';
import { routeTestGatewayPage } from './http/test-gateway-page.ts';
import type { Config } from './config.ts';
import type { Log } from './ports.ts';
import type { Product } from './product.ts';
import { databaseChecks } from './ready-checks.ts';
import { runUntilSignal } from './run.ts';

/** Opens the doors of the product. */
export async function startServer(product: Product, config: Config, log: Log): Promise<HttpServer> {
  // Known once it listens: with PORT=0 the system chooses.
  let publicUrl = config.publicUrl ?? '';
  const { app, testGateway } = product;
  const pdfUrl = (token: string) => `${publicUrl}${PDF_PATH}/${token}`;
  const paymentUrl = (token: string) => `${publicUrl}${PAYMENT_PATH}/${token}`;
  const server = await startHttpServer({
    host: config.host,
    port: config.port,
    log,
    doors: [
      (host) => routeGraphql(host, app, log, { pdfUrl, paymentUrl }),
      async (host) => routePdfDownload(host, app),
      (host) => routeOauth(host, app),
      async (host) => routePaymentPage(host, app, paymentUrl),
      ...(testGateway ? [(host: FastifyInstance) => routeTestGatewayPage(host, testGateway)] : []),
    ],
    readyChecks: {
      ...databaseChecks(product),
      // Requests are taken without it: what they ask for stands in the database, and sweeps find it.
      queue: { ask: () => product.checkQueue(), isNeeded: false },
    },
    drainMs: config.drainMs,
    metrics: product.metrics,
    watch: product.watch,
  });
  publicUrl = config.publicUrl ?? server.address;
  log.info('server.listening', { address: server.address });
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await runUntilSignal('billhead-server', async (product, config, log) => [await startServer(product, config, log)]);
}
