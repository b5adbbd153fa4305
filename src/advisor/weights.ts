import type { PlannedStatement } from './plannedStatement.ts'

/** A statement of a function, and a statement that calls it. */
export interface Call {
  caller: PlannedStatement
  called: PlannedStatement
}

/** A statement counts at most so many times more, or less, than its cost says: time is also waiting, for locks say. */
const mostScaled = 10

/**
 * What a unit of each statement's cost counts in the choice: how often it is sent, times how much longer a unit of it
 * takes than a unit of the workload does. So a statement counts by the time that it took, not by the planner's guess, as
 * far as it is within ten times of it. The unit of the workload is the weighted median of milliseconds per cost, so one
 * statement that is guessed wrong does not move the others.
 *
 * The statements of a function take their time in that of whoever calls it.
 *
 * @param costs of one call, with the indexes that exist
 */
export function weightsOf(
  costs: ReadonlyMap<PlannedStatement, number>,
  calls: readonly Call[],
): Map<PlannedStatement, number> {
  const inner = new Set(calls.map(({ called }) => called))
  const families = [...costs.keys()]
    .filter((statement) => !inner.has(statement))
    .map((statement) => {
      const members = withCalled(statement, calls)
      const cost = members.reduce((sum, member) => sum + (costs.get(member) ?? 0), 0)
      const { meanMs } = statement
      const perUnit = meanMs === undefined || meanMs <= 0 || cost <= 0 ? undefined : meanMs / cost
      return { statement, members, perUnit }
    })
  const unit = weightedMedian(
    families.flatMap(({ statement, perUnit }) =>
      perUnit === undefined ? [] : [{ value: perUnit, weight: statement.calls * (statement.meanMs ?? 0) }],
    ),
  )
  const weights = new Map<PlannedStatement, number>()
  for (const { statement, members, perUnit } of families) {
    const scale = perUnit === undefined ? 1 : Math.min(mostScaled, Math.max(1 / mostScaled, perUnit / unit))
    for (const member of members) {
      weights.set(member, (weights.get(member) ?? 0) + statement.calls * scale)
    }
  }
  return weights
}

/** The statement, and those of the functions that it calls, one within the other. */
function withCalled(statement: PlannedStatement, calls: readonly Call[]): PlannedStatement[] {
  const found = [statement]
  for (const member of found) {
    for (const { caller, called } of calls) {
      if (caller === member && !found.includes(called)) found.push(called)
    }
  }
  return found
}

/** The value below and above which lies half of the weight; 1 where there is none. */
function weightedMedian(entries: { value: number; weight: number }[]): number {
  const sorted = entries.toSorted((a, b) => a.value - b.value)
  let left = sorted.reduce((sum, { weight }) => sum + weight, 0) / 2
  for (const { value, weight } of sorted) {
    left -= weight
    if (left <= 0) return value
  }
  return 1
}
