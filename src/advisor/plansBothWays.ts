import type { PlanNode } from '../postgres/explain.ts'
import type { Decision } from './decision.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import type { WhatIf } from './whatIf.ts'

/** A statement's plans for its first arguments. */
export interface BothPlans {
  before: PlanNode
  after: PlanNode
}

/** The plan of each statement with the indexes of today, and with those that are to be there. */
export async function planBothWays(
  whatIf: WhatIf,
  { statements: costed, today, chosen }: Decision,
): Promise<Map<PlannedStatement, BothPlans>> {
  const statements = costed.map(({ statement }) => statement)
  // One side after the other: it is slow to show and hide indexes.
  const before = await planAll(whatIf, statements, today)
  const after = await planAll(whatIf, statements, chosen)
  return new Map(
    statements.flatMap((statement) => {
      const [one, other] = [before.get(statement), after.get(statement)]
      return one && other ? [[statement, { before: one, after: other }] as const] : []
    }),
  )
}

async function planAll(
  whatIf: WhatIf,
  statements: readonly PlannedStatement[],
  there: ReadonlySet<number>,
): Promise<Map<PlannedStatement, PlanNode>> {
  const plans = new Map<PlannedStatement, PlanNode>()
  for (const statement of statements) {
    const { root } = await whatIf.plan(statement, statement.args[0] ?? [], there)
    plans.set(statement, root)
  }
  return plans
}
