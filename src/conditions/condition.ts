import type { Database } from '../postgres/database.ts'

/** What a condition found. `expected` and `actual` complete the sentences "expected ..." and "found ...". */
export type Verdict = { holds: true } | { holds: false; expected: string; actual: string }

/**
 * A fact about the live catalog that holds or does not. A migration may bring its own: any object of
 * this shape will do. `check` runs read-only, inside the migration's transaction where it has one.
 */
export interface Condition {
  /** A sentence that is true when the condition holds: `index public.a_b_idx is valid`. */
  description: string
  check(db: Database): Promise<Verdict>
  /**
   * Set if the answer depends on the current rows (a plan, a count) and not on the schema alone. Such a condition is
   * checked on the way up and by `verify`, but never blocks `down`. In `before` it may take long: it is checked once,
   * before the migration's transaction begins.
   */
  dependsOnData?: boolean
  /**
   * Set if somebody may change the answer before the migration holds its locks, and the change would be lost. It is
   * checked once more when the migration's first statement, which takes them, has run.
   */
  againUnderLock?: boolean
  /** Set if it reads whole tables, which may take long: it has no time limit. It must not run where a lock is held. */
  readsWholeTables?: boolean
}

/** What a migration is expected to bring, as the counters or the planner had it when the file was written. */
export interface Gain {
  /** What its findings cost in each hour, in milliseconds. */
  msPerHour?: number
  /** What it gives back. */
  bytes?: number
  /** What the planner's costs of the statements that it serves add up to, over their calls. */
  costBefore?: number
  costAfter?: number
}

/** The extra export of a migration file: why it is there, and what holds before and after it. */
export interface Optimization {
  /** For the reviewer: which query or policy is slow and why this fixes it. */
  why: string
  /** The rule that the migration answers, such as `missing_index`. */
  rule: string
  /** Ids of what it does, from `optimize`, which does not write again what a pending file does. */
  operations?: string[]
  /** Absent where no figure was known. */
  gain?: Gain
  /**
   * Migrations of one series follow one another, and leave the schema as it was only when all of them are taken back: the
   * way back of one may leave work to those before it.
   */
  series?: string
  /** Holds before `up`, and again after `down`. */
  before: Condition[]
  /** Holds after `up`, and before `down`. */
  after: Condition[]
}

export const holds: Verdict = { holds: true }

export function fails(expected: string, actual: string): Verdict {
  return { holds: false, expected, actual }
}
