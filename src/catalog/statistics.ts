import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** Whether an extended-statistics object (`CREATE STATISTICS`) of that name exists. */
export async function statisticsAreThere(db: Database, name: RelationName): Promise<boolean> {
  const row = await db
    .selectFrom('pg_catalog.pg_statistic_ext as statistics')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'statistics.stxnamespace')
    .select('statistics.oid')
    .where('namespace.nspname', '=', name.schema)
    .where('statistics.stxname', '=', name.name)
    .executeTakeFirst()
  return row !== undefined
}

/** The names of all extended-statistics objects. */
export async function listStatisticsNames(db: Database): Promise<RelationName[]> {
  return db
    .selectFrom('pg_catalog.pg_statistic_ext as statistics')
    .innerJoin('pg_catalog.pg_namespace as namespace', 'namespace.oid', 'statistics.stxnamespace')
    .select(['namespace.nspname as schema', 'statistics.stxname as name'])
    .execute()
}
