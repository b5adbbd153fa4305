import type { ClientBase } from 'pg'
import { qualified, quote } from '../../postgres/identifiers.ts'
import { deparseStatement } from '../../syntax/deparse.ts'

/** The fields of the parser's node that are read here. */
export interface IndexStmt {
  idxname?: string
  concurrent?: boolean
  relation: { schemaname?: string; relname: string }
}

/**
 * Whether the statement would make an index equal to the one with that oid. PostgreSQL itself decides: it makes the
 * statement's index on an empty temporary copy of the table; the two are compared part by part, and all is rolled back.
 */
export async function wouldBeTheSame(client: ClientBase, oid: number, node: IndexStmt): Promise<boolean> {
  const { relation } = node
  const table = relation.schemaname
    ? qualified({ schema: relation.schemaname, name: relation.relname })
    : quote(relation.relname)
  const probe = await deparseStatement({
    IndexStmt: {
      ...node,
      concurrent: false,
      if_not_exists: false,
      idxname: 'hundredfold_probe_index',
      relation: { ...relation, schemaname: 'pg_temp', relname: 'hundredfold_probe' },
    },
  })
  await client.query('BEGIN')
  try {
    const on = await client.query<{ same: boolean }>(
      `SELECT indrelid = $2::regclass::oid AS same FROM pg_catalog.pg_index WHERE indexrelid = $1`,
      [oid, table],
    )
    if (!on.rows[0]?.same) return false
    await client.query(`CREATE TEMP TABLE hundredfold_probe (LIKE ${table})`)
    await client.query(probe)
    const result = await client.query<{ same: boolean }>(
      `SELECT ${indexParts('$1::oid')} IS NOT DISTINCT FROM ${indexParts(`'pg_temp.hundredfold_probe_index'::regclass`)} AS same`,
      [oid],
    )
    return result.rows[0]?.same ?? false
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

/** All parts of an index that matter, except its name and table. */
function indexParts(oid: string): string {
  return `(
    SELECT pg_catalog.jsonb_build_array(
      class.relam, class.reloptions, index.indisunique, index.indnkeyatts, index.indclass::text,
      index.indcollation::text, index.indoption::text, pg_catalog.to_jsonb(index) -> 'indnullsnotdistinct',
      pg_catalog.pg_get_expr(index.indpred, index.indrelid),
      ARRAY(SELECT pg_catalog.pg_get_indexdef(index.indexrelid, part, false)
            FROM pg_catalog.generate_series(1, index.indnatts) part))
    FROM pg_catalog.pg_index index
    JOIN pg_catalog.pg_class class ON class.oid = index.indexrelid
    WHERE index.indexrelid = ${oid})`
}
