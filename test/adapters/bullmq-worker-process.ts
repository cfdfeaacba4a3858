// A worker in a process of its own for the tests to kill: it takes up one job, says so, and never ends it.

import { startBullmqWorker } from '../../src/adapters/bullmq-worker.ts';

const [databaseUrl = '', redisUrl] = process.argv.slice(2);
const say = (event: string) => process.stdout.write(`${event}\n`);

await startBullmqWorker({
  databaseUrl,
  redisUrl,
  concurrency: { renderInvoice: 1, sendEmail: 1, sendWebhooks: 1 },
  log: { info: say, warn: say, error: say },
  handlers: {
    renderInvoice({ invoiceId }) {
      say(`took up ${invoiceId}`);
      return new Promise(() => {});
    },
    sendEmail: async () => {},
    sendWebhooks: async () => {},
  },
});
