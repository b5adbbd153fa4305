import type { WholeIndex } from '../catalog/wholeIndexes.ts'
import type { WholeConstraint, WholeTable } from '../catalog/wholeTable.ts'

/** Unique constraints and indexes that do not contain the key: a partitioned table cannot enforce them. */
export interface LackingKey {
  constraints: WholeConstraint[]
  /** Unique indexes that are of no constraint. */
  indexes: WholeIndex[]
}

export function lackingKey(table: WholeTable, key: string): LackingKey {
  return {
    constraints: table.constraints.filter(
      ({ kind, columns }) => (kind === 'p' || kind === 'u') && !columns.includes(key),
    ),
    indexes: table.indexes.filter(
      ({ isUnique, isOfConstraint, keys }) => isUnique && !isOfConstraint && !keys.includes(key),
    ),
  }
}
