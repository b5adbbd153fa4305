import { down } from './down.ts'
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
  return { ran: [...back.ran, ...again.ran], ...(again.failure ? { failure: again.failure } : {}) }
}
