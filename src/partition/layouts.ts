import type { PartitionRange } from '../shadow/planner/partitions.ts'

/** How long the keys of one partition span. */
export type Every = 'day' | 'week' | 'month' | 'year'

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
 * with `--rewrite-history`, each interval is a partition.
 *
 * @param keys the first and the last key, and now, each of which ISO 8601 begins with: `2026-01-31`
 */
export function layoutsOf(keys: { first: string; last: string; now: string }, every: Every): Layout[] {
  const last = keys.last > keys.now ? keys.last : keys.now
  const cutoff = next(startOf(last, every), every)
  const future = intervals(cutoff, ahead, every)
  const all: PartitionRange[] = []
  for (let from = startOf(keys.first, every); from < cutoff && all.length < mostIntervals;) {
    const to = next(from, every)
    all.push({ name: from, from, to })
    from = to
  }
  return [
    { name: 'right after the swap', partitions: [{ name: 'history', from: null, to: cutoff }, ...future] },
    { name: `every ${every} its own partition`, partitions: [...all, ...future] },
  ]
}

function intervals(start: string, count: number, every: Every): PartitionRange[] {
  const found: PartitionRange[] = []
  let from = start
  for (let at = 0; at < count; at += 1) {
    const to = next(from, every)
    found.push({ name: from, from, to })
    from = to
  }
  return found
}

/** The first day of the interval that a day is in; weeks begin on Monday. */
function startOf(day: string, every: Every): string {
  const date = dateOf(day)
  if (every === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  if (every === 'month' || every === 'year') date.setUTCDate(1)
  if (every === 'year') date.setUTCMonth(0)
  return textOf(date)
}

function next(start: string, every: Every): string {
  const date = dateOf(start)
  if (every === 'day') date.setUTCDate(date.getUTCDate() + 1)
  if (every === 'week') date.setUTCDate(date.getUTCDate() + 7)
  if (every === 'month') date.setUTCMonth(date.getUTCMonth() + 1)
  if (every === 'year') date.setUTCFullYear(date.getUTCFullYear() + 1)
  return textOf(date)
}

const dateOf = (day: string): Date => new Date(`${day.slice(0, 10)}T00:00:00Z`)
const textOf = (date: Date): string => date.toISOString().slice(0, 10)
