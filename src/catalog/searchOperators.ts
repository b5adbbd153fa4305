import { sql } from '../postgres/sql.ts'
import type { Database } from '../postgres/database.ts'
import { lockedRelations } from './lockedRelations.ts'

/** An index of a table with row-level security, and an operator that it serves and that is not leakproof. */
export interface SearchOperator {
  tableOid: number
  /** All that start with the same column or expression and serve the operator, by name. */
  indexes: string[]
  method: string
  /** The first column or expression of the indexes, as `pg_get_indexdef` prints it. */
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

/** Operators that stand for all others of a family, in this order. */
const telling = ['=', '@>', '@@', '~~', '&&', '%']

/**
 * For each column and expression that indexes of a table with row-level security start with, one operator that is not
 * leakproof, if there is one. Of a btree or hash index only those that compare values of the same type: `date` has others, with
 * `timestamptz`, that hardly anyone searches by. Without tables
 * that are locked. Read it with an empty `search_path`.
 */
export async function listSearchOperators(db: Database): Promise<SearchOperator[]> {
  const { rows } = await sql<SearchOperator>`
    WITH readable AS MATERIALIZED (
      SELECT index.indexrelid FROM pg_catalog.pg_index index
      WHERE index.indisvalid AND index.indrelid NOT IN (SELECT oid FROM ${lockedRelations} locked)
    ), candidate AS (
      SELECT index.indexrelid, index.indrelid, class.relname::text AS name, method.amname::text AS method, index.indkey[0] AS attnum,
        opclass.opcfamily, opclass.opcintype, pg_catalog.pg_get_indexdef(index.indexrelid, 1, false) AS expression
      FROM readable JOIN pg_catalog.pg_index index USING (indexrelid)
      JOIN pg_catalog.pg_class secured ON secured.oid = index.indrelid AND secured.relrowsecurity
      JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
      JOIN pg_catalog.pg_am method ON method.oid = class.relam
      JOIN pg_catalog.pg_opclass opclass ON opclass.oid = index.indclass[0]
    )
    SELECT DISTINCT ON (candidate.indrelid, candidate.expression, candidate.opcfamily)
      candidate.indrelid AS "tableOid", candidate.method, candidate.expression,
      (SELECT pg_catalog.array_agg(same.name ORDER BY same.name) FROM candidate same
       WHERE (same.indrelid, same.expression, same.opcfamily)
         = (candidate.indrelid, candidate.expression, candidate.opcfamily)) AS indexes,
      (SELECT pg_catalog.format_type(attribute.atttypid, NULL) FROM pg_catalog.pg_attribute attribute
       WHERE attribute.attrelid = candidate.indrelid AND attribute.attnum = candidate.attnum) AS type,
      pg_catalog.format('OPERATOR(%I.%s)', namespace.nspname, operator.oprname) AS operator, operator.oprname::text AS sign,
      pg_catalog.format_type(operator.oprright, NULL) AS right
    FROM candidate
    JOIN pg_catalog.pg_amop member ON member.amopfamily = candidate.opcfamily AND member.amoppurpose = 's'
      AND member.amoplefttype = candidate.opcintype
      AND (member.amoprighttype = candidate.opcintype OR candidate.method NOT IN ('btree', 'hash'))
    JOIN pg_catalog.pg_operator operator ON operator.oid = member.amopopr
    JOIN pg_catalog.pg_namespace namespace ON namespace.oid = operator.oprnamespace
    JOIN pg_catalog.pg_proc function ON function.oid = operator.oprcode AND NOT function.proleakproof
    ORDER BY candidate.indrelid, candidate.expression, candidate.opcfamily,
      coalesce(pg_catalog.array_position(${telling}::text[], operator.oprname::text), 100), operator.oprname`.execute(
    db,
  )
  return rows
}
