import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/**
 * Names of the columns whose change prevents a HOT update, by the table's oid: keys, included columns, and what
 * expressions and predicates of indexes read. Since PostgreSQL 16 a BRIN index does not prevent one.
 */
export async function listIndexedColumns(db: Database): Promise<Map<number, Set<string>>> {
  const result = await sql<{ oid: number; columns: string[] }>`
    SELECT used.relid AS oid, pg_catalog.array_agg(DISTINCT attribute.attname::text) AS columns
    FROM (
      SELECT index.indrelid AS relid, key.attnum::int AS attnum, class.relam
      FROM pg_catalog.pg_index index
      JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid,
      LATERAL pg_catalog.unnest(index.indkey) key (attnum)
      WHERE key.attnum > 0
      UNION
      SELECT index.indrelid, depend.refobjsubid, class.relam
      FROM pg_catalog.pg_index index
      JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
      JOIN pg_catalog.pg_depend depend ON depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND depend.objid = index.indexrelid AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        AND depend.refobjid = index.indrelid AND depend.refobjsubid > 0
    ) used
    JOIN pg_catalog.pg_am method ON method.oid = used.relam
    JOIN pg_catalog.pg_class class ON class.oid = used.relid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_attribute attribute ON attribute.attrelid = used.relid AND attribute.attnum = used.attnum
    WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      AND NOT (method.amname = 'brin' AND pg_catalog.current_setting('server_version_num')::int >= 160000)
    GROUP BY used.relid`.execute(db)
  return new Map(result.rows.map(({ oid, columns }) => [oid, new Set(columns)]))
}
