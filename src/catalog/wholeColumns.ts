import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

export interface WholeColumn {
  name: string
  type: string
  /** With its schema, where it is not the type's own. */
  collation: string | null
  notNull: boolean
  /** The expression of a default or of a generated column. */
  expression: string | null
  identity: '' | 'a' | 'd'
  generated: '' | 's' | 'v'
  statisticsTarget: number | null
  /** `n_distinct=...` and the like. */
  options: string[]
  comment: string | null
}

/** The columns of a table or materialized view, in their order. */
export async function listColumns(db: Database, oid: number): Promise<WholeColumn[]> {
  const { rows } = await sql<WholeColumn>`
    SELECT attribute.attname::text AS name,
      pg_catalog.format_type(attribute.atttypid, attribute.atttypmod) AS type,
      CASE WHEN attribute.attcollation <> type.typcollation THEN
        (SELECT pg_catalog.quote_ident(nspname) || '.' || pg_catalog.quote_ident(collname)
         FROM pg_catalog.pg_collation rule JOIN pg_catalog.pg_namespace namespace
           ON namespace.oid = rule.collnamespace
         WHERE rule.oid = attribute.attcollation) END AS "collation",
      attribute.attnotnull AS "notNull",
      pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS expression,
      attribute.attidentity AS identity, attribute.attgenerated AS generated,
      nullif(attribute.attstattarget, -1)::int AS "statisticsTarget",
      coalesce(attribute.attoptions, '{}') AS options,
      pg_catalog.col_description(attribute.attrelid, attribute.attnum) AS comment
    FROM pg_catalog.pg_attribute attribute
    JOIN pg_catalog.pg_type type ON type.oid = attribute.atttypid
    LEFT JOIN pg_catalog.pg_attrdef def ON def.adrelid = attribute.attrelid AND def.adnum = attribute.attnum
    WHERE attribute.attrelid = ${oid} AND attribute.attnum > 0 AND NOT attribute.attisdropped
    ORDER BY attribute.attnum`.execute(db)
  return rows
}
