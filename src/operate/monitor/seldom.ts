import type { MetricReader, Reading } from './reader.ts'

/** What takes the server some milliseconds and changes slowly is read so often. */
const seldomEveryMs = 300_000

/**
 * Makes readers read every five minutes only, and keep their last reading in between. In a round after the first one, at most
 * one of them reads, so that no round pays for all. A reader that fails is asked again in the next round.
 */
export function seldom(readers: readonly MetricReader[]): MetricReader[] {
  const last = new Map<MetricReader, { reading: Reading; at: number }>()
  let turnTakenAt = Number.NaN
  return readers.map((reader) => ({
    metrics: reader.metrics,
    async read(context) {
      const at = context.takenAt.getTime()
      const known = last.get(reader)
      // The clock may have been set back.
      const isDue = !known || Math.abs(at - known.at) >= seldomEveryMs
      if (known && (!isDue || turnTakenAt === at)) return known.reading
      if (known) turnTakenAt = at
      last.delete(reader)
      const reading = await reader.read(context)
      last.set(reader, { reading, at })
      return reading
    },
  }))
}
