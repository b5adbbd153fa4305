import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'

/** An index of a table with row-level security, and an operator that it serves and that is not leakproof. */
export interface SearchOperator {
  tableOid: number
  index: string
  method: string
  /** The first column or expression of the index, as `pg_get_indexdef` prints it. */
  expression: string
  /** Its type, of a column; null for an expression. */
  type: string | null
  /** As SQL writes it anywhere: `OPERATOR(pg_catalog.@@)`. */
  operator: string
  /** As people write it: `@@`. */
  sign: string
  /** The type of the other side; `anyarray` and the like where it is that of the column. */
  right: string
}

/** Operators that stand for all others of an index, in this order. */
const telling = ['=', '@>', '@@', '~~', '&&', '%']

/**
 * For each index of a table with row-level security, one operator on its first column that is not leakproof, if there is one.
 * Read it with an empty `search_path`.
 */
export async function listSearchOperators(db: Database): Promise<SearchOperator[]> {
  const { rows } = await sql<SearchOperator>`
    SELECT DISTINCT ON (index.indexrelid) index.indrelid AS "tableOid", class.relname::text AS index, method.amname::text AS method,
      pg_catalog.pg_get_indexdef(index.indexrelid, 1, false) AS expression,
      (SELECT pg_catalog.format_type(attribute.atttypid, NULL) FROM pg_catalog.pg_attribute attribute
       WHERE attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[0]) AS type,
      pg_catalog.format('OPERATOR(%I.%s)', namespace.nspname, operator.oprname) AS operator, operator.oprname::text AS sign,
      pg_catalog.format_type(operator.oprright, NULL) AS right
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class secured ON secured.oid = index.indrelid AND secured.relrowsecurity
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    JOIN pg_catalog.pg_am method ON method.oid = class.relam
    JOIN pg_catalog.pg_opclass opclass ON opclass.oid = index.indclass[0]
    JOIN pg_catalog.pg_amop member ON member.amopfamily = opclass.opcfamily AND member.amoppurpose = 's'
      AND member.amoplefttype = opclass.opcintype
    JOIN pg_catalog.pg_operator operator ON operator.oid = member.amopopr
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = operator.oprnamespace
    JOIN pg_catalog.pg_proc function ON function.oid = operator.oprcode AND NOT function.proleakproof
    WHERE index.indisvalid
    ORDER BY index.indexrelid,
      coalesce(pg_catalog.array_position(${telling}::text[], operator.oprname::text), 100), operator.oprname`.execute(
    db,
  )
  return rows
}
