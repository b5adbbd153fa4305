import { indexIsAbsent, indexIsValid } from '../conditions/indexes.ts'
import { tableExists } from '../conditions/tables.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { indexName } from './createIndex.ts'
import type { Draft } from './draft.ts'
import { condition, workId } from './draft.ts'
import { draftTitle } from './titles.ts'

export interface PolicyIndexToCreate {
  table: RelationName
  /** What the index's name says it is on: a column, or a word for the expression. */
  word: string
  /** As it stands in CREATE INDEX: `owner_id`, `(lower(email))`. */
  key: string
  /** Names that are taken in the table's schema; ours is added to them. */
  takenNames: Set<string>
  why: string
}

/**
 * Builds the index by which a policy finds its rows, without blocking writes.
 *
 * ```sql
 * CREATE INDEX CONCURRENTLY "notes_owner_id_idx" ON "public"."notes" (owner_id)
 * -- down
 * DROP INDEX CONCURRENTLY "public"."notes_owner_id_idx"
 * ```
 */
export function createPolicyIndex({ table, word, key, takenNames, why }: PolicyIndexToCreate): Draft {
  const index = { schema: table.schema, name: indexName(table.name, [word], takenNames) }
  takenNames.add(index.name)
  return {
    kind: 'createIndex',
    ids: [workId('createIndex', table, key)],
    on: [table.schema, table.name],
    title: draftTitle('create', index.name),
    rule: 'unindexed_policy_column',
    why,
    up: [`CREATE INDEX CONCURRENTLY ${quote(index.name)} ON ${qualified(table)} (${key})`],
    down: [`DROP INDEX CONCURRENTLY ${qualified(index)}`],
    before: [condition(tableExists, table), condition(indexIsAbsent, index)],
    after: [condition(indexIsValid, index)],
    noTransaction: 'CREATE INDEX CONCURRENTLY cannot run inside one.',
  }
}
