import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { lockedRelations } from './lockedRelations.ts'

/** A sequence, how far it has come, and the column that it fills. Values may be beyond what a JavaScript number holds exactly. */
export interface Sequence extends RelationName {
  /** `smallint`, `integer` or `bigint`. */
  type: string
  /** Text, so that no digit is lost; null where it was never used, or the role may not read it. */
  lastValue: string | null
  startValue: string
  minimum: string
  maximum: string
  increment: string
  cycles: boolean
  isVisible: boolean
  /** Of `GENERATED AS IDENTITY`: altered through its column. */
  isIdentity: boolean
  isExtensionOwned: boolean
  column: { table: RelationName; name: string; type: string } | null
}

/** Every sequence that is not PostgreSQL's own, in one query. */
export async function listSequences(db: Database): Promise<Sequence[]> {
  const result = await sql<Sequence>`
    SELECT namespace.nspname AS schema, class.relname AS name,
      pg_catalog.format_type(sequence.seqtypid, NULL) AS type,
      CASE WHEN pg_catalog.has_sequence_privilege(class.oid, 'SELECT, USAGE') AND locked.oid IS NULL
        THEN pg_catalog.pg_sequence_last_value(class.oid)::text END AS "lastValue",
      sequence.seqstart::text AS "startValue", sequence.seqmin::text AS minimum, sequence.seqmax::text AS maximum,
      sequence.seqincrement::text AS increment, sequence.seqcycle AS cycles,
      pg_catalog.has_sequence_privilege(class.oid, 'SELECT, USAGE') AND locked.oid IS NULL AS "isVisible",
      coalesce(owner.deptype = 'i', false) AS "isIdentity",
      EXISTS (
        SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND depend.objid = class.oid AND depend.deptype = 'e') AS "isExtensionOwned",
      CASE WHEN attribute.attname IS NOT NULL THEN pg_catalog.json_build_object(
        'table', pg_catalog.json_build_object('schema', table_namespace.nspname, 'name', owned.relname),
        'name', attribute.attname, 'type', pg_catalog.format_type(attribute.atttypid, NULL)) END AS "column"
    FROM pg_catalog.pg_sequence sequence
    JOIN pg_catalog.pg_class class ON class.oid = sequence.seqrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    LEFT JOIN pg_catalog.pg_depend owner ON owner.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND owner.objid = class.oid AND owner.deptype IN ('a', 'i')
      AND owner.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND owner.refobjsubid > 0
    LEFT JOIN pg_catalog.pg_class owned ON owned.oid = owner.refobjid
    LEFT JOIN pg_catalog.pg_namespace table_namespace ON table_namespace.oid = owned.relnamespace
    LEFT JOIN pg_catalog.pg_attribute attribute
      ON attribute.attrelid = owner.refobjid AND attribute.attnum = owner.refobjsubid
    LEFT JOIN ${lockedRelations} locked ON locked.oid = class.oid
    WHERE namespace.nspname !~ '^pg_' AND namespace.nspname <> 'information_schema'
      AND class.relpersistence <> 't'
    ORDER BY 1, 2`.execute(db)
  return result.rows
}

/** What tells how far a sequence has come. */
export type SequenceUse = Pick<
  Sequence,
  'schema' | 'name' | 'minimum' | 'maximum' | 'increment' | 'lastValue'
> & {
  column: Pick<NonNullable<Sequence['column']>, 'type'> | null
}

/** The sequences that are nearest to their end, and how many could not be looked at. */
export interface MostUsedSequences {
  sequences: SequenceUse[]
  hidden: number
}

/**
 * The server ranks them, so that a few of many cost little. Sequences that begin again do not count, nor do those of
 * extensions.
 */
export async function findMostUsedSequences(
  db: Database,
  schemas: readonly string[],
  limit: number,
): Promise<MostUsedSequences> {
  const { rows } = await sql<MostUsedSequences>`
    WITH looked AS MATERIALIZED (
      SELECT class.oid, namespace.nspname, class.relname, sequence.seqmin, sequence.seqmax, sequence.seqincrement,
        CASE WHEN visible THEN pg_catalog.pg_sequence_last_value(class.oid) END AS last_value, visible,
        (SELECT attribute.atttypid FROM pg_catalog.pg_depend owner
          JOIN pg_catalog.pg_attribute attribute
            ON attribute.attrelid = owner.refobjid AND attribute.attnum = owner.refobjsubid
          WHERE owner.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND owner.objid = class.oid
            AND owner.objsubid = 0 AND owner.deptype IN ('a', 'i') AND owner.refobjsubid > 0
            AND owner.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass LIMIT 1) AS type
      FROM pg_catalog.pg_sequence sequence
      JOIN pg_catalog.pg_class class ON class.oid = sequence.seqrelid
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      CROSS JOIN LATERAL (SELECT class.oid NOT IN (SELECT locked.oid FROM ${lockedRelations} locked)
        AND pg_catalog.has_sequence_privilege(class.oid, 'SELECT, USAGE') AS visible) seen
      WHERE namespace.nspname = ANY (${schemas}::name[]) AND class.relpersistence <> 't' AND NOT sequence.seqcycle
    ),
    ranked AS (
      SELECT looked.*, CASE WHEN seqincrement > 0
          THEN (last_value - seqmin::float8) / nullif(least(seqmax, widest) - seqmin::float8, 0)
          ELSE (seqmax - last_value::float8) / nullif(seqmax::float8 - greatest(seqmin, -widest - 1), 0) END AS used
      FROM looked CROSS JOIN LATERAL (SELECT CASE type WHEN 'pg_catalog.int2'::pg_catalog.regtype THEN 32767
        WHEN 'pg_catalog.int4'::pg_catalog.regtype THEN 2147483647 ELSE 9223372036854775807 END::int8 AS widest) column_type
      WHERE last_value IS NOT NULL
    )
    SELECT
      (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('schema', nspname, 'name', relname,
          'minimum', seqmin::text, 'maximum', seqmax::text, 'increment', seqincrement::text,
          'lastValue', last_value::text, 'column', CASE WHEN type IS NOT NULL THEN
            pg_catalog.json_build_object('type', pg_catalog.format_type(type, NULL)) END)
          ORDER BY used DESC NULLS FIRST, oid), '[]')
        FROM (SELECT * FROM ranked WHERE NOT ${isOfExtension}
          ORDER BY used DESC NULLS FIRST, oid LIMIT ${limit}) AS first) AS sequences,
      (SELECT count(*)::int FROM looked AS ranked WHERE NOT visible AND NOT ${isOfExtension}) AS hidden`.execute(
    db,
  )
  return rows[0] ?? { sequences: [], hidden: 0 }
}

const isOfExtension = sql`EXISTS (
  SELECT FROM pg_catalog.pg_depend depend WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND depend.objid = ranked.oid AND depend.deptype = 'e')`

/** Type and largest value of one sequence; undefined where there is none of that name. */
export async function findSequence(
  db: Database,
  name: RelationName,
): Promise<{ type: string; maximum: string } | undefined> {
  const result = await sql<{ type: string; maximum: string }>`
    SELECT pg_catalog.format_type(sequence.seqtypid, NULL) AS type, sequence.seqmax::text AS maximum
    FROM pg_catalog.pg_sequence sequence
    JOIN pg_catalog.pg_class class ON class.oid = sequence.seqrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    WHERE namespace.nspname = ${name.schema} AND class.relname = ${name.name}`.execute(db)
  return result.rows[0]
}
