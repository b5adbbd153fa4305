import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A transaction that was prepared for two-phase commit and has not ended. */
export interface PreparedTransaction {
  /** Its gid, which whoever prepared it has chosen. */
  name: string
  role: string
  /** Since it was prepared. */
  seconds: number
  /** The tables that it locks. */
  locks: (RelationName & { mode: string })[]
}

/** Those of this database, the oldest first. Every role may see them and their locks. */
export async function listPreparedTransactions(db: Database): Promise<PreparedTransaction[]> {
  const result = await sql<PreparedTransaction>`
    SELECT prepared.gid AS name, prepared.owner::text AS role,
      extract(epoch FROM clock_timestamp() - prepared.prepared)::float8 AS seconds,
      -- All locks of a prepared transaction have the virtual id of the one on its own transaction id, and no process.
      coalesce((
        SELECT pg_catalog.json_agg(
          pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname, 'mode', held.mode)
          ORDER BY namespace.nspname, class.relname, held.mode)
        FROM pg_catalog.pg_locks own
        JOIN pg_catalog.pg_locks held USING (virtualtransaction)
        JOIN pg_catalog.pg_class class ON class.oid = held.relation
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
        WHERE own.locktype = 'transactionid' AND own.transactionid = prepared.transaction
          AND own.pid IS NULL AND held.pid IS NULL AND held.locktype = 'relation'
          AND class.relkind IN ('r', 'p', 'm')
          AND held.database = (SELECT oid FROM pg_catalog.pg_database
                               WHERE datname = pg_catalog.current_database())
      ), '[]') AS locks
    FROM pg_catalog.pg_prepared_xacts prepared
    WHERE prepared.database = pg_catalog.current_database()
    ORDER BY prepared.prepared`.execute(db)
  return result.rows
}
