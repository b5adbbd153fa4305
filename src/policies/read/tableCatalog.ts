import { sql } from 'kysely'
import type { Column } from '../../catalog/columns.ts'
import { listColumns, selectColumns } from '../../catalog/columns.ts'
import type { Read } from '../../catalog/reader.ts'
import type { Database } from '../../postgres/database.ts'

/** One index of a table, as far as a search by its first column goes. */
export interface CatalogIndex {
  name: string
  /** Null where the first key is an expression. */
  leadingColumn: string | null
  /** `btree`, `hash`, `gin` ... */
  method: string
  isPartial: boolean
  /** False after a concurrent build that failed; such an index serves no query. */
  isValid: boolean
  /** The columns of which no two rows hold the same values; empty where it is not unique, partial or on expressions. */
  uniqueColumns: string[]
}

export interface CatalogTable {
  oid: number
  schema: string
  name: string
  /** `r` table, `p` partitioned table, `v` view, `m` materialized view, `f` foreign table. */
  kind: string
  owner: string
  /** The session's role is the owner or a member of it: it may alter the table's policies. */
  isOurs: boolean
  rowSecurity: boolean
  /** FORCE ROW LEVEL SECURITY: policies apply to the owner too. */
  forcesRowSecurity: boolean
  isPartition: boolean
  /** A view whose tables are read with the rights of who reads the view. */
  isSecurityInvoker: boolean
  /** The planner's estimate; -1 where the table was never analysed. */
  estimatedRows: number
  columns: Column[]
  indexes: CatalogIndex[]
}

/** Every relation with columns outside of the system's schemas, by oid. */
export async function listCatalogTables(db: Database, read: Read): Promise<Map<number, CatalogTable>> {
  return selectTables(db, await read(listColumns))
}

/** The same of relations with one of these names alone, in whatever schema. */
export async function findTablesNamed(db: Database, names: string[]): Promise<CatalogTable[]> {
  return [...(await selectTables(db, await selectColumns(db, names), names)).values()]
}

async function selectTables(
  db: Database,
  columns: Map<number, Column[]>,
  names?: string[],
): Promise<Map<number, CatalogTable>> {
  const named = names && sql`relname = ANY (${names}::name[])`
  const ofNamed = (oid: string) =>
    named ? sql`AND ${sql.raw(oid)} IN (SELECT oid FROM pg_catalog.pg_class WHERE ${named})` : sql``
  const { rows } = await sql<Omit<CatalogTable, 'columns'>>`
    SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
      pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
      pg_catalog.pg_has_role(c.relowner, 'USAGE') AS "isOurs",
      c.relrowsecurity AS "rowSecurity", c.relforcerowsecurity AS "forcesRowSecurity",
      c.relispartition AS "isPartition",
      coalesce(lower(substring(pg_catalog.array_to_string(c.reloptions, ',') FROM 'security_invoker=([^,]*)'))
        IN ('true', 'on', 'yes', '1'), false) AS "isSecurityInvoker",
      c.reltuples AS "estimatedRows",
      coalesce(i.indexes, '[]') AS indexes
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN (
      SELECT x.indrelid, pg_catalog.json_agg(pg_catalog.json_build_object(
          'name', ic.relname, 'leadingColumn', k.attname, 'method', am.amname,
          'isPartial', x.indpred IS NOT NULL, 'isValid', x.indisvalid AND x.indisready,
          'uniqueColumns', CASE WHEN x.indisunique AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL AND x.indexprs IS NULL
            THEN ARRAY(SELECT u.attname FROM pg_catalog.pg_attribute u
                       WHERE u.attrelid = x.indrelid AND u.attnum = ANY (x.indkey[0:x.indnkeyatts - 1]))
            ELSE '{}' END)
        ORDER BY ic.relname) AS indexes
      FROM pg_catalog.pg_index x
      JOIN pg_catalog.pg_class ic ON ic.oid = x.indexrelid
      JOIN pg_catalog.pg_am am ON am.oid = ic.relam
      LEFT JOIN pg_catalog.pg_attribute k ON k.attrelid = x.indrelid AND k.attnum = x.indkey[0] AND k.attnum > 0
      WHERE true ${ofNamed('x.indrelid')}
      GROUP BY x.indrelid) i ON i.indrelid = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%' ${ofNamed('c.oid')}`.execute(db)
  return new Map(rows.map((table) => [table.oid, { ...table, columns: columns.get(table.oid) ?? [] }]))
}

/** Whether a search for one value of the column can use an index: leading, whole and valid. */
export function leadsAnIndex(table: CatalogTable, column: string): boolean {
  return table.indexes.some(
    (index) =>
      index.leadingColumn === column &&
      index.isValid &&
      !index.isPartial &&
      (index.method === 'btree' || index.method === 'hash'),
  )
}
