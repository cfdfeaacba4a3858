// Sees to it that row-level security holds for the product's connections, and refuses to start where it does not.
//
// 1. Superusers and roles with BYPASSRLS pass every policy. Where the user of the URL is one, the connections take the role
//    billhead_app instead, which has no rights but to the rows of this database's tables.
// 2. Roles belong to the whole cluster, and many processes start at once: what is there already is left as it is, and one
//    database's rights are given under a lock.

import pg from 'pg';
import type { Log } from '../ports.ts';

const ROLE = 'billhead_app';
const CONNECT_TIMEOUT_MS = 10_000;
// The number means nothing.
const LOCK_KEY = 7_266_003;
/** Tables that the product's connections have no business with, but for reading which migrations there are. */
const BOOKS = '_prisma_migrations';
const NOT_GRANTED = [BOOKS, 'test_gateway_entries'];

interface User {
  readonly name: string;
  readonly is_superuser: boolean;
  /** Whether row-level security leaves the user alone. */
  readonly passes: boolean;
}

/**
 * Returns the role that connections must take; null when the user of the URL is held by the wall as it is. Called after the
 * migrations. Throws when a table with a merchant's rows would be open.
 */
export async function raiseWall(databaseUrl: string, log: Log): Promise<string | null> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => {});
  await client.connect();
  try {
    const user = await currentUser(client);
    if (user.passes) await prepareRole(client, user);
    const role = user.passes ? ROLE : null;
    if (role !== null) await client.query(`SET ROLE ${role}`);
    const open = await openTables(client);
    if (open.length > 0) throw new Error(`Row-level security does not hold for ${open.join(', ')}. ${REMEDY}`);
    log.info('database.wall_stands', { user: user.name, role: role ?? user.name });
    return role;
  } finally {
    await client.end();
  }
}

const REMEDY = 'Run "SELECT wall_off_merchants()" as the owner of the tables, and connect as a user without BYPASSRLS.';

async function currentUser(client: pg.Client): Promise<User> {
  const { rows } = await client.query<User>(
    `SELECT rolname AS name, rolsuper AS is_superuser, rolsuper OR rolbypassrls AS passes
     FROM pg_roles WHERE rolname = current_user`,
  );
  const [user] = rows;
  if (!user) throw new RangeError('The user of a connection is a role.');
  return user;
}

async function prepareRole(client: pg.Client, { name, is_superuser: isSuperuser }: User): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
    await client.query(MAKE_ROLE);
    // A superuser can take every role.
    if (!isSuperuser) await client.query(JOIN_ROLE);
    await client.query(GRANT_MISSING);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The database user ${name} passes row-level security, and the role ${ROLE} that would not cannot be prepared: ` +
        `${reason}. Connect as a user without BYPASSRLS that owns the tables, or let an administrator run ` +
        `"CREATE ROLE ${ROLE} NOLOGIN" and "GRANT ${ROLE} TO ${name}".`,
      { cause: error },
    );
  }
}

// Another database's process may make it at the same moment; its row is seen as soon as it has committed.
const MAKE_ROLE = `DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${ROLE}') THEN
    CREATE ROLE ${ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$`;

const JOIN_ROLE = `DO $$ BEGIN
  IF NOT pg_has_role(current_user, '${ROLE}', 'MEMBER') THEN
    EXECUTE format('GRANT ${ROLE} TO %I', current_user);
  END IF;
END $$`;

const GRANT_MISSING = `DO $$
DECLARE
  missing REGCLASS;
BEGIN
  IF NOT has_schema_privilege('${ROLE}', current_schema(), 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${ROLE}', current_schema());
  END IF;
  FOR missing IN
    SELECT c.oid::regclass FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND c.relname <> ALL ('{${NOT_GRANTED.join(',')}}')
      AND NOT (has_table_privilege('${ROLE}', c.oid, 'SELECT') AND has_table_privilege('${ROLE}', c.oid, 'INSERT')
        AND has_table_privilege('${ROLE}', c.oid, 'UPDATE') AND has_table_privilege('${ROLE}', c.oid, 'DELETE'))
  LOOP
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO ${ROLE}', missing);
  END LOOP;
  IF NOT has_table_privilege('${ROLE}', '${BOOKS}', 'SELECT') THEN
    GRANT SELECT ON ${BOOKS} TO ${ROLE};
  END IF;
END $$`;

/** Tables with a merchant's rows that the current role would see all of. */
async function openTables(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'merchant_id' AND NOT a.attisdropped
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT row_security_active(c.oid)
     ORDER BY c.relname`,
  );
  return rows.map(({ name }) => name);
}
