import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** A statement that a client of this database is executing at this moment. */
export interface ActiveStatement {
  statement: string
  /** `Lock: transactionid`, `IO: DataFileRead`; null while it computes. */
  waitsFor: string | null
}

/** What is being executed; not our own statement, and none that the role may not see. Parallel workers count. */
export async function listActiveStatements(db: Database): Promise<ActiveStatement[]> {
  const { rows } = await sql<ActiveStatement>`
    SELECT query AS statement, wait_event_type || ': ' || wait_event AS "waitsFor"
    FROM pg_catalog.pg_stat_activity
    WHERE state = 'active' AND datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
      AND query <> '<insufficient privilege>'
      AND backend_type IN ('client backend', 'parallel worker', 'background worker')`.execute(db)
  return rows
}
