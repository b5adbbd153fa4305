import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import type { TableUsers } from './tableUsers.ts'
import { findTableUsers } from './tableUsers.ts'
import type { WholeColumn } from './wholeColumns.ts'
import { listColumns } from './wholeColumns.ts'
import type { WholeIndex } from './wholeIndexes.ts'
import { listIndexesOf } from './wholeIndexes.ts'

/** A materialized view with everything on it, in the words that make it again. Read it with an empty `search_path`. */
export interface WholeMaterializedView extends RelationName, TableUsers {
  oid: number
  owner: string
  query: string
  storageParameters: string[]
  tablespace: string | null
  accessMethod: string
  comment: string | null
  /** Security labels on it or its columns. */
  hasLabels: boolean
  isExtensionOwned: boolean
  columns: MaterializedColumn[]
  indexes: MaterializedIndex[]
  /** Statistics objects on it. */
  statistics: string[]
  /** The table, or other materialized views of the same list, which it reads without a view between. */
  reads: RelationName[]
  may: {
    /** Its owner may make relations in its schema. */
    ownerCreate: boolean
    /** The session may. */
    create: boolean
    /** Its owner may read every column of the table. */
    ownerReadAll: boolean
  }
}

export interface MaterializedColumn extends WholeColumn {
  /** Where it is not its type's own. */
  storage: string | null
  compression: string | null
}

export interface MaterializedIndex extends WholeIndex {
  tablespace: string | null
  /** Of expressions: the number of the column and its target. */
  statisticsTargets: [number, number][]
}

type Facts = Omit<WholeMaterializedView, 'columns' | 'indexes' | 'reads' | keyof TableUsers>

/**
 * The materialized views that read a table by its oid, and those that read these in turn; what is read comes first. One
 * that reads the table through a plain view is not among them: it follows whatever the view reads.
 */
export async function listMaterializedViews(
  db: Database,
  table: RelationName & { oid: number },
): Promise<WholeMaterializedView[]> {
  const found = new Map<number, WholeMaterializedView>()
  const sources: (RelationName & { oid: number })[] = [table]
  for (let source = sources.shift(); source; source = sources.shift()) {
    const { schema, name } = source
    for (const facts of await listFacts(db, { reading: source.oid, table: table.oid })) {
      const known = found.get(facts.oid)
      if (known) {
        known.reads.push({ schema, name })
        continue
      }
      const view = await withParts(db, facts)
      found.set(facts.oid, { ...view, reads: [{ schema, name }] })
      sources.push(facts)
    }
  }
  return sourcesFirst([...found.values()])
}

async function withParts(db: Database, facts: Facts): Promise<Omit<WholeMaterializedView, 'reads'>> {
  const columns = await listColumns(db, facts.oid)
  const stored = await listStorage(db, facts.oid)
  const indexes = await listIndexesOf(db, facts.oid)
  const placed = await listIndexFacts(db, facts.oid)
  const unset = { storage: null, compression: null }
  return {
    ...facts,
    ...(await findTableUsers(db, facts)),
    columns: columns.map((column) => ({ ...column, ...unset, ...stored.get(column.name) })),
    indexes: indexes.map((index) => ({
      ...index,
      ...(placed.get(index.oid) ?? { tablespace: null, statisticsTargets: [] }),
    })),
  }
}

function sourcesFirst(views: WholeMaterializedView[]): WholeMaterializedView[] {
  const id = ({ schema, name }: RelationName): string => JSON.stringify([schema, name])
  const waiting = new Map(views.map((view) => [id(view), view]))
  const sorted: WholeMaterializedView[] = []
  while (waiting.size > 0) {
    const ready = [...waiting].filter(([, view]) => !view.reads.some((source) => waiting.has(id(source))))
    if (ready.length === 0) throw new Error('materialized views read one another')
    for (const [key, view] of ready) {
      sorted.push(view)
      waiting.delete(key)
    }
  }
  return sorted
}

async function listFacts(
  db: Database,
  { reading, table }: { reading: number; table: number },
): Promise<Facts[]> {
  const { rows } = await sql<Facts>`
    SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name,
      pg_catalog.pg_get_userbyid(class.relowner)::text AS owner, pg_catalog.pg_get_viewdef(class.oid) AS query,
      coalesce(class.reloptions, '{}') || ARRAY(
        SELECT 'toast.' || option FROM pg_catalog.pg_class toast, pg_catalog.unnest(toast.reloptions) option
        WHERE toast.oid = class.reltoastrelid) AS "storageParameters",
      (SELECT spcname::text FROM pg_catalog.pg_tablespace WHERE oid = class.reltablespace) AS tablespace,
      (SELECT amname::text FROM pg_catalog.pg_am WHERE oid = class.relam) AS "accessMethod",
      pg_catalog.obj_description(class.oid, 'pg_class') AS comment,
      EXISTS (SELECT FROM pg_catalog.pg_seclabel WHERE objoid = class.oid
        AND classoid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS "hasLabels",
      EXISTS (SELECT FROM pg_catalog.pg_depend WHERE objid = class.oid AND deptype = 'e'
        AND classid = 'pg_catalog.pg_class'::pg_catalog.regclass) AS "isExtensionOwned",
      ARRAY(SELECT stxname::text FROM pg_catalog.pg_statistic_ext WHERE stxrelid = class.oid ORDER BY 1) AS statistics,
      pg_catalog.json_build_object(
        'ownerCreate', pg_catalog.has_schema_privilege(class.relowner, namespace.oid, 'CREATE'),
        'create', pg_catalog.has_schema_privilege(namespace.oid, 'CREATE'),
        'ownerReadAll', pg_catalog.has_table_privilege(class.relowner, ${table}::oid, 'SELECT')) AS may
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE class.relkind = 'm' AND class.oid <> ${reading}::oid AND class.oid IN (
      SELECT rule.ev_class FROM pg_catalog.pg_depend depend
      JOIN pg_catalog.pg_rewrite rule ON rule.oid = depend.objid
      WHERE depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND depend.deptype = 'n'
        AND depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND depend.refobjid = ${reading}::oid)
    ORDER BY 2, 3`.execute(db)
  return rows
}

type Stored = Pick<MaterializedColumn, 'storage' | 'compression'>

async function listStorage(db: Database, oid: number): Promise<Map<string, Stored>> {
  const { rows } = await sql<Stored & { name: string }>`
    SELECT attname::text AS name,
      CASE WHEN attstorage <> typstorage THEN
        CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
      END AS storage,
      CASE attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression
    FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
    WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped`.execute(db)
  return new Map(rows.map(({ name, storage, compression }) => [name, { storage, compression }]))
}

type Placed = Pick<MaterializedIndex, 'tablespace' | 'statisticsTargets'>

async function listIndexFacts(db: Database, oid: number): Promise<Map<number, Placed>> {
  const { rows } = await sql<Placed & { oid: number }>`
    SELECT class.oid, (SELECT spcname::text FROM pg_catalog.pg_tablespace WHERE oid = class.reltablespace) AS tablespace,
      coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_array(attnum, attstattarget) ORDER BY attnum)
        FROM pg_catalog.pg_attribute WHERE attrelid = class.oid AND attstattarget >= 0), '[]') AS "statisticsTargets"
    FROM pg_catalog.pg_index JOIN pg_catalog.pg_class class ON class.oid = indexrelid
    WHERE indrelid = ${oid}`.execute(db)
  return new Map(rows.map((row) => [row.oid, row]))
}
