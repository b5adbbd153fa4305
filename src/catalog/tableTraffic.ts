import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import type { NamedRelation } from '../syntax/relations.ts'

/** How often a table has been read and how many rows it has, as the cumulative statistics know it. */
export interface TableTraffic extends RelationName {
  /** Sequential and index scans. */
  reads: number
  liveRows: number
}

/** An index and how often it was scanned. */
export interface IndexScans extends RelationName {
  table: RelationName
  scans: number
  /** A constraint or its values need it, whether it is scanned or not. */
  isNeeded: boolean
}

/** The named relations that are tables, views or indexes; an index also stands for its table. No lock is needed. */
export async function findTraffic(
  db: Database,
  names: NamedRelation[],
): Promise<{ tables: TableTraffic[]; indexes: IndexScans[] }> {
  if (names.length === 0) return { tables: [], indexes: [] }
  const wanted = JSON.stringify(names)
  const { rows } = await sql<TableTraffic & { index: Omit<IndexScans, 'table'> | null }>`
    SELECT namespace.nspname::text AS schema, owner.relname::text AS name,
      (coalesce(pg_catalog.pg_stat_get_numscans(owner.oid), 0) + coalesce((
        SELECT sum(pg_catalog.pg_stat_get_numscans(indexrelid)) FROM pg_catalog.pg_index
        WHERE indrelid = owner.oid), 0))::float8 AS reads,
      coalesce(pg_catalog.pg_stat_get_live_tuples(owner.oid), 0)::float8 AS "liveRows",
      CASE WHEN index.indexrelid IS NOT NULL THEN pg_catalog.json_build_object(
        'schema', found_in.nspname, 'name', found.relname,
        'scans', pg_catalog.pg_stat_get_numscans(found.oid),
        'isNeeded', index.indisunique OR index.indisexclusion OR index.indisreplident OR index.indisclustered
          OR found.relispartition OR found.relkind = 'I') END AS index
    FROM pg_catalog.jsonb_to_recordset(${wanted}::jsonb) AS wanted(schema text, name text)
    JOIN pg_catalog.pg_class found ON found.relname = wanted.name
    JOIN pg_catalog.pg_namespace found_in ON found_in.oid = found.relnamespace
      AND (found_in.nspname = wanted.schema
        OR wanted.schema IS NULL AND pg_catalog.pg_table_is_visible(found.oid))
    LEFT JOIN pg_catalog.pg_index index ON index.indexrelid = found.oid
    JOIN pg_catalog.pg_class owner ON owner.oid = coalesce(index.indrelid, found.oid)
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = owner.relnamespace
    WHERE found.relkind IN ('r', 'p', 'v', 'm', 'f', 'i', 'I')`.execute(db)
  const tables = new Map(
    rows.map(({ schema, name, reads, liveRows }) => [
      JSON.stringify([schema, name]),
      { schema, name, reads, liveRows },
    ]),
  )
  return {
    tables: [...tables.values()],
    indexes: rows.flatMap(({ schema, name, index }) =>
      index ? [{ ...index, table: { schema, name } }] : [],
    ),
  }
}
