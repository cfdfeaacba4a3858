// Which server keeps the queues: Redis when there is one, otherwise PostgreSQL.

import type { QueueConnection, QueueConnectionOptions } from './bullmq-connection.ts';
import { connectToPostgres } from './bullmq-postgres.ts';
import { connectToRedis } from './bullmq-redis.ts';
import type { Log } from '../ports.ts';

export interface QueueServerOptions {
  readonly databaseUrl: string;
  readonly redisUrl?: string | undefined;
  readonly log: Log;
}

export function connectToQueueServer(options: QueueServerOptions & QueueConnectionOptions): Promise<QueueConnection> {
  return options.redisUrl ? connectToRedis(options.redisUrl, options) : connectToPostgres(options);
}
