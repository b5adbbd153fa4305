import { constraintIsAbsent } from '../conditions/constraints.ts'
import { columnIsBelow } from '../conditions/rows.ts'
import type { Operation } from '../operations/operation.ts'
import { condition, work } from '../operations/operation.ts'
import { operationTitle } from '../operations/titles.ts'
import { display, qualified, quote } from '../postgres/identifiers.ts'
import { literalOf } from './intervals.ts'
import type { HistorySubject } from './subject.ts'

/**
 * Proves that every row lies below the cutoff, so that the table can become a partition without being read again.
 *
 * ```sql
 * ALTER TABLE bookings ADD CONSTRAINT bookings_booking_date_bound
 *   CHECK (booking_date IS NOT NULL AND booking_date < '2027-03-01') NOT VALID;
 * ALTER TABLE bookings VALIDATE CONSTRAINT bookings_booking_date_bound;
 * ```
 */
export function boundRows({ table, key, keyType, cutoff, bound }: HistorySubject): Operation {
  const limit = literalOf(keyType, cutoff)
  const alter = `ALTER TABLE ${qualified(table)}`
  const name = { schema: table.schema, name: table.name }
  return {
    ...work('partitionTable', 'bound', name, key, limit),
    on: [table.schema, table.name],
    title: operationTitle('bound', table.name, key),
    rule: 'partition_candidate',
    why:
      `${display(table)} is to be partitioned by ${key}. The rows that are there stay where they are and become the ` +
      `partition below ${limit}; with this check PostgreSQL need not read them for it. Until then, rows from ${limit} on are refused.`,
    up: [
      `${alter} ADD CONSTRAINT ${quote(bound)} CHECK (${quote(key)} IS NOT NULL AND ${quote(key)} < ${limit}) NOT VALID`,
      `${alter} VALIDATE CONSTRAINT ${quote(bound)}`,
    ],
    // On the way back from partitions it is gone already: rows may lie beyond it by then.
    down: [`${alter} DROP CONSTRAINT IF EXISTS ${quote(bound)}`],
    before: [
      condition(constraintIsAbsent, name, bound),
      condition(columnIsBelow, name, key, limit.slice(1, -1)),
    ],
    after: [],
    noTransaction: 'VALIDATE reads the whole table, and must not hold the lock of ADD CONSTRAINT meanwhile.',
  }
}
