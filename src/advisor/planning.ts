import type { PlannedStatement } from './plannedStatement.ts'

/** A statement that is planned for longer than it is executed. */
export interface MostlyPlanned {
  statement: PlannedStatement
  /** Milliseconds of one call on average. */
  planMs: number
  executionMs: number
}

/** Rare calls are not worth a change of the application. */
const leastCalls = 100
/** Share of the time of all statements that planning takes. */
const leastShare = 0.01

/**
 * Statements that should be prepared: most of their time is planning, as far as pg_stat_statements counts it
 * (`track_planning`). A prepared statement is planned some five times, and then not again.
 */
export function mostlyPlanned(statements: readonly PlannedStatement[]): MostlyPlanned[] {
  const all = statements.reduce(
    (sum, { calls, meanMs = 0, planMs = 0 }) => sum + calls * (meanMs + planMs),
    0,
  )
  return statements.flatMap((statement) => {
    const { calls, planMs = 0, meanMs: executionMs = 0 } = statement
    const isMost = planMs > executionMs && calls >= leastCalls && calls * planMs >= leastShare * all
    return isMost ? [{ statement, planMs, executionMs }] : []
  })
}
