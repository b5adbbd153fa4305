import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

export interface WholeIndex {
  oid: number
  name: string
  definition: string
  isUnique: boolean
  /** Of a primary key, unique or exclusion constraint. */
  isOfConstraint: boolean
  isValid: boolean
  isClustered: boolean
  isReplicaIdentity: boolean
  /** The plain columns among its keys; null for an expression. */
  keys: (string | null)[]
  predicate: string | null
  comment: string | null
}

/** The indexes of a table or materialized view, in the words that make them again. */
export async function listIndexesOf(db: Database, oid: number): Promise<WholeIndex[]> {
  const { rows } = await sql<WholeIndex>`
    SELECT class.oid, class.relname::text AS name, pg_catalog.pg_get_indexdef(class.oid) AS definition,
      index.indisunique AS "isUnique",
      EXISTS (SELECT FROM pg_catalog.pg_constraint con
              WHERE con.conindid = class.oid AND con.contype IN ('p', 'u', 'x')) AS "isOfConstraint",
      index.indisvalid AS "isValid", index.indisclustered AS "isClustered",
      index.indisreplident AS "isReplicaIdentity",
      ARRAY(SELECT attribute.attname::text
            FROM pg_catalog.unnest(index.indkey::int2[]) WITH ORDINALITY part (attnum, place)
            LEFT JOIN pg_catalog.pg_attribute attribute
              ON attribute.attrelid = index.indrelid AND attribute.attnum = part.attnum AND part.attnum <> 0
            WHERE part.place <= index.indnkeyatts ORDER BY part.place) AS keys,
      pg_catalog.pg_get_expr(index.indpred, index.indrelid) AS predicate,
      pg_catalog.obj_description(class.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_index index JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    WHERE index.indrelid = ${oid} ORDER BY class.relname`.execute(db)
  return rows
}
