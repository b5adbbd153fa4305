import { mirrorIsExact } from '../../conditions/mirrors.ts'
import type { Operation } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import { operationTitle } from '../../operations/titles.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { refuseWayBack } from '../refuseWayBack.ts'
import type { CopySubject } from './copySubject.ts'
import { isPartitionedBy, mirrorKey } from './copySubject.ts'

/**
 * Validates the foreign keys that point to the partitioned table, while everybody works. Its last condition is the first
 * of the way back: the table as it was has every row.
 */
export function validateCopy(subject: CopySubject): Operation {
  const { table, key, before, children } = subject
  const name = { schema: table.schema, name: table.name }
  return {
    ...work('partitionTable', 'validateCopy', name, key),
    on: [table.schema, table.name],
    title: operationTitle('validate', 'keys', 'to', table.name),
    rule: 'partition_candidate',
    why:
      `The rows that are there are checked against the foreign keys to ${display(table)} now that it is partitioned, ` +
      `without a lock that anybody notices. Before the way back, ${display(before)} is compared with it.`,
    up: [
      ...children.map(
        ({ key: foreign }) =>
          `ALTER TABLE ${qualified(foreign.table)} VALIDATE CONSTRAINT ${quote(foreign.name)}`,
      ),
      `ANALYZE ${qualified(table)}`,
    ],
    down: [refuseWayBack(table)],
    before: [isPartitionedBy(subject)],
    after: [isPartitionedBy(subject), condition(mirrorIsExact, name, before, mirrorKey(subject))],
    noTransaction: 'Each check commits by itself.',
  }
}
