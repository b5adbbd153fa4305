import type { PlanNode } from '../postgres/explain.ts'

/** How often a plan does each of the five things that the planner charges for. */
export interface Work {
  sequentialPages: number
  randomPages: number
  tuples: number
  indexTuples: number
  operators: number
}

/** A node of a plan with its work, as the planner counts it: that of the nodes below is part of it. */
export interface CountedNode {
  node: PlanNode
  /** Until the first row, and until the last. */
  startup: Work
  total: Work
  children: CountedNode[]
}

const priceOf = {
  sequentialPages: 'seq_page_cost',
  randomPages: 'random_page_cost',
  tuples: 'cpu_tuple_cost',
  indexTuples: 'cpu_index_tuple_cost',
  operators: 'cpu_operator_cost',
} as const satisfies Record<keyof Work, string>

/** Prices beside the five: with all of them raised alike the planner chooses the same. */
const otherPrices = ['parallel_tuple_cost', 'parallel_setup_cost'] as const

/** The names of the settings that say what the planner charges. */
export const priceSettings: readonly string[] = [...Object.values(priceOf), ...otherPrices]

/** EXPLAIN prints two decimals: with prices a thousand times as high they are enough. */
const scale = 1_000
/** A price is raised by so little that the plan stays the same. */
const raises = [1.01, 1.0005]

/**
 * Counts the work of a plan. Its cost is a sum of products, a price and how often it is paid; so each of the five counts is
 * what the cost grows by when its price grows.
 *
 * @param prices the values of `priceSettings` that hold for the statement
 * @param plan the statement under other settings
 * @returns undefined where the planner chooses another plan as soon as a price is raised
 */
export async function countWork(
  prices: ReadonlyMap<string, number>,
  plan: (settings: Record<string, string>) => Promise<PlanNode>,
): Promise<CountedNode | undefined> {
  const raised = (by: Record<string, number>): Record<string, string> =>
    Object.fromEntries(
      priceSettings.map((name) => [name, `${(prices.get(name) ?? 0) * scale * (by[name] ?? 1)}`]),
    )
  const base = await plan(raised({}))
  const others: Partial<Record<keyof Work, { plan: PlanNode; rise: number }>> = {}
  for (const [kind, name] of Object.entries(priceOf) as [keyof Work, string][]) {
    const price = prices.get(name) ?? 0
    if (price === 0) continue
    for (const raise of raises) {
      const other = await plan(raised({ [name]: raise }))
      if (!isSamePlan(base, other)) continue
      others[kind] = { plan: other, rise: price * scale * (raise - 1) }
      break
    }
    if (!others[kind]) return undefined
  }
  return compare(
    base,
    Object.entries(others).map(([kind, { plan: other, rise }]) => ({
      kind: kind as keyof Work,
      other,
      rise,
    })),
  )
}

function compare(
  base: PlanNode,
  others: readonly { kind: keyof Work; other: PlanNode; rise: number }[],
): CountedNode {
  const startup = noWork()
  const total = noWork()
  for (const { kind, other, rise } of others) {
    startup[kind] = Math.max(0, (other['Startup Cost'] - base['Startup Cost']) / rise)
    total[kind] = Math.max(0, (other['Total Cost'] - base['Total Cost']) / rise)
  }
  const children = (base.Plans ?? []).map((child, at) =>
    compare(
      child,
      others.map(({ kind, other, rise }) => ({ kind, rise, other: other.Plans?.[at] ?? child })),
    ),
  )
  return { node: base, startup, total, children }
}

export function noWork(): Work {
  return { sequentialPages: 0, randomPages: 0, tuples: 0, indexTuples: 0, operators: 0 }
}

/** `one + factor * other`. */
export function addWork(one: Work, other: Work, factor = 1): Work {
  return {
    sequentialPages: one.sequentialPages + factor * other.sequentialPages,
    randomPages: one.randomPages + factor * other.randomPages,
    tuples: one.tuples + factor * other.tuples,
    indexTuples: one.indexTuples + factor * other.indexTuples,
    operators: one.operators + factor * other.operators,
  }
}

function isSamePlan(one: PlanNode, other: PlanNode): boolean {
  const same = (['Node Type', 'Relation Name', 'Index Name', 'Join Type', 'Strategy'] as const).every(
    (field) => one[field] === other[field],
  )
  const [children, others] = [one.Plans ?? [], other.Plans ?? []]
  return (
    same &&
    children.length === others.length &&
    children.every((child, at) => {
      const twin = others[at]
      return twin !== undefined && isSamePlan(child, twin)
    })
  )
}
