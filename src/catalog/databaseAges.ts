import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** How far a database is from the end of its transaction and multixact ids. */
export interface DatabaseAge {
  name: string
  isCurrent: boolean
  allowsConnections: boolean
  /** Transactions since the oldest row that is not frozen. */
  xidAge: number
  multixactAge: number
}

/** Every database of the server; the ids are shared, so the oldest one counts for all. */
export async function listDatabaseAges(db: Database): Promise<DatabaseAge[]> {
  const result = await sql<DatabaseAge>`
    SELECT datname AS name, datname = pg_catalog.current_database() AS "isCurrent",
      datallowconn AS "allowsConnections",
      pg_catalog.age(datfrozenxid)::float8 AS "xidAge", pg_catalog.mxid_age(datminmxid)::float8 AS "multixactAge"
    FROM pg_catalog.pg_database ORDER BY 1`.execute(db)
  return result.rows
}

/** The tables of this database, TOAST and PostgreSQL's own among them, whose rows are the oldest. */
export async function listOldestTables(
  db: Database,
  limit: number,
): Promise<{ schema: string; name: string; xidAge: number }[]> {
  const result = await sql<{ schema: string; name: string; xidAge: number }>`
    SELECT namespace.nspname AS schema, class.relname AS name, pg_catalog.age(class.relfrozenxid)::float8 AS "xidAge"
    FROM pg_catalog.pg_class class
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind IN ('r', 'm', 't') AND class.relfrozenxid <> '0'::xid
    ORDER BY 3 DESC, 1, 2 LIMIT ${limit}`.execute(db)
  return result.rows
}
