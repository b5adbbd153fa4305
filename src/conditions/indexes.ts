import type { RelationName } from '../db/identifiers.ts'
import { display } from '../db/identifiers.ts'
import { findIndex } from '../introspect/indexes.ts'
import { findRelation } from '../introspect/tables.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** Holds when no relation of that name exists: indexes share their names with tables, views and sequences. */
export function indexIsAbsent(index: RelationName): Condition {
  return {
    description: `index ${display(index)} is absent`,
    async check(db) {
      const found = await findIndex(db, index)
      if (found)
        return fails(
          'no such index',
          found.isValid ? found.definition : `an invalid index: ${found.definition}`,
        )
      const other = await findRelation(db, index)
      if (other)
        return fails('no relation of that name', `another relation of that name (kind ${other.kind})`)
      return holds
    },
  }
}

/** Holds when the index exists and is valid; a failed concurrent build leaves it invalid. */
export function indexIsValid(index: RelationName): Condition {
  return {
    description: `index ${display(index)} is valid`,
    async check(db) {
      const found = await findIndex(db, index)
      if (found?.isValid) return holds
      return fails('a valid index', found ? 'an invalid index' : 'no such index')
    },
  }
}

/**
 * Holds when the index exists, is valid and is defined exactly so, to the letter of what `pg_get_indexdef`
 * prints with an empty `search_path`:
 * `CREATE INDEX a_b_idx ON public.a USING btree (b) WHERE (c IS NULL)`.
 */
export function indexIs(index: RelationName, definition: string): Condition {
  return {
    description: `index ${display(index)} is ${definition}`,
    async check(db) {
      const found = await findIndex(db, index)
      if (!found) return fails(definition, 'no such index')
      if (!found.isValid) return fails('a valid index', 'an invalid index')
      return found.definition === definition ? holds : fails(definition, found.definition)
    },
  }
}
