import type { ForeignKey } from '../introspect/foreignKeys.ts'
import type { TableIndex } from '../introspect/tableIndexes.ts'

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
