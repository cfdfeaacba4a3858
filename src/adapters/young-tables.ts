// Counts tables that have grown to more than twice of what PostgreSQL knows of them.
//
// It plans by what it last counted. It counts by itself once a minute at the soonest, and plans that were made for an empty table
// stay in use until then: in the first minute of a database every invoice would be looked for among all those before it, also by
// the database's own checks of foreign keys. A table that is counted has all its plans made anew. Old tables grow slowly and are
// left to the autovacuum.

import pg from 'pg';

/** Reading so many rows is cheap under any plan. */
const FEWEST_CHANGES = 100;

export interface YoungTables {
  /** Returns the names of the tables that were counted: those that the user of the URL owns, of this schema. */
  count(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** On a connection of its own: who reads and writes rows need not own their tables. */
export function youngTables(databaseUrl: string): YoungTables {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  pool.on('error', () => {});
  return {
    count: async () => {
      const { rows } = await pool.query<{ name: string }>(GROWN, [FEWEST_CHANGES]);
      const names = rows.map(({ name }) => name);
      if (names.length > 0) await pool.query(`ANALYZE ${names.join(', ')}`);
      return names;
    },
    close: () => pool.end(),
  };
}

// Quoted where they have to be.
const GROWN = `
  SELECT c.oid::regclass::text AS name
  FROM pg_stat_user_tables AS s JOIN pg_class AS c ON c.oid = s.relid
  WHERE c.relnamespace = current_schema()::regnamespace AND pg_has_role(c.relowner, 'USAGE')
    AND s.n_mod_since_analyze >= $1 AND s.n_mod_since_analyze > c.reltuples
  ORDER BY 1`;
