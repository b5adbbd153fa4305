import { findColumns } from '../catalog/columns.ts'
import type { Split } from '../catalog/partitions.ts'
import type { ComparedTables } from '../catalog/rowDifferences.ts'
import { listDifferingRanges, listLoneRows } from '../catalog/rowDifferences.ts'
import { findRelation } from '../catalog/relations.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import type { Condition } from './condition.ts'
import { fails, holds } from './condition.ts'

/** How rows are told apart and put into ranges: `{ id: ['id'], key: 'day', every: 'month' }`, `{ ..., by: 'list' }`. */
export type MirrorKey = Split & { id: string[]; key: string }

/**
 * Holds when the mirror of a table has exactly its rows, and when the table is partitioned and the mirror no longer there.
 * Counts and checksums of each range are compared at one moment; a range that differs is compared row by row, to name one.
 */
export function mirrorIsExact(table: RelationName, mirror: RelationName, by: MirrorKey): Condition {
  return {
    description: `${display(mirror)} has exactly the rows of ${display(table)}`,
    readsWholeTables: true,
    async check(db) {
      const found = await findRelation(db, table)
      if (!found) return fails('a table', `no table ${display(table)}`)
      if (!(await findRelation(db, mirror))) {
        return found.kind === 'p' ? holds : fails('a mirror', `no table ${display(mirror)}`)
      }
      const columns = (await findColumns(db, table)).map(({ name }) => name)
      const compared: ComparedTables = { ...by, table, other: mirror, columns }
      const ranges = await listDifferingRanges(db, compared)
      const [first] = ranges
      if (!first) return holds
      const lone = await listLoneRows(db, compared, first.from)
      const where = first.from === null ? 'without a key' : rangeName(by, first.from)
      const more = ranges.length - 1
      const others = more > 0 ? ` and in ${more} other ${more === 1 ? 'range' : 'ranges'}` : ''
      return fails('the same rows', `other rows ${where}${others}${exampleOf(lone, { table, mirror })}`)
    },
  }
}

/** The same, asked only on the way up: the way back does not need it. */
export function mirrorIsExactBefore(table: RelationName, mirror: RelationName, by: MirrorKey): Condition {
  return { ...mirrorIsExact(table, mirror, by), dependsOnData: true }
}

function rangeName(by: MirrorKey, from: string): string {
  if ('every' in by) return `of the ${by.every} from ${from}`
  const key = displayIdentifier(by.key)
  return by.by === 'list' ? `of ${key} ${from}` : `of part ${from} of ${by.modulus} by ${key}`
}

function exampleOf(
  lone: { id: string; isInTable: boolean }[],
  { table, mirror }: { table: RelationName; mirror: RelationName },
): string {
  const [first] = lone
  if (!first) return ''
  const isInBoth = lone.some(({ id, isInTable }) => id === first.id && isInTable !== first.isInTable)
  if (isInBoth) return `: row ${first.id} differs`
  return `: row ${first.id} is only in ${display(first.isInTable ? table : mirror)}`
}
