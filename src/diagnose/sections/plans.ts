import { NotSeen } from '../../catalog/notSeen.ts'
import type { PlanNode } from '../../postgres/explain.ts'
import { explainAnalyzed } from '../../catalog/statementPlan.ts'
import type { ExplainedStatement } from '../../workload/slowStatements.ts'
import { explainSlowStatements, readSurroundings } from '../../workload/slowStatements.ts'
import { findCauses } from '../../workload/slowQueryCauses.ts'
import { excerpt } from '../../syntax/excerpt.ts'
import type { Block } from '../block.ts'
import { textBlock } from '../block.ts'
import { planStep } from '../planBlock.ts'
import type { Section, SectionContext } from '../section.ts'
import { attempt } from '../../catalog/attempt.ts'

/** The worst statements, each with its plan, the causes it shows and their fixes. */
export const plans: Section = {
  id: 'plans',
  title: 'Plans of the worst statements',
  async look(context) {
    const explained = await context.read(explainSlowStatements)
    if (explained.length === 0) return { blocks: [textBlock('No statement stands out.')] }
    const blocks: Block[] = []
    for (const one of explained) blocks.push(await describe(one, context))
    return { blocks }
  },
}

async function describe(explained: ExplainedStatement, context: SectionContext): Promise<Block> {
  const { statement, plan, notPlanned } = explained
  const head = [
    `${statement.id}  ${excerpt(statement.text)}`,
    `  ${Math.round(statement.calls)} calls, ${statement.meanMs.toPrecision(3)} ms each, role ${statement.role ?? 'unknown'}`,
  ]
  const foot = (causes: ExplainedStatement['causes']): string[] =>
    causes.length === 0
      ? ['  Neither counters nor plan name a cause.']
      : causes.flatMap(({ detail, cure, kind }) => [`  Cause (${kind}): ${detail}.`, `  Cure: ${cure}`])
  if (!plan) {
    return textBlock(...head, `  No plan: ${notPlanned ?? 'unknown'}.`, ...foot(explained.causes))
  }
  const analyzed = context.analyze ? await analyze(explained, context) : undefined
  if (typeof analyzed === 'object') {
    const causes = findCauses(statement, plan, await context.read(readSurroundings), analyzed)
    head.push("  Executed, without any user's claims, and rolled back:")
    return { kind: 'plan', head, step: planStep(analyzed), foot: foot(causes) }
  }
  if (analyzed !== undefined) head.push(`  Not executed: ${analyzed}.`)
  head.push(
    `  Plan for any parameters (estimated)${plan.asRole ? '' : ', without the policies of its role, which we may not act as'}:`,
  )
  return { kind: 'plan', head, step: planStep(plan.root), foot: foot(explained.causes) }
}

/** The plan with real rows, or why the statement was not executed. */
async function analyze(
  { statement, plan }: ExplainedStatement,
  context: SectionContext,
): Promise<PlanNode | string> {
  if (plan?.writes) return 'it writes or locks rows, and the snapshot is read-only; see --allow-writes'
  const outcome = await attempt(context.db, () => explainAnalyzed(context.db, statement))
  if (outcome.status === 'ok') return outcome.value
  return outcome.error instanceof NotSeen ? outcome.error.message : outcome.reason
}
