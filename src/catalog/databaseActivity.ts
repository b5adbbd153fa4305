import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** What the sessions of this database have done since its statistics were reset. */
export interface DatabaseActivity {
  /** Time spent executing statements, and idle in transactions, in milliseconds. */
  busyMs: number
  transactions: number
}

/** Sessions add to these counters at most once a second. */
export async function readDatabaseActivity(db: Database): Promise<DatabaseActivity> {
  const { rows } = await sql<DatabaseActivity>`
    SELECT active_time + idle_in_transaction_time AS "busyMs",
      (xact_commit + xact_rollback)::float8 AS transactions
    FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()`.execute(db)
  const [row] = rows
  if (!row) throw new Error('the server keeps no statistics of this database')
  return row
}
