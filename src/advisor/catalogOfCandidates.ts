import type { ClientBase } from 'pg'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified } from '../postgres/identifiers.ts'
import type { CatalogOfCandidates } from './candidates.ts'

interface ColumnFacts {
  schema: string
  table: string
  column: string
  distinct: number
  width: number
  correlation: number | null
}

/** Less than that, and a block's least and greatest value say little. */
const inOrder = 0.95

/** Reads from the shadow what candidates hang on. */
export async function readCatalogOfCandidates(client: ClientBase): Promise<CatalogOfCandidates> {
  const { rows } = await client.query<ColumnFacts>(
    `SELECT s.schemaname::text AS schema, s.tablename::text AS "table", pg_catalog.quote_ident(s.attname) AS "column",
       CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(c.reltuples, 1) ELSE s.n_distinct END::float8 AS distinct,
       s.avg_width AS width, s.correlation
     FROM pg_catalog.pg_stats s
     JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename`,
  )
  const facts = new Map(rows.map((row) => [JSON.stringify([row.schema, row.table, row.column]), row]))
  const factsOf = ({ schema, name }: RelationName, column: string) =>
    facts.get(JSON.stringify([schema, name, column]))
  const known = new Map<string, Promise<{ method: string; opclass?: string }[]>>()
  return {
    isInOrder: (table, key) => Math.abs(factsOf(table, key)?.correlation ?? 0) > inOrder,
    distinct: (table, key) => factsOf(table, key)?.distinct,
    width: (table, columns) =>
      columns.reduce((sum, column) => sum + (factsOf(table, column)?.width ?? 32), 0),
    methodsFor: (table, key, operator) => {
      const id = JSON.stringify([table, key, operator])
      const methods = known.get(id) ?? findMethods(client, table, key, operator)
      known.set(id, methods)
      return methods
    },
  }
}

/** Of operator classes that serve the operator on the key's type, or on a type that takes its values as they are. */
async function findMethods(
  client: ClientBase,
  table: RelationName,
  key: string,
  operator: string,
): Promise<{ method: string; opclass?: string }[]> {
  const { fields } = await client.query(`SELECT (${key}) FROM ${qualified(table)} LIMIT 0`)
  const { rows } = await client.query<{ method: string; opclass: string; isDefault: boolean }>(
    `SELECT DISTINCT am.amname::text AS method, pg_catalog.format('%I.%I', n.nspname, c.opcname) AS opclass,
       c.opcdefault AS "isDefault"
     FROM pg_catalog.pg_amop o
     JOIN pg_catalog.pg_operator op ON op.oid = o.amopopr
     JOIN pg_catalog.pg_opclass c ON c.opcfamily = o.amopfamily AND c.opcintype = o.amoplefttype
     JOIN pg_catalog.pg_namespace n ON n.oid = c.opcnamespace
     JOIN pg_catalog.pg_am am ON am.oid = c.opcmethod
     JOIN pg_catalog.pg_type t ON t.oid = $2
     WHERE op.oprname = $1 AND am.amname IN ('gin', 'gist', 'brin', 'spgist')
       AND (c.opcintype = t.oid OR EXISTS (SELECT FROM pg_catalog.pg_cast k
             WHERE k.castsource = t.oid AND k.casttarget = c.opcintype AND k.castmethod = 'b')
         OR c.opcintype = 'pg_catalog.anyarray'::regtype AND t.typelem <> 0 AND t.typlen = -1
         OR c.opcintype = 'pg_catalog.anyrange'::regtype AND t.typtype = 'r')
     ORDER BY 1, 2`,
    [operator, fields[0]?.dataTypeID],
  )
  return rows.map(({ method, opclass, isDefault }) => ({ method, ...(isDefault ? {} : { opclass }) }))
}
