import { keptParts } from '../../conditions/wholeTables.ts'
import { createPrivateSchema } from '../../operations/createPrivateSchema.ts'
import type { Operation } from '../../operations/operation.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { addPartitions } from '../addPartitions.ts'
import { carryKey } from '../childKeys.ts'
import type { Before } from '../dropPartitions.ts'
import { dropPartitions } from '../dropPartitions.ts'
import { scheduleUpkeep } from '../scheduleUpkeep.ts'
import type { SeriesPlace } from '../series.ts'
import type { RangeSubject } from '../subject.ts'
import { helperSchema } from '../subject.ts'
import type { CopySubject } from './copySubject.ts'
import { asRange } from './copySubject.ts'
import { createCopy } from './createCopy.ts'
import { fillCopy } from './fillCopy.ts'
import { finishCopy } from './finishCopy.ts'
import { swapCopy } from './swapCopy.ts'
import { validateCopy } from './validateCopy.ts'

/**
 * The migrations that copy a table into partitions while it is in use, in the order in which they run:
 *
 * 1. a place for helper functions, where there is none
 * 2. the key in each table with a foreign key to it
 * 3. the copy, empty, with triggers that write each change into it
 * 4. the rows, in batches, and the proof that both tables have the same
 * 5. the other indexes and foreign keys of the copy
 * 6. the swap, in one short transaction; from then on the old table mirrors the new one
 * 7. the foreign keys validated
 * 8. upkeep of intervals, as in the other way; lists and hashes have none
 *
 * The old table goes by a migration that is written later, on request: see `cleanUp`.
 */
export async function copySeriesOf(subject: CopySubject, place: SeriesPlace): Promise<Operation[]> {
  const { table, key, children } = subject
  // Indexes of a partitioned table read differently: they are compared before the swap only.
  const { indexes = '', ...digests } = keptParts(table, key, subject.added)
  const carried: Operation[] = []
  for (const child of children) carried.push(await carryKey(subject, child))
  const parts = [
    ...carried,
    await createCopy(subject, digests),
    fillCopy(subject),
    await finishCopy(subject),
    await swapCopy(subject, digests, indexes),
    validateCopy(subject),
  ]
  const range = asRange(subject)
  const series = `partition ${display(table)} by ${displayIdentifier(key)}`
  return [
    ...(place.hasHelperSchema ? [] : [createPrivateSchema(helperSchema)]),
    ...parts.map((operation) => ({ ...operation, series })),
    ...(range ? upkeepOf(range, place, { name: subject.before, primaryKey: subject.primaryKey }) : []),
  ]
}

function upkeepOf(subject: RangeSubject, { retention, hasCron }: SeriesPlace, before: Before): Operation[] {
  return [
    addPartitions(subject),
    ...(retention === undefined ? [] : [dropPartitions(subject, retention, before)]),
    ...(hasCron ? [scheduleUpkeep(subject, retention)] : []),
  ]
}
