import { countKeyValues, findKeyValue, hasNulls, listKeyValues } from '../../catalog/keyValues.ts'
import type { Split } from '../../catalog/partitions.ts'
import { readKeyRange } from '../../catalog/rowsBeyond.ts'
import type { WholeTable } from '../../catalog/wholeTable.ts'
import { UsageError } from '../../errors.ts'
import type { Database } from '../../postgres/database.ts'
import { display, displayIdentifier } from '../../postgres/identifiers.ts'
import { isKeyType, parseMoment } from '../intervals.ts'
import type { Obstacle } from '../obstacles.ts'
import { literal } from '../remake.ts'
import type { AbsentKey } from '../subject.ts'
import { absentMoment } from '../subject.ts'
import type { PartitionBound } from './bounds.ts'
import { hashBounds, listBounds, mostPartitions, mostValues, partitionBounds, rangeBounds } from './bounds.ts'

/** The partitions that the rows of a table want, and the key of a row that is not there. */
export interface FoundBounds {
  bounds: PartitionBound[]
  absent: AbsentKey
}

/** What its rows want to be copied into, or why there is no such thing. */
export async function readBounds(
  db: Database,
  { table, key, keyType }: { table: WholeTable; key: string; keyType: string },
  { split, ahead }: { split: Split; ahead: number },
): Promise<FoundBounds | Obstacle> {
  const name = `${display(table)}.${displayIdentifier(key)}`
  const stop = (reason: string): Obstacle => ({ name, reason, acceptable: false })
  if ('every' in split) {
    const { first, last, hasNulls: lacks } = await readKeyRange(db, table, key)
    if (lacks) return stop(noValue)
    const [earliest, latest] = [first, last].map((each) => (each === null ? undefined : parseMoment(each)))
    const { every } = split
    const intervals = partitionBounds(every, { first: earliest, last: latest, now: new Date(), ahead })
    if (intervals.length > mostPartitions) {
      throw new UsageError(
        `From the first row on there would be more than ${mostPartitions} partitions, one for each ${every}.`,
        'Take a longer interval with --every, or look for rows with impossible dates.',
      )
    }
    if (!isKeyType(keyType)) throw new Error(`${keyType} has no intervals`)
    return { bounds: rangeBounds(every, keyType, intervals), absent: absentMoment }
  }
  const asKey = (value: string): AbsentKey => ({ literal: `${literal(value)}::${keyType}`, isUsed: true })
  if (split.by === 'hash') {
    const mayLack = table.columns.some(({ name: column, notNull }) => column === key && !notNull)
    if (mayLack && (await hasNulls(db, table, key))) return stop(noValue)
    const value = await findKeyValue(db, table, key)
    if (value === null) return stop(noRows)
    return { bounds: hashBounds(split.modulus), absent: asKey(value) }
  }
  const found = await listKeyValues(db, table, key, mostValues + 2)
  const values = found.flatMap(({ value, rows }) => (value === null ? [] : [{ value, rows }]))
  if (values.length > mostValues) {
    const count = await countKeyValues(db, table, key)
    return stop(
      `it has ${count.toLocaleString('en')} values, and a list at most ${mostValues}; take --by hash`,
    )
  }
  if (values.length < found.length) return stop(noValue)
  const [rarest] = [...values].sort((one, other) => one.rows - other.rows)
  if (!rarest) return stop(noRows)
  return { bounds: listBounds(values.map(({ value }) => value)), absent: asKey(rarest.value) }
}

export const noValue = 'some rows have no value there, and fit no partition; give them one first'
const noRows = 'the table has no rows, and so nothing to copy; make a partitioned table in its place'
