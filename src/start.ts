// Entry of `npm start`: API and worker in one process, with sample data on the embedded database.

// oxlint-disable-next-line import/no-unassigned-import -- it must come before what others import
import './production.ts';
import { openDemoData } from './sample-data/demo-data.ts';
import { runUntilSignal } from './run.ts';
import { startServer } from './server.ts';
import { startWorker } from './worker.ts';

await runUntilSignal('billhead', async (product, config, log) => {
  const demo = product.isEmbedded ? await openDemoData(product.app, config.dataDir, log) : null;
  const worker = await startWorker(product, config, log);
  const server = await startServer(product, config, log);
  const lines = [`Billhead is ready at ${server.address}/graphql`];
  if (demo) {
    lines.push(
      `  GraphiQL, opening with the guide:  ${server.address}/graphql#key=${demo.apiKey}`,
      `  API key of the sample merchant:    ${demo.apiKey}`,
      `  (kept in ${demo.keyFile})`,
    );
  } else {
    lines.push('  Make a merchant and a key with:  npm run api-key -- create --merchant <id> --name <name>');
  }
  console.log(`\n${lines.join('\n')}\n`);
  return [server, worker];
});
