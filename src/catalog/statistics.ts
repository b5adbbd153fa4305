import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { lockedRelations } from './lockedRelations.ts'

/** Whether an extended-statistics object (`CREATE STATISTICS`) of that name exists. */
export async function statisticsAreThere(db: Database, name: RelationName): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM pg_catalog.pg_statistic_ext statistics
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = statistics.stxnamespace
    WHERE namespace.nspname = ${name.schema} AND statistics.stxname = ${name.name}`.execute(db)
  return rows.length > 0
}

/** The names of all extended-statistics objects. */
export async function listStatisticsNames(db: Database): Promise<RelationName[]> {
  const { rows } = await sql<RelationName>`
    SELECT namespace.nspname AS schema, statistics.stxname AS name
    FROM pg_catalog.pg_statistic_ext statistics
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = statistics.stxnamespace`.execute(db)
  return rows
}

/** The expressions of which `CREATE STATISTICS` keeps statistics, as PostgreSQL prints them, by the oid of the table. */
export async function listStatisticsExpressions(db: Database): Promise<Map<number, Set<string>>> {
  const { rows } = await sql<{ tableOid: number; expressions: string[] }>`
    SELECT stxrelid AS "tableOid", pg_catalog.pg_get_statisticsobjdef_expressions(oid) AS expressions
    FROM pg_catalog.pg_statistic_ext WHERE stxexprs IS NOT NULL
      AND stxrelid NOT IN (SELECT oid FROM ${lockedRelations} locks)`.execute(db)
  const known = new Map<number, Set<string>>()
  for (const { tableOid, expressions } of rows)
    known.set(tableOid, new Set([...(known.get(tableOid) ?? []), ...expressions]))
  return known
}

/** An extended-statistics object, and the columns that it is about, without its expressions. */
export interface ColumnsWithStatistics {
  table: RelationName
  columns: string[]
}

/** The columns of all extended-statistics objects. */
export async function listColumnsWithStatistics(db: Database): Promise<ColumnsWithStatistics[]> {
  const { rows } = await sql<ColumnsWithStatistics>`
    SELECT pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      ARRAY(SELECT attribute.attname::text FROM pg_catalog.pg_attribute attribute
        WHERE attribute.attrelid = class.oid AND attribute.attnum = ANY (statistics.stxkeys::int2[])) AS columns
    FROM pg_catalog.pg_statistic_ext statistics
    JOIN pg_catalog.pg_class class ON class.oid = statistics.stxrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace`.execute(db)
  return rows
}
