import { constraintIsAbsent, constraintIsValidated } from '../conditions/constraints.ts'
import { indexIs } from '../conditions/indexes.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { commentOn } from './comment.ts'
import type { Operation, Reason } from './operation.ts'
import { condition, work } from './operation.ts'
import { operationTitle } from './titles.ts'

/**
 * Makes a unique index the primary key of its table, under its own name. `down` drops the key, and its index with
 * it, and builds the unique index again; writers wait meanwhile.
 *
 * ```sql
 * ALTER TABLE "public"."events" ADD CONSTRAINT "events_id" PRIMARY KEY USING INDEX "events_id"
 * -- down
 * ALTER TABLE "public"."events" DROP CONSTRAINT "events_id"
 * CREATE UNIQUE INDEX events_id ON public.events USING btree (id)
 * ```
 */
export function primaryKeyFromIndex(table: RelationName, index: DefinedIndex, reason: Reason): Operation {
  const name = { schema: index.schema, name: index.name }
  const alter = `ALTER TABLE ${qualified(table)}`
  return {
    ...work('primaryKeyFromIndex', name, index.definition),
    on: [table.schema, table.name],
    title: operationTitle('add', table.name, 'primary-key'),
    ...reason,
    up: [`${alter} ADD CONSTRAINT ${quote(index.name)} PRIMARY KEY USING INDEX ${quote(index.name)}`],
    down: [
      `${alter} DROP CONSTRAINT ${quote(index.name)}`,
      index.definition,
      ...commentOn(`INDEX ${qualified(name)}`, index.comment),
    ],
    before: [condition(indexIs, name, index.definition), condition(constraintIsAbsent, table, index.name)],
    after: [condition(constraintIsValidated, table, index.name)],
  }
}
