import { tableExists } from '../../conditions/tables.ts'
import type { WholeConstraint } from '../../catalog/wholeTable.ts'
import { commentOn } from '../../operations/comment.ts'
import type { Operation } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import { operationTitle } from '../../operations/titles.ts'
import { dollarQuote } from '../../postgres/dollarQuote.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { editIndex } from '../editSql.ts'
import { politely } from '../lockPolitely.ts'
import type { CopySubject } from './copySubject.ts'

/**
 * Gives the copy its other indexes and its foreign keys, partition by partition: so the copy of the rows was not slowed
 * down by them. PostgreSQL then finds them on every partition, and builds and validates nothing for the whole.
 *
 * ```sql
 * CREATE INDEX CONCURRENTLY bookings_2026_12_status_idx ON bookings_2026_12 (status); -- for each partition
 * CREATE INDEX bookings_status_idx_copy ON bookings_copy (status);
 * ALTER TABLE bookings_2026_12 ADD CONSTRAINT bookings_customer_id_fkey FOREIGN KEY ... NOT VALID;
 * ALTER TABLE bookings_2026_12 VALIDATE CONSTRAINT bookings_customer_id_fkey;
 * ALTER TABLE bookings_copy ADD CONSTRAINT bookings_customer_id_fkey FOREIGN KEY ...;
 * ```
 */
export async function finishCopy(subject: CopySubject): Promise<Operation> {
  const { table, key, copy, indexes } = subject
  const keys = table.constraints.filter(({ kind }) => kind === 'f')
  const builds: string[] = []
  for (const { index, onCopy, onLeaves } of indexes) {
    for (const [leaf, name] of onLeaves) {
      const on = { schema: table.schema, name: leaf }
      builds.push(await editIndex(index.definition, { name, table: on, concurrently: true }))
    }
    builds.push(await editIndex(index.definition, { name: onCopy, table: copy }))
    builds.push(...commentOn(`INDEX ${qualified({ schema: table.schema, name: onCopy })}`, index.comment))
  }
  return {
    ...work('partitionTable', 'finish', table.schema, table.name, key),
    on: [table.schema, table.name],
    title: operationTitle('index', 'copy', 'of', table.name),
    rule: 'partition_candidate',
    why:
      `The copy of ${display(table)} gets the other indexes and the foreign keys of the table, partition by partition, ` +
      'and the planner gets its statistics.',
    up: [
      ...builds,
      ...keys.flatMap((foreign) => addForeignKey(subject, foreign)),
      `ANALYZE ${qualified(copy)}`,
    ],
    down: [
      ...keys.map(({ name }) => `ALTER TABLE ${qualified(copy)} DROP CONSTRAINT ${quote(name)}`),
      ...indexes.map(({ onCopy }) => `DROP INDEX ${qualified({ schema: table.schema, name: onCopy })}`),
    ],
    before: [condition(tableExists, copy)],
    after: [],
    noTransaction: 'CREATE INDEX CONCURRENTLY cannot run inside one.',
  }
}

/** The partitions get it all at once: it locks the table that it points to. */
function addForeignKey(subject: CopySubject, { name, definition, comment }: WholeConstraint): string[] {
  const { copy } = subject
  const leaves = subject.partitions.map(({ leaf }) => qualified(leaf))
  const add = (on: string) => `ALTER TABLE ${on} ADD CONSTRAINT ${quote(name)} ${definition}`
  const all = politely(leaves.map((leaf) => `${add(leaf)} NOT VALID;`).join('\n      '))
  return [
    `DO ${dollarQuote(`\n${all}\n`)}`,
    ...leaves.map((leaf) => `ALTER TABLE ${leaf} VALIDATE CONSTRAINT ${quote(name)}`),
    add(qualified(copy)),
    ...commentOn(`CONSTRAINT ${quote(name)} ON ${qualified(copy)}`, comment),
  ]
}
