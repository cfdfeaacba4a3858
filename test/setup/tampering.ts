// Changes what the database refuses to change, as somebody with all rights could: a superuser with the triggers switched off.

import pg from 'pg';
import { asSuperuser } from './database.ts';

/** Foreign keys are triggers too: a row may be left pointing nowhere. */
export async function tamper(databaseUrl: string, statement: string, values: readonly unknown[] = []): Promise<void> {
  const superuser = new pg.Client({ connectionString: asSuperuser(databaseUrl) });
  await superuser.connect();
  try {
    await superuser.query('SET session_replication_role = replica');
    await superuser.query(statement, [...values]);
  } finally {
    await superuser.end();
  }
}
