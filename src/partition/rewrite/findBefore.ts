import { findFunction } from '../../catalog/functions.ts'
import { findPartitionKey } from '../../catalog/partitions.ts'
import type { WholeTable } from '../../catalog/wholeTable.ts'
import { findWholeTable } from '../../catalog/wholeTable.ts'
import type { Database } from '../../postgres/database.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import type { Every } from '../intervals.ts'
import { helperSchema } from '../subject.ts'
import type { KeptBefore } from './cleanUp.ts'
import { mirrorNames } from './copySubject.ts'

/** The table that a partitioned one was before, as long as it mirrors it. */
export async function findBefore(
  db: Database,
  table: WholeTable,
  every: Every,
): Promise<KeptBefore | undefined> {
  const mirror = mirrorNames(table)
  if (!table.triggers.some(({ name }) => name === mirror.trigger)) return undefined
  const [key] = (await findPartitionKey(db, table))?.columns ?? []
  const routine = await findFunction(db, { schema: helperSchema, name: mirror.toBefore, args: '' })
  const name = routine && mirroredTable(routine.source)
  const before = name && (await findWholeTable(db, name))
  return before && key ? { table, before, key, every, mirror } : undefined
}

/** The mirror truncates its table by name. */
function mirroredTable(source: string): RelationName | undefined {
  const found = /TRUNCATE "(?<schema>(?:[^"]|"")+)"\."(?<name>(?:[^"]|"")+)";/.exec(source)?.groups
  const unquote = (text: string | undefined) => (text ?? '').replaceAll('""', '"')
  return found ? { schema: unquote(found['schema']), name: unquote(found['name']) } : undefined
}
