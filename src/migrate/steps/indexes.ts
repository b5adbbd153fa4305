import type { ClientBase } from 'pg'
import { HundredfoldError, exitCodes } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'

export function isSameName(a: RelationName, b: RelationName): boolean {
  return a.schema === b.schema && a.name === b.name
}

/** Drops an index without blocking reads and writes. It is no error if the index is gone already. */
export async function dropConcurrently(client: ClientBase, index: RelationName): Promise<void> {
  await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${qualified(index)}`)
}

/** Something other than the migration's index has its name; it is not ours to drop. */
export class ForeignIndex extends HundredfoldError {
  constructor(migration: string, index: RelationName, found: string) {
    super(
      exitCodes.conditionFailed,
      `${migration}: the name ${display(index)} is taken by something else: ${found}. It was left as it is.`,
      'Rename one of the two, or drop the other one yourself if nobody needs it.',
    )
  }
}

interface Found {
  oid: number
  isIndex: boolean
  isValid: boolean
  definition: string
}

/** The relation with that name: an index or anything else. */
export async function findByName(client: ClientBase, name: RelationName): Promise<Found | undefined> {
  const result = await client.query<Found>(
    `SELECT class.oid, class.relkind IN ('i', 'I') AS "isIndex", coalesce(index.indisvalid, false) AS "isValid",
            coalesce(pg_catalog.pg_get_indexdef(index.indexrelid), '') AS definition
     FROM pg_catalog.pg_class class
     JOIN pg_catalog.pg_namespace namespace ON namespace.oid = class.relnamespace
     LEFT JOIN pg_catalog.pg_index index ON index.indexrelid = class.oid
     WHERE namespace.nspname = $1 AND class.relname = $2`,
    [name.schema, name.name],
  )
  return result.rows[0]
}

/** The schema in which an unqualified name is found; if there is none, the one in which it would be created. */
export async function schemaOf(client: ClientBase, relation: string): Promise<string> {
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
