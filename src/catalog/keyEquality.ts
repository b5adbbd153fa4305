import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** What a table can be partitioned by, as far as a column's type and collation decide it. */
export interface KeyEquality {
  /** Its values have an order (a default operator class for B-trees), which PostgreSQL wants for lists too. */
  hasOrder: boolean
  /** Its values have a hash (a default operator class for hash indexes). */
  hasHash: boolean
  /** `=` is PostgreSQL's own, and means the same under every `search_path`. */
  isOfSystem: boolean
  /** Equal texts are the same texts. */
  isDeterministic: boolean
  /** Equal values are the same values: not so of numeric, where 1.0 = 1.00. */
  isExact: boolean
}

/** Undefined if there is no such column. */
export async function findKeyEquality(
  db: Database,
  { schema, name }: RelationName,
  column: string,
): Promise<KeyEquality | undefined> {
  const { rows } = await sql<KeyEquality>`
    WITH RECURSIVE base AS (
      SELECT attribute.atttypid AS type, attribute.attcollation AS "collation" FROM pg_catalog.pg_attribute attribute
      JOIN pg_catalog.pg_class class ON class.oid = attribute.attrelid
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
      WHERE namespace.nspname = ${schema} AND class.relname = ${name} AND attribute.attname = ${column}
        AND attribute.attnum > 0 AND NOT attribute.attisdropped
      UNION
      -- A domain, an array and a range are compared as what they are made of.
      SELECT CASE WHEN type.typtype = 'd' THEN type.typbasetype WHEN type.typcategory = 'A' THEN type.typelem
        ELSE coalesce(range.rngsubtype, 0) END, base."collation"
      FROM base JOIN pg_catalog.pg_type type ON type.oid = base.type
      LEFT JOIN pg_catalog.pg_range range ON range.rngtypid = type.oid
      WHERE type.typtype IN ('d', 'r') OR type.typcategory = 'A'
    ),
    found AS (
      SELECT type.oid AS type, base."collation",
        bool_or(method.amname = 'btree') AS "hasOrder", bool_or(method.amname = 'hash') AS "hasHash",
        coalesce(bool_and(namespace.nspname = 'pg_catalog'), true) AS "isOfSystem",
        coalesce(bool_or(method.amname = 'btree' AND EXISTS (
          SELECT FROM pg_catalog.pg_amproc support WHERE support.amprocfamily = class.opcfamily
            AND support.amproclefttype = class.opcintype AND support.amprocrighttype = class.opcintype
            AND support.amprocnum = 4)), false) AS "isExact"
      FROM base
      JOIN pg_catalog.pg_type type ON type.oid = base.type AND type.typtype <> 'd'
      LEFT JOIN (pg_catalog.pg_opclass class
        JOIN pg_catalog.pg_am method ON method.oid = class.opcmethod AND method.amname IN ('btree', 'hash')
        JOIN pg_catalog.pg_amop member ON member.amopfamily = class.opcfamily
          AND member.amopstrategy = CASE method.amname WHEN 'btree' THEN 3 ELSE 1 END
          AND member.amoplefttype = class.opcintype AND member.amoprighttype = class.opcintype
        JOIN pg_catalog.pg_operator operator ON operator.oid = member.amopopr
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = operator.oprnamespace)
      ON class.opcdefault AND (class.opcintype = type.oid
        OR class.opcintype = 'pg_catalog.anyenum'::pg_catalog.regtype AND type.typtype = 'e'
        OR class.opcintype = 'pg_catalog.anyarray'::pg_catalog.regtype AND type.typcategory = 'A'
        OR class.opcintype = 'pg_catalog.anyrange'::pg_catalog.regtype AND type.typtype = 'r'
        OR EXISTS (SELECT FROM pg_catalog.pg_cast
          WHERE castsource = type.oid AND casttarget = class.opcintype AND castmethod = 'b' AND castcontext = 'i')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_opclass own
            WHERE own.opcdefault AND own.opcmethod = class.opcmethod AND own.opcintype = type.oid))
      GROUP BY type.oid, base."collation"
    )
    SELECT bool_and(coalesce("hasOrder", false)) AS "hasOrder", bool_and(coalesce("hasHash", false)) AS "hasHash",
      bool_and("isOfSystem") AS "isOfSystem", bool_and("isExact") AS "isExact",
      bool_and(coalesce((SELECT collisdeterministic FROM pg_catalog.pg_collation WHERE oid = "collation"), true))
        AS "isDeterministic"
    FROM found HAVING pg_catalog.count(*) > 0`.execute(db)
  return rows[0]
}
