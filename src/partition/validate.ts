import { tableIsPartitionedBy } from '../conditions/wholeTables.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { editIndex } from './editSql.ts'
import { otherKeys, ownKeys, takeOwnKeysOver } from './ownKeys.ts'
import { refuseWayBack } from './refuseWayBack.ts'
import type { Subject } from './subject.ts'

/**
 * Validates the foreign keys that point to the partitioned table, while everybody works, and takes statistics of it as a
 * whole, which autovacuum does not. `down` is the beginning of the way back: it builds the unique indexes again that the
 * table had, on the history partition.
 */
export async function validateKeys(subject: Subject): Promise<Operation> {
  const { table, key, history, unique } = subject
  const name = { schema: table.schema, name: table.name }
  const builds: string[] = []
  for (const { index, restored, constraint } of unique) {
    if (constraint.kind !== 'p') continue
    builds.push(await editIndex(index.definition, { name: restored, table: history, concurrently: true }))
  }
  return {
    ...work('partitionTable', 'validate', name, key),
    on: [table.schema, table.name],
    title: operationTitle('validate', 'keys', 'to', table.name),
    rule: 'partition_candidate',
    why:
      `The rows that are there are checked against the foreign keys to ${display(table)} now that it is partitioned, ` +
      'without a lock that anybody notices, and the planner gets statistics of the table as a whole.',
    up: [
      // An interrupted way back may have left them.
      ...unique.map(
        ({ restored }) => `DROP INDEX CONCURRENTLY IF EXISTS ${qualified({ ...name, name: restored })}`,
      ),
      ...otherKeys(subject).map(
        ({ key: foreign }) =>
          `ALTER TABLE ${qualified(foreign.table)} VALIDATE CONSTRAINT ${quote(foreign.name)}`,
      ),
      ...ownKeys(subject).map(
        ({ key: foreign }) => `ALTER TABLE ${qualified(history)} VALIDATE CONSTRAINT ${quote(foreign.name)}`,
      ),
      ...takeOwnKeysOver(subject),
      `ANALYZE ${qualified(table)}`,
    ],
    down: [refuseWayBack(subject.table, subject.history), ...builds],
    before: [condition(tableIsPartitionedBy, name, key)],
    after: [],
    noTransaction: 'Each check commits by itself.',
  }
}
