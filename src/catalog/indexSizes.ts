import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { lockedRelations } from './lockedRelations.ts'

/** How many bytes an index has. */
interface IndexSize {
  oid: number
  tableOid: number
  /** As of the last ANALYZE or VACUUM if another session locks the index: asking would wait. */
  bytes: number
}

/** The size of every index that is not PostgreSQL's own. Each is asked once: PostgreSQL opens the index for it. */
export async function listIndexSizes(db: Database): Promise<IndexSize[]> {
  const { rows } = await sql<IndexSize>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locked)
    SELECT class.oid, index.indrelid AS "tableOid",
      CASE WHEN class.oid IN (SELECT oid FROM locked)
        THEN class.relpages * pg_catalog.current_setting('block_size')::float8
        ELSE coalesce(pg_catalog.pg_relation_size(class.oid), 0)::float8 END AS bytes
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      AND class.relpersistence <> 't'`.execute(db)
  return rows
}
