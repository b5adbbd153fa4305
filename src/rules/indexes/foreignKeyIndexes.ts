import { groupBy } from '../../groupBy.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { ForeignKey } from '../../catalog/foreignKeys.ts'
import type { TableIndex } from '../../catalog/indexes.ts'

/**
 * Whether the checks of the foreign key can use the index: its first keys are the foreign key's columns, in any
 * order, on every row or on those that are not NULL, and its method finds equal values.
 */
export function servesForeignKey(index: TableIndex, key: ForeignKey): boolean {
  const columns = new Set(key.columnNumbers)
  const leading = index.keys.slice(0, columns.size)
  return (
    index.isValid &&
    ['btree', 'hash'].includes(index.accessMethod) &&
    leading.length === columns.size &&
    leading.every(({ attnum }) => columns.has(attnum)) &&
    (index.predicate === null ||
      (columns.size === 1 && index.predicate === `(${leading[0]?.text} IS NOT NULL)`))
  )
}

/** An index that is to be made, and the foreign keys whose checks it will serve. */
export interface SharedIndex {
  table: RelationName
  isPartitioned: boolean
  columns: string[]
  keys: ForeignKey[]
}

/**
 * The fewest indexes that serve all these foreign keys of one table. An index serves the keys on its first columns
 * as well, in any order, so keys whose columns lie within one another share one:
 *
 * ```sql
 * FOREIGN KEY (project, jobset), FOREIGN KEY (jobset)  -- CREATE INDEX ON starredjobs (jobset, project)
 * ```
 *
 * Two indexes in their stead would cost every write twice, and the narrower one would be redundant at once.
 */
export function fewestIndexes(keys: ForeignKey[]): SharedIndex[] {
  const groups = onSameColumns(keys)
  const below = pairNarrowWithWide(groups)
  const covered = new Set(below.values())
  return groups
    .filter((group) => !covered.has(group))
    .map((widest) => {
      const [{ table, tableKind }] = widest
      const served = chainDownFrom(widest, below).toReversed().flat()
      const columns = [...new Set(served.flatMap((key) => key.columns))]
      return { table, isPartitioned: tableKind === 'p', columns, keys: served }
    })
}

/** Foreign keys on the same columns, whatever their order. */
type Group = [ForeignKey, ...ForeignKey[]]

function onSameColumns(keys: ForeignKey[]): Group[] {
  const groups = groupBy(keys, ({ columnNumbers }) => [...columnNumbers].sort((a, b) => a - b).join())
  return [...groups.values()]
}

/**
 * For a group the narrower one that its index is to begin with; each narrow one is in one place at most. As many as
 * possible are paired: one that finds its place taken asks whether the other can go elsewhere (Kuhn's algorithm).
 */
function pairNarrowWithWide(groups: Group[]): Map<Group, Group> {
  const below = new Map<Group, Group>()
  const place = (narrow: Group, asked: Set<Group>): boolean =>
    groups.some((wide) => {
      if (asked.has(wide) || !isWithin(narrow, wide)) return false
      asked.add(wide)
      const other = below.get(wide)
      if (other && !place(other, asked)) return false
      below.set(wide, narrow)
      return true
    })
  for (const group of groups) place(group, new Set())
  return below
}

function isWithin([narrow]: Group, [wide]: Group): boolean {
  return (
    narrow.columnNumbers.length < wide.columnNumbers.length &&
    narrow.columnNumbers.every((column) => wide.columnNumbers.includes(column))
  )
}

function chainDownFrom(group: Group, below: ReadonlyMap<Group, Group>): Group[] {
  const next = below.get(group)
  return [group, ...(next ? chainDownFrom(next, below) : [])]
}
