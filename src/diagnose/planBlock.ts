import type { PlanNode } from '../postgres/explain.ts'
import { display } from '../postgres/identifiers.ts'
import { excerpt } from '../syntax/excerpt.ts'
import { withoutLiterals } from '../syntax/withoutLiterals.ts'

/** One step of a plan, with what the planner expected and, where the statement was executed, what came. */
export interface PlanStep {
  /** `Index Scan using bookings_pkey on public.bookings` */
  what: string
  /** Of one loop, as the planner expected. */
  rows: number
  cost: number
  /** Rows and milliseconds of one loop. */
  real?: { rows: number; loops: number; ms: number }
  filter?: string
  steps: PlanStep[]
}

/** A statement, its plan, and what follows from it. */
export interface PlanBlock {
  kind: 'plan'
  head: string[]
  step: PlanStep
  foot: string[]
}

/** The plan without the literals of its conditions, which may be values of somebody's row. */
export function planStep(node: PlanNode): PlanStep {
  const { 'Relation Name': name, Schema: schema, 'Index Name': index, 'Actual Rows': rows } = node
  const relation = name === undefined ? undefined : schema === undefined ? name : display({ schema, name })
  return {
    what: `${node['Node Type']}${index === undefined ? '' : ` using ${index}`}${relation === undefined ? '' : ` on ${relation}`}`,
    rows: node['Plan Rows'],
    cost: Math.round(node['Total Cost']),
    ...(rows === undefined
      ? {}
      : { real: { rows, loops: node['Actual Loops'] ?? 1, ms: node['Actual Total Time'] ?? 0 } }),
    ...(node.Filter === undefined ? {} : { filter: excerpt(withoutLiterals(node.Filter)) }),
    steps: (node.Plans ?? []).map(planStep),
  }
}

/** The plan as an indented list: what is done to which relation, how many rows, at which cost. */
export function stepLines({ what, rows, cost, real, filter, steps }: PlanStep, depth: number): string[] {
  const came = real ? `, really ${real.rows} rows x ${real.loops} in ${real.ms.toFixed(1)} ms` : ''
  return [
    `${'  '.repeat(depth)}${what} (${rows} rows, cost ${cost}${came})`,
    ...(filter === undefined ? [] : [`${'  '.repeat(depth + 1)}filter: ${filter}`]),
    ...steps.flatMap((step) => stepLines(step, depth + 1)),
  ]
}
