import type { ClientBase } from 'pg'
import { advise } from '../advisor/advise.ts'
import { definitionOf } from '../advisor/candidates.ts'
import { listIndexes } from '../catalog/indexes.ts'
import { readOnce } from '../catalog/reader.ts'
import { listTables } from '../catalog/tables.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { qualified, quote } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import { callsWithKey } from './callsWithKey.ts'
import type { KeyedTable, KnownNames } from './keyUses.ts'

/** What serves the statements that carry the key, where partitioning does not pay. */
export interface Instead {
  kind: 'brin' | 'index'
  /** The statement to run. */
  sql: string
  /** The statements that it helps, by name; of BRIN, those with the key. */
  serves: string[]
  /** Of BRIN: how well the order of the rows on disk follows the key, and updates and deletes for each row added. */
  correlation?: number
  changed?: number
}

/** Rows lie on the disk in the order of the key. */
const inOrder = 0.9
/** Of a table to which rows are only added, as good as none are changed or deleted. */
const mostChanged = 0.01

/**
 * What to do where partitioning does not pay: the indexes that the advisor finds for the statements that carry the key, or
 * a BRIN index where rows are only added, in the key's order, and no index begins with the key. Nothing where what exists
 * does.
 *
 * @param correlation of the key with the order on disk, as ANALYZE found it
 */
export async function recommendInstead(
  source: ClientBase,
  keyed: KeyedTable,
  workload: readonly WorkloadStatement[],
  { correlation, ...known }: KnownNames & { correlation: number | null },
): Promise<Instead[]> {
  const { statements } = await callsWithKey(workload, keyed, known)
  const withKey = statements.flatMap(({ statement, hasKey }) => (hasKey ? [statement] : []))
  if (withKey.length === 0) return []
  const brin = await brinFor(source, keyed, Math.abs(correlation ?? 0))
  const { indexes } = await advise(source, withKey, { needs: [] })
  const ofTable = indexes.filter(({ candidate }) => isSame(candidate.table, keyed.table))
  return [
    ...(brin ? [{ ...brin, serves: withKey.map(({ name }) => name) }] : []),
    ...ofTable.map(({ candidate, serves }): Instead => ({
      kind: 'index',
      sql: `CREATE INDEX CONCURRENTLY ${definitionOf(candidate)}`,
      serves: serves.map(({ statement }) => statement.name),
    })),
  ]
}

async function brinFor(
  source: ClientBase,
  { table, key }: KeyedTable,
  correlation: number,
): Promise<Omit<Instead, 'serves'> | undefined> {
  if (correlation < inOrder) return undefined
  return readOnly(source, async () => {
    const read = readOnce(borrow(source))
    const known = (await read(listTables)).find((each) => isSame(each, table))
    const changed = known && known.inserts > 0 ? (known.updates + known.deletes) / known.inserts : undefined
    const isIndexed = (await read(listIndexes)).some(
      (index) => isSame(index.table, table) && index.keys[0]?.text === key,
    )
    if (isIndexed || changed === undefined || changed > mostChanged) return undefined
    const sql = `CREATE INDEX CONCURRENTLY ON ${qualified(table)} USING brin (${quote(key)})`
    return { kind: 'brin', sql, correlation, changed }
  })
}

const isSame = (one: RelationName, other: RelationName): boolean =>
  one.schema === other.schema && one.name === other.name
