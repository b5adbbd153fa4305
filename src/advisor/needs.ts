import { listForeignKeys } from '../catalog/foreignKeys.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import type { Read } from '../catalog/reader.ts'
import { listTables } from '../catalog/tables.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { display } from '../postgres/identifiers.ts'
import { smallBytes } from '../rules/indexes/unindexedForeignKeys.ts'
import type { Candidate } from './candidates.ts'
import { definitionOf } from './candidates.ts'
import { columnKey } from './terms.ts'
import type { Wishes } from './wishes.ts'

/** Columns of a table on which some index has to lead, whether a statement of the workload asks for it or not. */
export interface Need {
  table: RelationName
  columns: string[]
  /** A foreign key's columns may lead in any order. */
  inAnyOrder?: boolean
  /** Why: `foreign key bookings_customer_id_fkey`. */
  why: string
}

/**
 * The foreign keys of all tables but small ones: each deleted parent row looks for its children.
 *
 * @param read of the shadow, which has the source's sizes
 */
export async function foreignKeyNeeds(read: Read): Promise<Need[]> {
  const large = new Set(
    (await read(listTables))
      .filter(({ heapBytes, kind }) => heapBytes > smallBytes && kind === 'r')
      .map(display),
  )
  return (await read(listForeignKeys))
    .filter(({ table, isExtensionOwned }) => !isExtensionOwned && large.has(display(table)))
    .map(({ table, columns, name }) => ({ table, columns, inAnyOrder: true, why: `foreign key ${name}` }))
}

/** Adds the plainest index that meets each need, for every statement that reads the table. */
export function wishForNeeds({ candidates, byStatement }: Wishes, needs: readonly Need[]): void {
  for (const need of needs) {
    const candidate = plainest(need)
    const { table } = candidate
    candidates.set(definitionOf(candidate), candidate)
    for (const own of byStatement.values()) {
      const reads = [...own].some((definition) => isOn(candidates.get(definition), table))
      if (reads) own.add(definitionOf(candidate))
    }
  }
}

function plainest({ table, columns }: Need): Candidate {
  return { table, method: 'btree', keys: columns.map(columnKey), include: [] }
}

function isOn(candidate: Candidate | undefined, { schema, name }: RelationName): boolean {
  return candidate?.table.schema === schema && candidate.table.name === name
}

/** Whether the index leads on the need's columns and holds every row, or every row that is not NULL. */
export function meets(index: TableIndex, { table, columns, inAnyOrder }: Need): boolean {
  if (index.table.schema !== table.schema || index.table.name !== table.name) return false
  if (!index.isValid || !['btree', 'hash'].includes(index.accessMethod)) return false
  const leading = index.keys.slice(0, columns.length)
  const names = leading.map(({ column }) => column?.name ?? '')
  const leads = inAnyOrder
    ? names.length === columns.length && columns.every((column) => names.includes(column))
    : columns.every((column, at) => names[at] === column)
  const excludesOnlyNulls = columns.length === 1 && index.predicate === `(${leading[0]?.text} IS NOT NULL)`
  return leads && (index.predicate === null || excludesOnlyNulls)
}
