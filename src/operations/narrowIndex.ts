import { indexIs, indexIsAbsent, indexIsValid } from '../conditions/indexes.ts'
import { claimIdentifier, qualified, quote } from '../postgres/identifiers.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { commentOn } from './comment.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { buildConcurrently, dropConcurrently, recreateIndex } from './recreateIndex.ts'
import { operationTitle } from './titles.ts'

/**
 * Replaces an index on all rows by one on the rows that have a value. Up and down, the new index is built before the
 * old one is dropped.
 *
 * ```sql
 * CREATE INDEX CONCURRENTLY a_b_idx_present ON public.a USING btree (b) WHERE "b" IS NOT NULL
 * DROP INDEX CONCURRENTLY "public"."a_b_idx"
 * ```
 *
 * @throws NotReversible if the old one is protected or cannot be built again exactly
 */
export async function narrowIndex(
  index: DefinedIndex,
  column: string,
  { takenNames, ...reason }: Reason & { takenNames: Set<string> },
): Promise<Operation> {
  const old = { schema: index.schema, name: index.name }
  const again = await recreateIndex(index)
  const narrow = { schema: index.schema, name: claimIdentifier(index.name, '_present', takenNames) }
  const build = await buildConcurrently(index, { name: narrow.name, where: `${quote(column)} IS NOT NULL` })
  return {
    ...work('narrowIndex', old, index.definition),
    on: [index.table.schema, index.table.name],
    title: operationTitle('narrow', index.name),
    ...reason,
    up: [build, ...commentOn(`INDEX ${qualified(narrow)}`, index.comment), dropConcurrently(old)],
    down: [...again, dropConcurrently(narrow)],
    before: [condition(indexIs, old, index.definition), condition(indexIsAbsent, narrow)],
    after: [condition(indexIsValid, narrow), condition(indexIsAbsent, old)],
    noTransaction: 'CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY cannot run inside one.',
  }
}
