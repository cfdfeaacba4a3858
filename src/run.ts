// Running a process of the product: configuration, start, and an orderly end on a signal.

import { pinoLog, scrubbed } from './adapters/pino-log.ts';
import { readConfig, type Config } from './config.ts';
import type { Log } from './ports.ts';
import { openProduct, type Product } from './product.ts';

/** Beside the time to drain that is configured. */
const STOP_DEADLINE_MS = 25_000;

interface Running {
  close(): Promise<void>;
}

/**
 * Starts parts on the product and returns; on SIGTERM or SIGINT they are closed in order, then the product. `service` is
 * what traces call the process.
 */
export async function runUntilSignal(
  service: string,
  start: (product: Product, config: Config, log: Log) => Promise<readonly Running[]>,
): Promise<void> {
  const config = readConfigOrExit();
  const log = pinoLog(config.logLevel);
  let stop: (() => Promise<void>) | null = null;
  let isStopping = false;
  const deadlineMs = STOP_DEADLINE_MS + config.drainMs;
  const onSignal = (signal: NodeJS.Signals) => {
    // A second signal means it: nothing is lost, because what is owed stands in the database.
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info('process.stopping', { signal });
    setTimeout(() => {
      log.error('process.stop_timed_out', { deadlineMs });
      process.exit(1);
    }, deadlineMs).unref();
    void stop?.().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error('process.stop_failed', { cause: String(error) });
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  try {
    const product = await openProduct(config, log, undefined, service);
    stop = () => product.close();
    const parts = await start(product, config, log);
    stop = async () => {
      for (const part of parts) await part.close();
      await product.close();
    };
  } catch (error) {
    log.error('process.start_failed', { cause: error instanceof Error ? error.stack : String(error) });
    console.error(`Billhead could not start: ${scrubbed(error instanceof Error ? error.message : String(error))}`);
    await stop?.().catch(() => {});
    process.exit(1);
  }
  if (isStopping) await stop().finally(() => process.exit(0));
}

/** The configuration; with faults in it, all of them are printed and the process ends. */
export function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
