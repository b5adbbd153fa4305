import { indexIs, indexIsAbsent, indexIsValid } from '../conditions/indexes.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { dropConcurrently, recreateIndex } from './recreateIndex.ts'
import { operationTitle } from './titles.ts'

/**
 * Drops an index without blocking reads and writes; `down` builds it again exactly as it was. If another index does its
 * work, that index must be valid before and after.
 *
 * ```sql
 * DROP INDEX CONCURRENTLY "public"."bookings_customer_idx"
 * -- down
 * CREATE INDEX CONCURRENTLY bookings_customer_idx ON public.bookings USING btree (customer_id)
 * ```
 *
 * @throws NotReversible if it is protected or cannot be built again exactly
 */
export async function dropIndex(
  index: DefinedIndex,
  { coveredBy, ...reason }: Reason & { coveredBy?: RelationName },
): Promise<Operation> {
  const name = { schema: index.schema, name: index.name }
  const cover = coveredBy && condition(indexIsValid, { schema: coveredBy.schema, name: coveredBy.name })
  return {
    ...work('dropIndex', name, index.definition),
    on: [index.table.schema, index.table.name],
    title: operationTitle('drop', index.name),
    ...reason,
    up: [dropConcurrently(name)],
    down: await recreateIndex(index),
    before: [condition(indexIs, name, index.definition), ...(cover ? [cover] : [])],
    after: [condition(indexIsAbsent, name), ...(cover ? [cover] : [])],
    noTransaction: 'DROP INDEX CONCURRENTLY cannot run inside one.',
  }
}
