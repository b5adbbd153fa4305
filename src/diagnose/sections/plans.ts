import { display } from '../../postgres/identifiers.ts'
import { NotSeen } from '../../catalog/notSeen.ts'
import type { PlanNode } from '../../postgres/explain.ts'
import { explainAnalyzed } from '../../catalog/statementPlan.ts'
import type { ExplainedStatement } from '../../workload/slowStatements.ts'
import { explainSlowStatements, readSurroundings } from '../../workload/slowStatements.ts'
import { findCauses } from '../../workload/slowQueryCauses.ts'
import { excerpt } from '../../syntax/excerpt.ts'
import type { Block } from '../block.ts'
import { textBlock } from '../block.ts'
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
  const lines = [
    `${statement.id}  ${excerpt(statement.text)}`,
    `  ${Math.round(statement.calls)} calls, ${statement.meanMs.toPrecision(3)} ms each, role ${statement.role ?? 'unknown'}`,
  ]
  let causes = explained.causes
  if (plan) {
    const analyzed = context.analyze ? await analyze(explained, context) : undefined
    if (typeof analyzed === 'string') lines.push(`  Not executed: ${analyzed}.`)
    const root = typeof analyzed === 'object' ? analyzed : plan.root
    if (typeof analyzed === 'object') {
      causes = findCauses(statement, plan, await context.read(readSurroundings), analyzed)
    }
    lines.push(
      typeof analyzed === 'object'
        ? "  Executed, without any user's claims, and rolled back:"
        : `  Plan for any parameters (estimated)${plan.asRole ? '' : ', without the policies of its role, which we may not act as'}:`,
      ...nodeLines(root, 2),
    )
  } else lines.push(`  No plan: ${notPlanned ?? 'unknown'}.`)
  if (causes.length === 0) lines.push('  Neither counters nor plan name a cause.')
  for (const { detail, cure, kind } of causes) lines.push(`  Cause (${kind}): ${detail}.`, `  Cure: ${cure}`)
  return textBlock(...lines)
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

/** The plan as an indented list: what is done to which relation, how many rows, at which cost. */
export function nodeLines(node: PlanNode, depth: number): string[] {
  const relation =
    node['Relation Name'] === undefined
      ? ''
      : ` on ${node.Schema === undefined ? node['Relation Name'] : display({ schema: node.Schema, name: node['Relation Name'] })}`
  const index = node['Index Name'] === undefined ? '' : ` using ${node['Index Name']}`
  const real =
    node['Actual Rows'] === undefined
      ? ''
      : `, really ${node['Actual Rows']} rows x ${node['Actual Loops'] ?? 1} in ${(node['Actual Total Time'] ?? 0).toFixed(1)} ms`
  const filter = node.Filter === undefined ? [] : [`${'  '.repeat(depth + 1)}filter: ${excerpt(node.Filter)}`]
  return [
    `${'  '.repeat(depth)}${node['Node Type']}${index}${relation} (${node['Plan Rows']} rows, cost ${Math.round(node['Total Cost'])}${real})`,
    ...filter,
    ...(node.Plans ?? []).flatMap((child) => nodeLines(child, depth + 1)),
  ]
}
