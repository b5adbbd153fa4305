import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { findCountersSource } from './statementCounters.ts'
import { NotSeen } from './notSeen.ts'

/** The slowest call of a role in this database, as pg_stat_statements has counted since its reset. */
export interface SlowestCall {
  role: string
  ms: number
}

/** By role. Empty where pg_stat_statements cannot be asked. */
export async function listSlowestCalls(db: Database): Promise<Map<string, number>> {
  try {
    const { schema } = await findCountersSource(db)
    const { rows } = await sql<SlowestCall>`
      SELECT role.rolname::text AS role, max(statements.max_exec_time)::float8 AS ms
      FROM ${sql.id(schema, 'pg_stat_statements')} statements JOIN pg_catalog.pg_roles role ON role.oid = statements.userid
      WHERE statements.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      GROUP BY 1`.execute(db)
    return new Map(rows.map(({ role, ms }) => [role, ms]))
  } catch (error) {
    if (error instanceof NotSeen) return new Map()
    throw error
  }
}
