import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { listIndexSizes } from './indexSizes.ts'
import { lockedRelations } from './lockedRelations.ts'
import { readServerFacts } from './server.ts'
import type { Column } from './columns.ts'
import { listColumns } from './columns.ts'
import type { Read } from './reader.ts'

/** One key or included column of an index. */
export interface IndexColumn {
  /** The column's name, quoted where it must be, or the expression as PostgreSQL prints it. */
  text: string
  /** 0 for an expression. */
  attnum: number
  /** Absent for an expression. */
  column?: Column | undefined
  /** Everything that must be equal for two indexes to sort alike: operator class, its parameters, collation. */
  ordering: string
  /** It is sorted by another collation than the column's own: a comparison of the column cannot use it. */
  hasOtherCollation: boolean
  isDescending: boolean
  nullsFirst: boolean
}

/** An index's size and use since the counters were reset. */
export interface IndexUse extends RelationName {
  oid: number
  tableOid: number
  table: RelationName
  accessMethod: string
  keys: IndexColumn[]
  isUnique: boolean
  isValid: boolean
  isPartial: boolean
  /** Another session locks it or its table: its expressions are not read. */
  isLocked: boolean
  /** A constraint depends on it, so it is needed even if nothing ever scans it. */
  backsConstraint: boolean
  /** An index of a partitioned table, which stands for one index on every partition. */
  isPartitioned: boolean
  /** The planner's page count if another session locks the index. */
  sizeBytes: number
  /** Scans since the statistics were reset, on this server alone. */
  scans: number
  /** PostgreSQL 16 and newer; null before, and where there was no scan. */
  lastScan: Date | null
}

/** An index with everything that decides whether another one can replace it, and whether it may be dropped. */
export interface TableIndex extends IndexUse {
  included: IndexColumn[]
  /** As `pg_get_expr` prints it; null for an index on every row. */
  predicate: string | null
  /** Share of the table's rows that it holds, by the planner's counts: 1 without a predicate, null where nobody counted. */
  shareOfRows: number | null
  /** UNIQUE NULLS NOT DISTINCT: at most one row has no value. */
  takesNullsForEqual: boolean
  /** Writes keep it up to date; false in the first phase of a concurrent build. */
  isReady: boolean
  /** Why it must stay, whatever the statistics say; null where it may be dropped. */
  protectedBecause: string | null
  /** An index of one partition, attached to the index of the partitioned table. */
  isPartOfPartitioned: boolean
  storageParameters: string[]
  tablespace: string | null
  comment: string | null
  /** `ALTER INDEX ... ALTER COLUMN n SET STATISTICS`, by the column's number from 1. */
  statisticsTargets: Record<string, number>
}

/** Every index, and separately those where no session locks the index or its table. */
export interface Indexes {
  all: IndexUse[]
  readable: TableIndex[]
}

/** A row of the query. What depends on the table's columns is assembled here, instead of again for each index. */
interface IndexRow extends Omit<TableIndex, 'keys' | 'included' | 'sizeBytes'> {
  keyCount: number
  /** Vectors as the catalog prints them: `1 3 0`. */
  columns: string
  classes: string
  collations: string
  options: string
  /** The expressions among its keys, by their place from 1. */
  expressions: Record<string, string> | null
  parameters: Record<string, string> | null
}

/**
 * Every index of every table and materialized view that is not PostgreSQL's own, by schema and name. Expressions are
 * not read if another session locks the index or its table, since that would wait. Read it with an empty `search_path`,
 * so that names are printed qualified. `defineIndexes` adds the definitions.
 */
export async function readIndexes(db: Database, read: Read): Promise<Indexes> {
  const { versionNumber } = await read(readServerFacts)
  const lastScan = sql.raw(versionNumber >= 160_000 ? 'pg_catalog.pg_stat_get_lastscan(class.oid)' : 'NULL')
  const takesNullsForEqual = sql.raw(versionNumber >= 150_000 ? 'index.indnullsnotdistinct' : 'false')
  const { rows } = await sql<IndexRow>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locked),
    owned AS MATERIALIZED (
      SELECT objid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e'
    ),
    special AS MATERIALIZED (
      SELECT attrelid,
        pg_catalog.json_object_agg(attnum, attoptions::text) FILTER (WHERE attoptions IS NOT NULL) AS parameters,
        pg_catalog.json_object_agg(attnum, attstattarget) FILTER (WHERE attstattarget >= 0) AS targets
      FROM pg_catalog.pg_attribute WHERE attnum > 0 AND (attoptions IS NOT NULL OR attstattarget >= 0)
      GROUP BY attrelid
    ),
    indexes AS MATERIALIZED (
      SELECT index.*, class.oid IN (SELECT oid FROM locked) AS is_locked,
        index.indrelid IN (SELECT oid FROM locked) AS table_is_locked
      FROM pg_catalog.pg_index index
      JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
        AND class.relpersistence <> 't'
    ),
    texts AS MATERIALIZED (
      SELECT indexrelid, pg_catalog.pg_get_expr(indpred, indrelid) AS predicate,
        CASE WHEN indexprs IS NOT NULL THEN (
          SELECT pg_catalog.json_object_agg(place, pg_catalog.pg_get_indexdef(indexrelid, place, true))
          FROM pg_catalog.generate_series(1, indnatts::int) place WHERE indkey[place - 1] = 0) END AS expressions
      FROM indexes WHERE NOT is_locked AND NOT table_is_locked
    )
    SELECT class.oid, namespace.nspname AS schema, class.relname AS name, owner.oid AS "tableOid",
      pg_catalog.json_build_object('schema', owner_namespace.nspname, 'name', owner.relname) AS "table",
      method.amname AS "accessMethod", texts.indexrelid IS NULL AS "isLocked",
      index.indnkeyatts AS "keyCount", index.indkey::text AS columns, index.indclass::text AS classes,
      index.indcollation::text AS collations, index.indoption::text AS options,
      texts.expressions, special.parameters, texts.predicate,
      ${takesNullsForEqual} AS "takesNullsForEqual",
      index.indisunique AS "isUnique", index.indisvalid AS "isValid", index.indisready AS "isReady",
      index.indpred IS NOT NULL AS "isPartial",
      CASE WHEN index.indpred IS NULL THEN 1
        WHEN owner.reltuples > 0 AND class.reltuples >= 0 THEN (class.reltuples / owner.reltuples)::float8
      END AS "shareOfRows",
      constrained.conindid IS NOT NULL AS "backsConstraint",
      CASE
        WHEN constrained.conindid IS NOT NULL OR index.indisprimary OR index.indisexclusion
          THEN 'a constraint needs it'
        WHEN index.indisreplident THEN 'it is the replica identity of its table'
        WHEN index.indisclustered THEN 'its table is clustered on it'
        WHEN class.relispartition THEN 'it is part of the index of a partitioned table'
        WHEN class.oid IN (SELECT objid FROM owned) OR owner.oid IN (SELECT objid FROM owned)
          THEN 'it belongs to an extension'
        WHEN index.indisunique THEN 'it keeps values unique'
      END AS "protectedBecause",
      class.relkind = 'I' AS "isPartitioned", class.relispartition AS "isPartOfPartitioned",
      coalesce(class.reloptions, '{}') AS "storageParameters", space.spcname AS tablespace,
      description.description AS comment, coalesce(special.targets, '{}') AS "statisticsTargets",
      coalesce(pg_catalog.pg_stat_get_numscans(class.oid), 0)::float8 AS scans, ${lastScan} AS "lastScan"
    FROM indexes index
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_class owner ON owner.oid = index.indrelid
    JOIN pg_catalog.pg_namespace owner_namespace ON owner_namespace.oid = owner.relnamespace
    JOIN pg_catalog.pg_am method ON method.oid = class.relam
    LEFT JOIN texts ON texts.indexrelid = index.indexrelid
    LEFT JOIN special ON special.attrelid = index.indexrelid
    LEFT JOIN pg_catalog.pg_tablespace space ON space.oid = class.reltablespace
    LEFT JOIN pg_catalog.pg_description description ON description.objoid = class.oid AND description.objsubid = 0
      AND description.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    LEFT JOIN (
      SELECT DISTINCT conindid FROM pg_catalog.pg_constraint WHERE conindid <> 0
    ) constrained ON constrained.conindid = class.oid
    ORDER BY 2, 3`.execute(db)
  const columns = await read(listColumns)
  const sizes = new Map((await read(listIndexSizes)).map(({ oid, bytes }) => [oid, bytes]))
  const all = rows.map((row) => toIndex(row, columns.get(row.tableOid) ?? [], sizes.get(row.oid) ?? 0))
  return { all, readable: all.filter(({ isLocked }) => !isLocked) }
}

/** The indexes that no session locks, by schema and name. */
export async function listIndexes(_: Database, read: Read): Promise<TableIndex[]> {
  return (await read(readIndexes)).readable
}

/** All indexes that take space, locked ones included, the largest first. */
export async function listIndexUse(_: Database, read: Read): Promise<IndexUse[]> {
  return (await read(readIndexes)).all
    .filter(({ isPartitioned }) => !isPartitioned)
    .sort((one, other) => other.sizeBytes - one.sizeBytes)
}

function toIndex(row: IndexRow, columns: Column[], sizeBytes: number): TableIndex {
  const { keyCount, columns: numbers, classes, collations, options, expressions, parameters, ...index } = row
  const [classOf, collationOf, optionOf] = [classes.split(' '), collations.split(' '), options.split(' ')]
  const parts = numbers.split(' ').map((number, at): IndexColumn => {
    const attnum = Number(number)
    const option = Number(optionOf[at] ?? 0)
    const column = columns.find((each) => each.number === attnum)
    return {
      text: expressions?.[at + 1] ?? column?.quoted ?? '',
      attnum,
      column,
      ordering: at < keyCount ? orderingOf(classOf[at], collationOf[at], parameters?.[at + 1]) : '',
      hasOtherCollation: at < keyCount && column !== undefined && collationOf[at] !== `${column.collation}`,
      isDescending: (option & 1) !== 0,
      nullsFirst: (option & 2) !== 0,
    }
  })
  return { ...index, sizeBytes, keys: parts.slice(0, keyCount), included: parts.slice(keyCount) }
}

function orderingOf(operatorClass = '', collation = '', parameters?: string): string {
  return parameters === undefined
    ? `${operatorClass} ${collation}`
    : `${operatorClass} ${collation} ${parameters}`
}
