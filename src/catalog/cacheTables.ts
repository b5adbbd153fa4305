import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A relation, as far as it matters for triggers that announce its changes. */
export interface CacheTable extends RelationName {
  oid: number
  kind: 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table' | 'other'
  isTemporary: boolean
  /** One of PostgreSQL's own. */
  isOfSystem: boolean
  /** The session's role owns it or is a member of its owner. */
  isOurs: boolean
  /** The table of which it is a partition or from which it inherits. */
  parent: RelationName | null
  columns: TagColumn[]
  /** Its partitions and what inherits from it, at every depth. */
  descendants: Pick<CacheTable, 'schema' | 'name' | 'kind' | 'isOurs'>[]
}

/** A column whose value may be part of a tag. */
export interface TagColumn {
  name: string
  /** As `format_type` prints it. */
  type: string
  /** Whether its text is the same in every session, and for a date, once DateStyle is set. */
  text: 'stable' | 'byDateStyle' | 'varies'
  /** Computed when it is read (PostgreSQL 18), so that triggers do not see it. */
  isVirtual: boolean
}

/** Types that are neither strings nor enums and have one text: not float8 (extra_float_digits) nor timestamptz (TimeZone). */
const stableTypes = ['bool', 'int2', 'int4', 'int8', 'oid', 'numeric', 'uuid', 'inet', 'cidr', 'macaddr']

/** The relation of that name; undefined if there is none. */
export async function findCacheTable(
  db: Database,
  { schema, name }: RelationName,
): Promise<CacheTable | undefined> {
  const { rows } = await sql<Omit<CacheTable, 'columns' | 'descendants'>>`
    SELECT class.oid, namespace.nspname::text AS schema, class.relname::text AS name, ${kind} AS kind,
      class.relpersistence = 't' AS "isTemporary", ${isOurs} AS "isOurs",
      namespace.nspname ~ '^pg_' OR namespace.nspname = 'information_schema' AS "isOfSystem",
      (SELECT pg_catalog.json_build_object('schema', above_in.nspname, 'name', above.relname)
       FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class above ON above.oid = inhparent
       JOIN pg_catalog.pg_namespace above_in ON above_in.oid = above.relnamespace
       WHERE inhrelid = class.oid ORDER BY inhseqno LIMIT 1) AS parent
    FROM pg_catalog.pg_class class JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${schema} AND class.relname = ${name}`.execute(db)
  const [table] = rows
  if (!table) return undefined
  return {
    ...table,
    columns: await listTagColumns(db, table.oid),
    descendants: await listDescendants(db, table.oid),
  }
}

const kind = sql`CASE class.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
  WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'other' END`
const isOurs = sql`pg_catalog.pg_has_role(class.relowner, 'USAGE')`

async function listTagColumns(db: Database, oid: number): Promise<TagColumn[]> {
  const { rows } = await sql<TagColumn>`
    SELECT attribute.attname::text AS name,
      pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) AS type,
      CASE WHEN base.typcategory = 'S' OR base.typtype = 'e'
          OR base.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND base.typname = ANY (${stableTypes}) THEN 'stable'
        WHEN base.oid = 'pg_catalog.date'::pg_catalog.regtype THEN 'byDateStyle' ELSE 'varies' END AS text,
      attribute.attgenerated = 'v' AS "isVirtual"
    FROM pg_catalog.pg_attribute attribute
    JOIN pg_catalog.pg_type base ON base.oid = (
      WITH RECURSIVE step (type, depth) AS (
        SELECT attribute.atttypid, 0
        UNION ALL
        SELECT domain.typbasetype, depth + 1 FROM step JOIN pg_catalog.pg_type domain ON domain.oid = step.type
        WHERE domain.typtype = 'd'
      ) SELECT type FROM step ORDER BY depth DESC LIMIT 1)
    WHERE attribute.attrelid = ${oid} AND attribute.attnum > 0 AND NOT attribute.attisdropped
    ORDER BY attribute.attnum`.execute(db)
  return rows
}

async function listDescendants(db: Database, oid: number): Promise<CacheTable['descendants']> {
  const { rows } = await sql<CacheTable['descendants'][number]>`
    WITH RECURSIVE below (oid) AS (
      SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = ${oid}
      UNION
      SELECT inhrelid FROM below JOIN pg_catalog.pg_inherits ON inhparent = below.oid
    )
    SELECT namespace.nspname::text AS schema, class.relname::text AS name, ${kind} AS kind, ${isOurs} AS "isOurs"
    FROM below JOIN pg_catalog.pg_class class ON class.oid = below.oid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    ORDER BY 1, 2`.execute(db)
  return rows
}

/** A trigger that calls a function of the outbox's schema. */
export interface CacheTrigger {
  name: string
  /** The name of its function. */
  calls: string
  event: 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE' | 'several'
  /** It fires in ordinary sessions. */
  isEnabled: boolean
}

/** The triggers of a table that call functions of a schema, by name. */
export async function findTriggersInto(
  db: Database,
  { schema, name }: RelationName,
  schemaOfFunctions: string,
): Promise<CacheTrigger[]> {
  const { rows } = await sql<CacheTrigger>`
    SELECT tgname::text AS name, function.proname::text AS calls, tgenabled IN ('O', 'A') AS "isEnabled",
      CASE tgtype::int & (4 | 8 | 16 | 32) WHEN 4 THEN 'INSERT' WHEN 8 THEN 'DELETE' WHEN 16 THEN 'UPDATE'
        WHEN 32 THEN 'TRUNCATE' ELSE 'several' END AS event
    FROM pg_catalog.pg_trigger
    JOIN pg_catalog.pg_class class ON class.oid = tgrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_proc function ON function.oid = tgfoid
    JOIN pg_catalog.pg_namespace function_in ON function_in.oid = function.pronamespace
    WHERE namespace.nspname = ${schema} AND class.relname = ${name} AND NOT tgisinternal
      AND function_in.nspname = ${schemaOfFunctions}
    ORDER BY tgname`.execute(db)
  return rows
}
