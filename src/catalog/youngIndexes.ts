import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A recently made index that nothing has scanned. */
export interface YoungIndex extends RelationName {
  table: RelationName
  isValid: boolean
  /** Why the planner may not use it. */
  whyNot: string
}

/** PostgreSQL records no creation time: this many objects with the highest oids count as young. */
const youngest = 20

/**
 * The newest indexes without a scan, on tables that are read. Oids grow with time, so the highest ones are the newest;
 * a wraparound is too rare to matter.
 */
export async function listYoungUnusedIndexes(db: Database): Promise<YoungIndex[]> {
  const result = await sql<{
    schema: string
    name: string
    tableName: string
    isValid: boolean
    neverAnalyzed: boolean
    small: boolean
    secured: boolean
    isPartial: boolean
  }>`
    SELECT namespace.nspname::text AS schema, class.relname::text AS name, tab.relname::text AS "tableName",
      index.indisvalid AS "isValid", tab.reltuples < 0 AS "neverAnalyzed", tab.relpages < 100 AS small,
      tab.relrowsecurity AS secured, index.indpred IS NOT NULL AS "isPartial"
    FROM pg_catalog.pg_index index
    JOIN (
      SELECT oid, relname, relnamespace FROM pg_catalog.pg_class WHERE relkind = 'i' AND oid >= 16384
      ORDER BY oid DESC LIMIT ${youngest}
    ) class ON class.oid = index.indexrelid
    JOIN pg_catalog.pg_class tab ON tab.oid = index.indrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname !~ '^pg_' AND NOT index.indisunique
      AND coalesce(pg_catalog.pg_stat_get_numscans(class.oid), 0) = 0
      AND coalesce(pg_catalog.pg_stat_get_numscans(tab.oid), 0) > 0
    ORDER BY class.oid DESC`.execute(db)
  return result.rows.map(({ schema, name, tableName, isValid, ...facts }) => ({
    ...{ schema, name, isValid },
    table: { schema, name: tableName },
    whyNot: whyNot(facts),
  }))
}

function whyNot(facts: {
  neverAnalyzed: boolean
  small: boolean
  secured: boolean
  isPartial: boolean
}): string {
  if (facts.neverAnalyzed) return 'the table was never analyzed'
  if (facts.small) return 'the table is small, and reading it whole is faster'
  if (facts.isPartial) return 'the query must repeat the predicate of the index'
  if (facts.secured) return 'behind row-level security its operator may not be leakproof'
  return 'the query may compare another type, call a function on the column, or keep too many rows'
}
