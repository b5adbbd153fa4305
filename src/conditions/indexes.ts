import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import type { IndexShape } from '../catalog/indexShapes.ts'
import { listIndexesCovering } from '../catalog/indexShapes.ts'
import { findIndex } from '../catalog/findIndex.ts'
import { findRelation } from '../catalog/relations.ts'
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
 * Holds when the index exists, is valid, and has exactly this definition, as `pg_get_indexdef` prints it with an empty
 * `search_path`: `CREATE INDEX a_b_idx ON public.a USING btree (b) WHERE (c IS NULL)`.
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

/**
 * Holds when no index of the table, whatever its name, serves what one of this shape would. Checked before an index is
 * built, so that one that was built by hand is not duplicated.
 */
export function noIndexCovers(shape: IndexShape): Condition {
  return {
    description: `no index of ${display(shape.table)} covers ${showShape(shape)}`,
    async check(db) {
      const [found] = await listIndexesCovering(db, shape)
      return found ? fails('no such index', `index ${display(found)}: ${found.definition}`) : holds
    },
  }
}

/** Holds when a valid index of the table serves what one of this shape would; its name does not matter. */
export function indexCovers(shape: IndexShape): Condition {
  return {
    description: `an index of ${display(shape.table)} covers ${showShape(shape)}`,
    async check(db) {
      const found = await listIndexesCovering(db, shape)
      return found.length > 0 ? holds : fails('a valid index', 'no index that covers it')
    },
  }
}

function showShape({ method, keys, include, where }: IndexShape): string {
  return [
    `${method ?? 'btree'} (${keys.join(', ')})`,
    ...(include ? [`INCLUDE (${include.join(', ')})`] : []),
    ...(where ? [`WHERE ${where}`] : []),
  ].join(' ')
}
