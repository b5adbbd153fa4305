import { findFunction } from '../../catalog/functions.ts'
import type { Split } from '../../catalog/partitions.ts'
import { findPartitionKey, strategyOf } from '../../catalog/partitions.ts'
import type { WholeTable } from '../../catalog/wholeTable.ts'
import { findWholeTable } from '../../catalog/wholeTable.ts'
import type { Database } from '../../postgres/database.ts'
import { UsageError } from '../../errors.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { helperSchema } from '../subject.ts'
import type { KeptBefore } from './cleanUp.ts'
import { mirrorNames } from './copySubject.ts'

/** The table that a partitioned one was before, as long as it mirrors it. */
export async function findBefore(
  db: Database,
  table: WholeTable,
  split: Split,
): Promise<KeptBefore | undefined> {
  const mirror = mirrorNames(table)
  if (!table.triggers.some(({ name }) => name === mirror.trigger)) return undefined
  const partitioned = await findPartitionKey(db, table)
  const [key] = partitioned?.columns ?? []
  const routine = await findFunction(db, { schema: helperSchema, name: mirror.toBefore, args: '' })
  const name = routine && mirroredTable(routine.source)
  const before = name && (await findWholeTable(db, name))
  if (!before || !key) return undefined
  if (partitioned?.strategy === strategyOf(split)) return { table, before, key, split, mirror }
  throw new UsageError(
    `${display(table)} is partitioned by ${partitioned?.strategy} of ${displayIdentifier(key)} already, and ${display(before)} is what it was.`,
    `Give the command that wrote this again, with --by ${partitioned?.strategy}: it writes a migration that drops that table.`,
  )
}

/** The mirror truncates its table by name. */
function mirroredTable(source: string): RelationName | undefined {
  const found = /TRUNCATE "(?<schema>(?:[^"]|"")+)"\."(?<name>(?:[^"]|"")+)";/.exec(source)?.groups
  const unquote = (text: string | undefined) => (text ?? '').replaceAll('""', '"')
  return found ? { schema: unquote(found['schema']), name: unquote(found['name']) } : undefined
}
