import { duration } from '../report/units.ts'
import type { Terminal } from './terminal.ts'

/** How far a step is. */
interface Part {
  done: number
  of: number
}

/** Sooner than that, the first parts say little about the others. */
const soonestMs = 1_000

/**
 * Shows the steps of a long work on the progress line: `about 40 s left: planning 12 of 78: search_city`. The time that is
 * left in a step follows from its parts that are done.
 */
export function stepProgress(
  terminal: Terminal,
  now: () => number = () => performance.now(),
): (text: string, part?: Part) => void {
  let begun = now()
  let last: Part | undefined
  return (text, part) => {
    if (!part || !last || part.of !== last.of || part.done < last.done) begun = now()
    last = part
    const took = now() - begun
    const left = part && part.done > 0 && took >= soonestMs ? (took / part.done) * (part.of - part.done) : 0
    terminal.progress(left > 0 ? `about ${duration(Math.ceil(left / 1_000) * 1_000)} left: ${text}` : text)
  }
}
