import { groupBy } from '../../groupBy.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { ForeignKey } from '../../catalog/foreignKeys.ts'
import type { TableIndex } from '../../catalog/indexes.ts'

/**
 * Whether the checks of the foreign key can use the index. Its first keys are the foreign key's columns, in any order;
 * it holds every row, or every row that is not NULL; its method can search for equal values, and finds them as the
 * columns compare, which an index of another collation does not.
 */
export function servesForeignKey(index: TableIndex, key: ForeignKey): boolean {
  const columns = new Set(key.columnNumbers)
  const leading = index.keys.slice(0, columns.size)
  return (
    index.isValid &&
    ['btree', 'hash'].includes(index.accessMethod) &&
    leading.length === columns.size &&
    leading.every(({ attnum, hasOtherCollation }) => columns.has(attnum) && !hasOtherCollation) &&
    new Set(leading.map(({ attnum }) => attnum)).size === columns.size &&
    (index.predicate === null ||
      (columns.size === 1 && index.predicate === `(${leading[0]?.text} IS NOT NULL)`))
  )
}

/** A foreign key that the index serves and no sibling does. */
export function foreignKeyWithout(
  index: TableIndex,
  siblings: readonly TableIndex[],
  keys: readonly ForeignKey[],
): ForeignKey | undefined {
  return keys.find(
    (key) =>
      key.tableOid === index.tableOid &&
      servesForeignKey(index, key) &&
      !siblings.some((other) => servesForeignKey(other, key)),
  )
}

/** An index to build, and the foreign keys whose checks it will serve. */
export interface SharedIndex {
  table: RelationName
  isPartitioned: boolean
  columns: string[]
  keys: ForeignKey[]
}

/**
 * The fewest indexes that serve all these foreign keys of one table. An index also serves foreign keys on its first
 * columns, in any order. So if one key's columns contain another's, they share an index:
 *
 * ```sql
 * FOREIGN KEY (project, jobset), FOREIGN KEY (jobset)  -- CREATE INDEX ON starredjobs (jobset, project)
 * ```
 *
 * With two indexes every write would pay twice, and the narrower one would be redundant.
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
 * Maps a group to the narrower group that its index begins with. Each narrow group is used once at most, and as many as
 * possible are paired: if a place is taken, its holder moves to another one if it can (Kuhn's algorithm).
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
