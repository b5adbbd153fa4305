import { mirrorIsExact } from '../../conditions/mirrors.ts'
import { tableExists } from '../../conditions/tables.ts'
import type { WholeTable } from '../../catalog/wholeTable.ts'
import type { Operation } from '../../operations/operation.ts'
import { condition, work } from '../../operations/operation.ts'
import { operationTitle } from '../../operations/titles.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { display, qualified, quote } from '../../postgres/identifiers.ts'
import { unique } from '../../unique.ts'
import type { CopySubject } from './copySubject.ts'
import { mirrorKey, storedColumns } from './copySubject.ts'

/** Sessions that copy at once; a second one nearly doubles the rate, more than that clients would notice. */
export const workers = 2

/**
 * Copies the rows that were there before the mirror, in batches, and proves that the copy has exactly the table's rows.
 *
 * It walks the table page by page. A row that is changed meanwhile moves to another page, but then the mirror has copied it.
 * A batch locks its rows FOR SHARE: it waits for who is changing a row and copies what they made of it, and whoever
 * changes the row later waits for the end of the batch, so that the mirror finds the row. Rows that the mirror has written
 * already stay.
 *
 * ```sql
 * INSERT INTO bookings_copy (...) SELECT ... FROM bookings AS source WHERE {batch} FOR SHARE
 * ON CONFLICT (id, booking_date) DO NOTHING;
 * ```
 */
export function fillCopy(subject: CopySubject): Operation {
  const { table, key, copy, children, primaryKey } = subject
  const name = { schema: table.schema, name: table.name }
  const sql = copyRows(table, { from: table, to: copy, conflict: unique([...primaryKey, key]) })
  const whole = sql.replace('{batch}', 'true')
  return {
    ...work('partitionTable', 'fill', name, key),
    on: [table.schema, table.name],
    title: operationTitle('copy', 'rows', 'of', table.name),
    rule: 'partition_candidate',
    why:
      `The rows of ${display(table)} are copied in short transactions, while everybody works. Then counts and checksums ` +
      'of each range prove that the copy has the same rows.',
    up: [whole],
    batches: { [whole]: { table: name, key: ['ctid'], as: 'source', sql, workers } },
    down: children.map(
      ({ key: foreign }) =>
        `ALTER TABLE ${qualified(foreign.table)} VALIDATE CONSTRAINT ${quote(foreign.name)}`,
    ),
    before: [condition(tableExists, copy)],
    after: [condition(mirrorIsExact, name, copy, mirrorKey(subject))],
    noTransaction: 'The copy commits each batch.',
  }
}

/** @param conflict the columns by which a row is there already */
export function copyRows(
  table: WholeTable,
  { from, to, conflict }: { from: RelationName; to: RelationName; conflict: readonly string[] },
): string {
  const list = storedColumns(table).map(quote).join(', ')
  return (
    `INSERT INTO ${qualified(to)} (${list}) OVERRIDING SYSTEM VALUE\n` +
    `SELECT ${list} FROM ${qualified(from)} AS source WHERE {batch} FOR SHARE\n` +
    `ON CONFLICT (${conflict.map(quote).join(', ')}) DO NOTHING`
  )
}
