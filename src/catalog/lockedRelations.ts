import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/**
 * Oids of the relations that a session locks exclusively, or waits to lock. Reading their size or the text of an
 * expression would queue behind that session. A report is made when a database is in trouble, and must not add to it.
 */
export const lockedRelations = sql`(
  SELECT DISTINCT lock.relation AS oid
  FROM pg_catalog.pg_locks lock
  WHERE lock.locktype = 'relation' AND lock.mode = 'AccessExclusiveLock'
    AND lock.pid <> pg_catalog.pg_backend_pid() AND lock.database = (
      SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))`

/** The same, read once. */
export async function listLockedOids(db: Database): Promise<Set<number>> {
  const { rows } = await sql<{ oid: number }>`SELECT oid FROM ${lockedRelations} locked`.execute(db)
  return new Set(rows.map(({ oid }) => oid))
}

export interface LockedTable extends RelationName {
  oid: number
  hasPolicies: boolean
}

/** The tables among them: their indexes and policies are left out of what is read. */
export async function listLockedTables(db: Database): Promise<LockedTable[]> {
  const result = await sql<LockedTable>`
    SELECT DISTINCT owner.oid, namespace.nspname AS schema, owner.relname AS name,
      EXISTS (SELECT FROM pg_catalog.pg_policy policy WHERE policy.polrelid = owner.oid) AS "hasPolicies"
    FROM ${lockedRelations} locked
    LEFT JOIN pg_catalog.pg_index index ON index.indexrelid = locked.oid
    JOIN pg_catalog.pg_class owner ON owner.oid = coalesce(index.indrelid, locked.oid)
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = owner.relnamespace
    WHERE owner.relkind IN ('r', 'p', 'm') AND namespace.nspname !~ '^pg_'
    ORDER BY 2, 3`.execute(db)
  return result.rows
}
