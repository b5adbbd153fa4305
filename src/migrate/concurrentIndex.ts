import type { ClientBase } from 'pg'
import { deparseStatement } from '../syntax/deparse.ts'
import type { Statement } from '../syntax/statements.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { HundredfoldError, UsageError, exitCodes } from '../errors.ts'

/** What stands under the name of an index that a statement wants to create. */
export type IndexState =
  | { kind: 'absent' }
  /** A failed build left it: the planner ignores it, writes pay for it. */
  | { kind: 'invalid'; sameDefinition: boolean }
  | { kind: 'valid'; sameDefinition: boolean; definition: string }
  | { kind: 'otherRelation' }

/** The index that a `CREATE INDEX CONCURRENTLY` makes, or undefined for any other statement. */
export async function indexToCreate(
  client: ClientBase,
  statement: Statement,
): Promise<RelationName | undefined> {
  const node = statement.node['IndexStmt'] as IndexStmt | undefined
  if (!node?.concurrent) return undefined
  if (!node.idxname) {
    throw new UsageError(
      `A concurrent build names no index: ${statement.sql}`,
      'Give the index a name: a run that is killed finds its index again by it.',
    )
  }
  const schema = node.relation.schemaname ?? (await schemaOf(client, node.relation.relname))
  return { schema, name: node.idxname }
}

/** The indexes that a `DROP INDEX CONCURRENTLY` drops; empty for any other statement. */
export async function indexesToDrop(client: ClientBase, statement: Statement): Promise<RelationName[]> {
  const node = statement.node['DropStmt'] as DropStmt | undefined
  if (!node?.concurrent || node.removeType !== 'OBJECT_INDEX') return []
  const dropped: RelationName[] = []
  for (const object of node.objects) {
    const parts = object.List.items.map((item) => item.String.sval)
    const name = parts.at(-1) ?? ''
    dropped.push({ schema: parts.at(-2) ?? (await schemaOf(client, name)), name })
  }
  return dropped
}

/** Looks at what stands under the name of the index that `statement` creates. */
export async function inspectIndex(
  client: ClientBase,
  index: RelationName,
  statement: Statement,
): Promise<IndexState> {
  const found = await findRelationByName(client, index)
  if (!found) return { kind: 'absent' }
  if (found.kind !== 'i' && found.kind !== 'I') return { kind: 'otherRelation' }
  const sameDefinition = await wouldBeTheSame(client, found.oid, statement)
  if (!found.isValid) return { kind: 'invalid', sameDefinition }
  return { kind: 'valid', sameDefinition, definition: found.definition }
}

/** Definition and validity of the index under that name; undefined where there is none. */
export async function findIndexDefinition(
  client: ClientBase,
  index: RelationName,
): Promise<{ definition: string; isValid: boolean } | undefined> {
  const found = await findRelationByName(client, index)
  return found && (found.kind === 'i' || found.kind === 'I') ? found : undefined
}

/** Drops an index without blocking reads and writes; one that is gone already is no error. */
export async function dropConcurrently(client: ClientBase, index: RelationName): Promise<void> {
  await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${qualified(index)}`)
}

/** The name is taken by something that is not what the migration builds; it is not ours to drop. */
export class ForeignIndex extends HundredfoldError {
  readonly index: RelationName

  constructor(migration: string, index: RelationName, found: string) {
    super(
      exitCodes.conditionFailed,
      `${migration}: the name ${display(index)} is taken by something else: ${found}. It was left as it is.`,
      'Rename one of the two, or drop the other one yourself if nobody needs it.',
    )
    this.index = index
  }
}

interface FoundRelation {
  oid: number
  kind: string
  isValid: boolean
  definition: string
}

async function findRelationByName(
  client: ClientBase,
  name: RelationName,
): Promise<FoundRelation | undefined> {
  const result = await client.query<FoundRelation>(
    `SELECT class.oid, class.relkind AS kind, coalesce(index.indisvalid, false) AS "isValid",
            coalesce(pg_catalog.pg_get_indexdef(index.indexrelid), '') AS definition
     FROM pg_catalog.pg_class class
     JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     LEFT JOIN pg_catalog.pg_index index ON index.indexrelid = class.oid
     WHERE namespace.nspname = $1 AND class.relname = $2`,
    [name.schema, name.name],
  )
  return result.rows[0]
}

/**
 * Whether the statement would make an index equal to the one with that oid. PostgreSQL itself answers: the
 * same index is made on an empty temporary copy of the table, compared part by part, and rolled back.
 */
async function wouldBeTheSame(client: ClientBase, existing: number, statement: Statement): Promise<boolean> {
  const node = statement.node['IndexStmt'] as IndexStmt
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
      [existing, table],
    )
    if (!on.rows[0]?.same) return false
    await client.query(`CREATE TEMP TABLE hundredfold_probe (LIKE ${table})`)
    await client.query(probe)
    const result = await client.query<{ same: boolean }>(
      `SELECT ${indexParts('$1::oid')} IS NOT DISTINCT FROM ${indexParts(`'pg_temp.hundredfold_probe_index'::regclass`)} AS same`,
      [existing],
    )
    return result.rows[0]?.same ?? false
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

/** Everything that makes an index what it is, but for its name and its table. */
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

/** The schema in which an unqualified name is found, or would be created. */
async function schemaOf(client: ClientBase, relation: string): Promise<string> {
  const result = await client.query<{ schema: string | null }>(
    `SELECT coalesce(
       (SELECT namespace.nspname FROM pg_catalog.pg_class class
        JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
        WHERE class.oid = pg_catalog.to_regclass($1)),
       pg_catalog.current_schema())::text AS schema`,
    [quote(relation)],
  )
  return result.rows[0]?.schema ?? 'public'
}

interface IndexStmt {
  idxname?: string
  concurrent?: boolean
  relation: { schemaname?: string; relname: string }
}

interface DropStmt {
  concurrent?: boolean
  removeType: string
  objects: { List: { items: { String: { sval: string } }[] } }[]
}
