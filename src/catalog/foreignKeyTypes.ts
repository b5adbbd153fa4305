import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'

/** A column of a foreign key whose type is another one than that of the column it refers to. */
export interface MismatchedColumn {
  key: string
  table: RelationName
  column: string
  /** As `format_type` prints it. */
  type: string
  references: RelationName
  referencedColumn: string
  referencedType: string
  /** The referenced type has values that this one has not. */
  isNarrower: boolean
  /** The checks of the key, which look for rows that refer to a deleted one, can search a B-tree on the column. */
  indexServes: boolean
  isExtensionOwned: boolean
}

/**
 * Columns of declared foreign keys whose types differ, by what is below a domain, in one query. Left out are types that
 * differ in a length alone, and types that PostgreSQL stores and compares alike: varchar and text.
 *
 * `conpfeqop` is the operator that compares the two: for integer and bigint one of the same operator family, which a
 * B-tree on either can search; for integer and numeric that of numeric, for which each value is converted first.
 */
export async function listMismatchedColumns(db: Database): Promise<MismatchedColumn[]> {
  const { rows } = await sql<MismatchedColumn>`
    WITH RECURSIVE below AS (
      SELECT oid, typbasetype AS base FROM pg_catalog.pg_type WHERE typtype = 'd'
      UNION ALL
      SELECT below.oid, type.typbasetype FROM below
      JOIN pg_catalog.pg_type type ON type.oid = below.base AND type.typtype = 'd'
    ),
    domain AS (
      SELECT below.oid, below.base FROM below
      JOIN pg_catalog.pg_type type ON type.oid = below.base AND type.typtype <> 'd'
    ),
    pair AS (
      SELECT con.oid, con.conname, con.conrelid, con.confrelid, con.conpfeqop[part.place] AS operator,
        own.attname AS own_name, own.atttypid AS own_type, own.atttypmod AS own_modifier,
        other.attname AS other_name, other.atttypid AS other_type, other.atttypmod AS other_modifier,
        coalesce(own_domain.base, own.atttypid) AS own_base, coalesce(other_domain.base, other.atttypid) AS other_base
      FROM pg_catalog.pg_constraint con
      CROSS JOIN LATERAL pg_catalog.unnest(con.conkey) WITH ORDINALITY part (attnum, place)
      JOIN pg_catalog.pg_attribute own ON own.attrelid = con.conrelid AND own.attnum = part.attnum
      JOIN pg_catalog.pg_attribute other
        ON other.attrelid = con.confrelid AND other.attnum = con.confkey[part.place]
      LEFT JOIN domain own_domain ON own_domain.oid = own.atttypid
      LEFT JOIN domain other_domain ON other_domain.oid = other.atttypid
      WHERE con.contype = 'f' AND con.conparentid = 0
    ),
    mismatch AS (
      SELECT pair.*,
        EXISTS (
          SELECT FROM pg_catalog.pg_opclass class
          JOIN pg_catalog.pg_am method ON method.oid = class.opcmethod AND method.amname = 'btree'
          JOIN pg_catalog.pg_amop member ON member.amopfamily = class.opcfamily AND member.amopstrategy = 3
          JOIN pg_catalog.pg_operator operator ON operator.oid = pair.operator
          WHERE class.opcdefault AND member.amopopr IN (operator.oid, operator.oprcom)
            AND (class.opcintype = pair.own_base
              OR EXISTS (SELECT FROM pg_catalog.pg_cast
                WHERE castsource = pair.own_base AND casttarget = class.opcintype
                  AND castmethod = 'b' AND castcontext = 'i')
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_opclass same
                  WHERE same.opcdefault AND same.opcmethod = class.opcmethod AND same.opcintype = pair.own_base))
        ) AS index_serves,
        EXISTS (
          SELECT FROM pg_catalog.pg_cast WHERE castmethod = 'b' AND castcontext = 'i'
            AND castsource = pair.own_base AND casttarget = pair.other_base
        ) AS is_stored_alike
      FROM pair WHERE pair.own_base <> pair.other_base
    )
    SELECT mismatch.conname AS key, mismatch.own_name AS "column", mismatch.other_name AS "referencedColumn",
      pg_catalog.json_build_object('schema', namespace.nspname, 'name', class.relname) AS "table",
      pg_catalog.json_build_object('schema', referenced_namespace.nspname, 'name', referenced.relname) AS "references",
      pg_catalog.format_type(mismatch.own_type, mismatch.own_modifier) AS type,
      pg_catalog.format_type(mismatch.other_type, mismatch.other_modifier) AS "referencedType",
      own.typlen > 0 AND (other.typlen < 0 OR own.typlen < other.typlen) AS "isNarrower",
      mismatch.index_serves AS "indexServes",
      EXISTS (
        SELECT FROM pg_catalog.pg_depend depend
        WHERE depend.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND depend.objid = class.oid AND depend.deptype = 'e') AS "isExtensionOwned"
    FROM mismatch
    JOIN pg_catalog.pg_type own ON own.oid = mismatch.own_base
    JOIN pg_catalog.pg_type other ON other.oid = mismatch.other_base
    JOIN pg_catalog.pg_class class ON class.oid = mismatch.conrelid
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
    JOIN pg_catalog.pg_class referenced ON referenced.oid = mismatch.confrelid
    JOIN pg_catalog.pg_namespace referenced_namespace ON referenced_namespace.oid = referenced.relnamespace
    WHERE NOT (mismatch.is_stored_alike AND mismatch.index_serves)
    ORDER BY namespace.nspname, class.relname, mismatch.conname, mismatch.own_name`.execute(db)
  return rows
}
