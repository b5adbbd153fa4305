import { sql } from 'kysely'
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
