// What server and worker alike stand on before they are ready: a database that takes what is written, up to date.

import type { ReadyChecks } from './http/health.ts';
import type { Product } from './product.ts';

export function databaseChecks(product: Product): ReadyChecks {
  const askDatabase = () => product.app.checkDatabase().then(() => 'ok');
  return {
    database: { ask: askDatabase, isNeeded: true },
    migrations: { ask: () => product.checkMigrations(), isNeeded: true },
  };
}
