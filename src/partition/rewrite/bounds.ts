import type { Every, KeyType } from '../intervals.ts'
import { beginOf, later, literalOf, suffixOf } from '../intervals.ts'
import { literal } from '../remake.ts'

/** What a partition of the copy holds. */
export interface PartitionBound {
  /** The end of its name. */
  suffix: string
  /** `FOR VALUES ...`, as SQL writes it; `DEFAULT` for whatever fits no other. */
  bound: string
}

/** Of intervals: more would take long to plan and to lock. */
export const mostPartitions = 1_000

/** Of a list: a partition for each of more values is better one of a hash. */
export const mostValues = 100

export const rest: PartitionBound = { suffix: 'default', bound: 'DEFAULT' }

/** What holds the rows of the copy: from the first row to so many intervals beyond the last one, or beyond now. */
export function partitionBounds(
  every: Every,
  { first, last, now, ahead }: { first: Date | undefined; last: Date | undefined; now: Date; ahead: number },
): { from: Date; to: Date }[] {
  const highest = last && last > now ? last : now
  const end = later(every, beginOf(every, highest), 1 + ahead)
  const bounds: { from: Date; to: Date }[] = []
  for (let from = beginOf(every, first ?? now); from < end && bounds.length <= mostPartitions;) {
    const to = later(every, from, 1)
    bounds.push({ from, to })
    from = to
  }
  return bounds
}

/** `FOR VALUES FROM ('2026-12-01') TO ('2027-01-01')` for each interval, and the rest. */
export function rangeBounds(
  every: Every,
  keyType: KeyType,
  intervals: readonly { from: Date; to: Date }[],
): PartitionBound[] {
  const ranges = intervals.map(({ from, to }) => ({
    suffix: suffixOf(every, from),
    bound: `FOR VALUES FROM (${literalOf(keyType, from)}) TO (${literalOf(keyType, to)})`,
  }))
  return [...ranges, rest]
}

/** `FOR VALUES IN ('eu')` for each value, and the rest for values to come. */
export function listBounds(values: readonly string[]): PartitionBound[] {
  const sorted = [...values].sort((one, other) => one.localeCompare(other, 'en', { numeric: true }))
  const lists = sorted.map((value) => ({
    suffix: suffixOfValue(value),
    bound: `FOR VALUES IN (${literal(value)})`,
  }))
  return [...lists, rest]
}

/** `FOR VALUES WITH (MODULUS 16, REMAINDER 3)` for each remainder; no value is left over. */
export function hashBounds(modulus: number): PartitionBound[] {
  const digits = `${modulus - 1}`.length
  return Array.from({ length: modulus }, (_, remainder) => ({
    suffix: `part_${`${remainder}`.padStart(digits, '0')}`,
    bound: `FOR VALUES WITH (MODULUS ${modulus}, REMAINDER ${remainder})`,
  }))
}

/** As much of a value as the end of a name can show: a uuid whole, and some of the table's name before it. */
const mostBytes = 36

/** Letters and digits of the value: `North-East 1` -> `north_east_1`. Values that look alike get a number as well. */
function suffixOfValue(value: string): string {
  const words = value.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  let text = words.join('_') || 'other'
  while (Buffer.byteLength(text) > mostBytes) text = Array.from(text).slice(0, -1).join('')
  return text
}
