import type { Database } from '../postgres/database.ts'
import { readBlockSize } from '../catalog/bloat.ts'
import { NotSeen } from '../catalog/notSeen.ts'
import { listUserFunctionNames, readPlannedTables } from '../catalog/plannedTables.ts'
import type { StatementPlan } from '../catalog/statementPlan.ts'
import { explainGeneric } from '../catalog/statementPlan.ts'
import type { StatementStatistics } from '../catalog/statements.ts'
import { readStatements } from '../catalog/statements.ts'
import type { Cause, PlanSurroundings } from './slowQueryCauses.ts'
import { findCauses } from './slowQueryCauses.ts'

/** A statement that takes much time, with its plan where there is one. */
export interface ExplainedStatement {
  statement: StatementStatistics
  /** Of the total time of all statements, 0 to 1. */
  share: number
  isSlow: boolean
  /** Not slow, and yet most of what the server does. */
  isDominant: boolean
  plan: StatementPlan | undefined
  /** Why there is no plan. */
  notPlanned: string | undefined
  causes: Cause[]
}

/** Planning takes a few milliseconds each. Slow statements are explained beyond this number too. */
const mostExplained = 20
/** The target for the mean time of a statement. */
export const slowMs = 100
/** A statement that ran only once or twice, such as a migration, is not reported. */
export const leastCalls = 5
/** A statement with a smaller share of all time is not worth anybody's time. */
const leastShare = 0.01

/** Whether a statement is slow: its calls on average, often enough, and for a share of all time that matters. */
export function isSlow({ calls, meanMs, totalMs }: StatementStatistics, totalOfAllMs: number): boolean {
  return calls >= leastCalls && meanMs >= slowMs && totalMs >= leastShare * totalOfAllMs
}

/** From this share of all time even a fast statement is reported. */
const dominantShare = 0.3

/** Whether a fast statement is most of what the server does. On an idle server a large share is still little. */
export function isDominant({ calls, meanMs, totalMs }: StatementStatistics, totalOfAllMs: number): boolean {
  return calls >= leastCalls && totalMs >= dominantShare * totalOfAllMs && totalMs >= 60_000 && meanMs >= 1
}

/** The statements that take most time, and those whose calls are slow, each with plan and causes. */
export async function explainSlowStatements(db: Database): Promise<ExplainedStatement[]> {
  const { statements } = await readStatements(db)
  const total = statements.reduce((sum, { totalMs }) => sum + totalMs, 0)
  const surroundings = await readSurroundings(db)
  const worst = statements
    .filter(
      ({ calls, meanMs, totalMs }, position) =>
        calls >= leastCalls && (meanMs >= slowMs || (position < 5 && totalMs >= 0.05 * total)),
    )
    .filter((statement, position) => position < mostExplained || isSlow(statement, total))
  const explained: ExplainedStatement[] = []
  for (const statement of worst) {
    const planned = await planOrReason(db, statement)
    explained.push({
      statement,
      share: total === 0 ? 0 : statement.totalMs / total,
      isSlow: isSlow(statement, total),
      isDominant: isDominant(statement, total),
      ...planned,
      causes: findCauses(statement, planned.plan, surroundings),
    })
  }
  return explained
}

/** What must be known to judge plans. */
export async function readSurroundings(db: Database): Promise<PlanSurroundings> {
  return {
    ...(await readPlannedTables(db)),
    functions: await listUserFunctionNames(db),
    blockSize: await readBlockSize(db),
  }
}

async function planOrReason(
  db: Database,
  statement: StatementStatistics,
): Promise<Pick<ExplainedStatement, 'plan' | 'notPlanned'>> {
  try {
    return { plan: await explainGeneric(db, statement), notPlanned: undefined }
  } catch (error) {
    if (error instanceof NotSeen) return { plan: undefined, notPlanned: error.message }
    throw error
  }
}
