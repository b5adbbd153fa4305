import { keptParts } from '../conditions/wholeTables.ts'
import type { Operation } from '../operations/operation.ts'
import { createPrivateSchema } from '../operations/createPrivateSchema.ts'
import { display, displayIdentifier } from '../postgres/identifiers.ts'
import { boundRows } from './boundRows.ts'
import { carryKey } from './childKeys.ts'
import { materializedViews } from './materializedViews.ts'
import type { HistorySubject } from './subject.ts'
import { helperSchema } from './subject.ts'
import { swap } from './swap.ts'
import { uniqueKeys } from './uniqueKeys.ts'
import { addPartitions } from './addPartitions.ts'
import { dropPartitions } from './dropPartitions.ts'
import { scheduleUpkeep } from './scheduleUpkeep.ts'
import { validateKeys } from './validate.ts'

/** What the series finds, and what was asked for beside the partitions themselves. */
export interface SeriesPlace {
  hasHelperSchema: boolean
  /** pg_cron is installed in this database, and we may use it. */
  hasCron: boolean
  /** How long rows are kept, such as `24 months`. */
  retention: string | undefined
}

/**
 * The migrations that partition a table while it is in use, in the order in which they run:
 *
 * 1. a place for helper functions, where there is none
 * 2. a check that every row lies below the cutoff
 * 3. the key in each table with a foreign key to it
 * 4. unique indexes with the key
 * 5. the swap, in one short transaction
 * 6. the materialized views made again, where there are some
 * 7. the foreign keys validated, statistics of the whole
 * 8. a function that makes partitions ahead
 * 9. a procedure that drops old ones, where a retention is declared
 * 10. both scheduled, where the database has pg_cron
 *
 * Each has its way back; all of them together leave the table as it was, with the rows that have come since.
 */
export async function seriesOf(subject: HistorySubject, place: SeriesPlace): Promise<Operation[]> {
  const { hasHelperSchema, hasCron, retention } = place
  const { table, key, children } = subject
  // An index that is added to the partitioned table does not stop its way back.
  const { indexes = '', ...digests } = keptParts(table, key, subject.added)
  const carried: Operation[] = []
  for (const child of children) carried.push(await carryKey(subject, child))
  const parts = [
    boundRows(subject),
    ...carried,
    await uniqueKeys(subject, digests),
    await swap(subject, digests, indexes),
    ...(subject.materializedViews.length === 0 ? [] : [await materializedViews(subject, digests)]),
    await validateKeys(subject),
  ]
  const series = `partition ${display(table)} by ${displayIdentifier(key)}`
  return [
    ...(hasHelperSchema ? [] : [createPrivateSchema(helperSchema)]),
    ...parts.map((operation) => ({ ...operation, series })),
    addPartitions(subject, subject.history),
    ...(retention === undefined ? [] : [dropPartitions(subject, retention)]),
    ...(hasCron ? [scheduleUpkeep(subject, retention)] : []),
  ]
}
