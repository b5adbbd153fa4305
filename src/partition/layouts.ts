import type { PartitionRange } from '../shadow/planner/partitions.ts'
import type { Every } from './intervals.ts'
import { beginOf, dayOf, later, parseMoment } from './intervals.ts'

/** A way to partition a table. */
export interface Layout {
  name: string
  partitions: PartitionRange[]
}

/** Partitions that are made ahead. */
const ahead = 3

/** More would take longer to plan than to read; a table with that many wants a longer interval. */
const mostIntervals = 1_000

/**
 * The two layouts that a table goes through. Zero-copy, it becomes one partition up to a cutoff, with new ones above; the
 * gain comes with time, as rows move out of what is asked for or arrive in partitions of their own. In the end, or at once
 * with a rewritten history, each interval is a partition.
 *
 * @param keys the first and the last key, and now, each of which ISO 8601 begins with: `2026-01-31`
 */
export function layoutsOf(keys: { first: string; last: string; now: string }, every: Every): Layout[] {
  const moment = (text: string): Date => parseMoment(text.slice(0, 10))
  const [first, last, now] = [moment(keys.first), moment(keys.last), moment(keys.now)]
  const cutoff = later(every, beginOf(every, last > now ? last : now), 1)
  const future = intervals(cutoff, ahead, every)
  const all: PartitionRange[] = []
  for (let begin = beginOf(every, first); begin < cutoff && all.length < mostIntervals;) {
    all.push(interval(every, begin))
    begin = later(every, begin, 1)
  }
  return [
    {
      name: 'right after the swap',
      partitions: [{ name: 'history', from: null, to: dayOf(cutoff) }, ...future],
    },
    { name: `every ${every} its own partition`, partitions: [...all, ...future] },
  ]
}

function intervals(start: Date, count: number, every: Every): PartitionRange[] {
  return Array.from({ length: count }, (_, at) => interval(every, later(every, start, at)))
}

/** The interval that begins there, named after its first day. */
function interval(every: Every, begin: Date): PartitionRange {
  const from = dayOf(begin)
  return { name: from, from, to: dayOf(later(every, begin, 1)) }
}
