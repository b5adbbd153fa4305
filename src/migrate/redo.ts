import { down } from './down.ts'
import { HoursEnded } from './failures.ts'
import type { Migration } from './migration.ts'
import type { RunOptions } from './runOptions.ts'
import type { Target } from './target.ts'
import type { RunResult } from './up.ts'
import { up } from './up.ts'

/** Takes applied migrations back (the newest by default) and applies them again. */
export async function redo(migrations: Migration[], target: Target, options: RunOptions): Promise<RunResult> {
  const back = await down(migrations, target, options)
  if (back.failure) return back
  const again = await up(migrations, { count: back.ran.length }, options)
  const failure =
    again.failure instanceof HoursEnded ? betweenBoth(again.failure, back, again) : again.failure
  return { ran: [...back.ran, ...again.ran], ...(failure ? { failure } : {}) }
}

/** The hours ended when some migrations were taken back and not yet applied again. */
function betweenBoth({ hours }: HoursEnded, back: RunResult, again: RunResult): HoursEnded {
  const done = [...back.ran, ...again.ran].map(({ name, direction }) => `${name} ${direction}`)
  const applied = new Set(again.ran.map(({ name }) => name))
  const left = back.ran.filter(({ name }) => !applied.has(name)).map(({ name }) => `${name} up`)
  return new HoursEnded(hours, { done, left: left.toReversed() })
}
