import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { RelationName } from '../db/identifiers.ts'
import { lockedRelations } from './lockedRelations.ts'

/** One key or included column of an index. */
export interface IndexColumn {
  /** The column's name, quoted where it must be, or the expression as PostgreSQL prints it. */
  text: string
  /** 0 for an expression. */
  attnum: number
  /** Everything that must be equal for two indexes to sort alike: operator class, its parameters, collation. */
  ordering: string
  isDescending: boolean
  nullsFirst: boolean
}

/** An index with all that decides whether another one can stand in for it, and whether it may be dropped. */
export interface TableIndex {
  oid: number
  schema: string
  name: string
  tableOid: number
  table: RelationName
  accessMethod: string
  keys: IndexColumn[]
  included: IndexColumn[]
  /** As `pg_get_expr` prints it; null for an index on every row. */
  predicate: string | null
  /** As `pg_get_indexdef` prints it with an empty `search_path`. */
  definition: string
  isUnique: boolean
  isValid: boolean
  /** Why it must stay, whatever the statistics say; null where it may be dropped. */
  protectedBecause: string | null
  /** An index of a partitioned table, which stands for one index on every partition. */
  isPartitioned: boolean
  storageParameters: string[]
  tablespace: string | null
  comment: string | null
  /** `ALTER INDEX ... ALTER COLUMN n SET STATISTICS`, by the column's number from 1. */
  statisticsTargets: Record<string, number>
  sizeBytes: number
  /** Scans since the statistics were reset, on this server alone. */
  scans: number
  /** PostgreSQL 16 and newer; null before, and where there was no scan. */
  lastScan: Date | null
}

/**
 * Every index of every table and materialized view that is not PostgreSQL's own, in one query; those of tables
 * that another session locks exclusively are left out, since reading their definitions would wait for it.
 * Read it with an empty `search_path`, so that expressions are printed with qualified names.
 */
export async function listTableIndexes(db: Database): Promise<TableIndex[]> {
  const result = await sql<TableIndex>`
    WITH locked AS MATERIALIZED (SELECT oid FROM ${lockedRelations} locked),
    owned AS MATERIALIZED (
      SELECT objid FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND deptype = 'e'
    )
    SELECT class.oid, namespace.nspname AS schema, class.relname AS name, owner.oid AS "tableOid",
      pg_catalog.json_build_object('schema', owner_namespace.nspname, 'name', owner.relname) AS "table",
      method.amname AS "accessMethod",
      coalesce(parts.list[1:index.indnkeyatts], '{}') AS keys,
      coalesce(parts.list[index.indnkeyatts + 1:], '{}') AS included,
      pg_catalog.pg_get_expr(index.indpred, index.indrelid) AS predicate,
      pg_catalog.pg_get_indexdef(class.oid) AS definition,
      index.indisunique AS "isUnique", index.indisvalid AS "isValid",
      CASE
        WHEN constrained.conindid IS NOT NULL OR index.indisprimary OR index.indisexclusion
          THEN 'a constraint needs it'
        WHEN index.indisunique THEN 'it keeps values unique'
        WHEN index.indisreplident THEN 'it is the replica identity of its table'
        WHEN index.indisclustered THEN 'its table is clustered on it'
        WHEN class.relispartition THEN 'it is part of the index of a partitioned table'
        WHEN class.oid IN (SELECT objid FROM owned) OR owner.oid IN (SELECT objid FROM owned)
          THEN 'it belongs to an extension'
      END AS "protectedBecause",
      class.relkind = 'I' AS "isPartitioned",
      coalesce(class.reloptions, '{}') AS "storageParameters", space.spcname AS tablespace,
      pg_catalog.obj_description(class.oid, 'pg_class') AS comment,
      coalesce(parts.targets, '{}') AS "statisticsTargets",
      coalesce(pg_catalog.pg_relation_size(class.oid), 0)::float8 AS "sizeBytes",
      coalesce(stat.idx_scan, 0)::float8 AS scans,
      (pg_catalog.to_jsonb(stat) ->> 'last_idx_scan')::timestamptz AS "lastScan"
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_class owner ON owner.oid = index.indrelid
    JOIN pg_catalog.pg_namespace owner_namespace ON owner_namespace.oid = owner.relnamespace
    JOIN pg_catalog.pg_am method ON method.oid = class.relam
    LEFT JOIN pg_catalog.pg_tablespace space ON space.oid = class.reltablespace
    LEFT JOIN (
      SELECT DISTINCT conindid FROM pg_catalog.pg_constraint WHERE conindid <> 0
    ) constrained ON constrained.conindid = class.oid
    LEFT JOIN pg_catalog.pg_stat_all_indexes stat ON stat.indexrelid = class.oid
    CROSS JOIN LATERAL (
      SELECT
        pg_catalog.array_agg(pg_catalog.json_build_object(
          'text', CASE WHEN index.indkey[part.attnum - 1] = 0
            THEN pg_catalog.pg_get_indexdef(class.oid, part.attnum, true)
            ELSE (SELECT pg_catalog.quote_ident(attribute.attname) FROM pg_catalog.pg_attribute attribute
                  WHERE attribute.attrelid = owner.oid AND attribute.attnum = index.indkey[part.attnum - 1]) END,
          'attnum', index.indkey[part.attnum - 1],
          'ordering', pg_catalog.concat_ws(' ', index.indclass[part.attnum - 1], index.indcollation[part.attnum - 1],
                                           part.attoptions::text),
          'isDescending', coalesce(index.indoption[part.attnum - 1] & 1, 0) <> 0,
          'nullsFirst', coalesce(index.indoption[part.attnum - 1] & 2, 0) <> 0)
          ORDER BY part.attnum) AS list,
        pg_catalog.json_object_agg(part.attnum, part.attstattarget)
          FILTER (WHERE part.attstattarget >= 0) AS targets
      FROM pg_catalog.pg_attribute part
      WHERE part.attrelid = class.oid AND part.attnum > 0
    ) parts
    WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      AND class.relpersistence <> 't'
      AND class.oid NOT IN (SELECT oid FROM locked) AND owner.oid NOT IN (SELECT oid FROM locked)
    ORDER BY 2, 3`.execute(db)
  return result.rows
}
