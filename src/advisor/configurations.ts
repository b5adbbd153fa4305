import type { PlannedStatement } from './plannedStatement.ts'
import type { WhatIf } from './whatIf.ts'

/** What a statement costs with some options: an atom of the choice. */
export interface Configuration {
  /** Oids of the options that its plans use. */
  options: number[]
  /** In the planner's units, one call, the mean over its arguments. */
  cost: number
}

/** How a statement's cost hangs on options: without any first, then from the cheapest on. */
export interface CostedStatement {
  statement: PlannedStatement
  configurations: Configuration[]
}

export interface ConfigurationOptions {
  /** How many sets of options are planned for a statement at most. */
  plans: number
  /** A configuration that does not save this share of what the statement costs without any is no other one. */
  worthwhile: number
  /** Whether to look for no further one. The first, with all options, is planned in any case. */
  isOver?: () => boolean
}

/**
 * Plans the statement with all options, then again and again without one that was used: the index benefit graph of
 * Schnaitter, Polyzotis and Getoor, "Index interactions in physical design tuning" (2009). Every set of options costs what
 * the cheapest configuration within it costs.
 *
 * @returns `isComplete` where there was nothing more to plan
 */
export async function configurationsOf(
  whatIf: WhatIf,
  statement: PlannedStatement,
  options: ReadonlySet<number>,
  { plans, worthwhile, isOver = () => false }: ConfigurationOptions,
): Promise<CostedStatement & { isComplete: boolean }> {
  const none = await costOf(whatIf, statement, new Set())
  const found = new Map<string, Configuration>()
  const seen = new Set<string>()
  const queue: { without: number[]; cost: number }[] = [{ without: [], cost: 0 }]
  for (let left = plans; left > 0; left -= 1) {
    // The best first: a set costs at least what the set costs out of which it was made.
    queue.sort((a, b) => a.cost - b.cost)
    if (left < plans && isOver()) break
    const next = queue.shift()
    if (!next) break
    const configuration = await costOf(whatIf, statement, minus(options, next.without))
    if (configuration.options.length === 0 || configuration.cost > none.cost * (1 - worthwhile)) continue
    const key = configuration.options.join()
    if ((found.get(key)?.cost ?? Infinity) > configuration.cost) found.set(key, configuration)
    for (const oid of configuration.options) {
      const without = [...next.without, oid].sort((a, b) => a - b)
      if (seen.has(without.join())) continue
      seen.add(without.join())
      queue.push({ without, cost: configuration.cost })
    }
  }
  const better = [...found.values()].sort((a, b) => a.cost - b.cost)
  return {
    statement,
    configurations: [{ options: [], cost: none.cost }, ...better],
    isComplete: queue.length === 0,
  }
}

/** One call of the statement, the mean over its arguments. */
export async function costOf(
  whatIf: WhatIf,
  statement: PlannedStatement,
  options: ReadonlySet<number>,
): Promise<Configuration> {
  let sum = 0
  const used = new Set<number>()
  for (const [at, args] of statement.args.entries()) {
    const plan = await whatIf.plan(statement, args, options)
    sum += plan.cost * (statement.shares?.[at] ?? 1 / statement.args.length)
    for (const oid of plan.used) used.add(oid)
  }
  return { options: [...used].sort((a, b) => a - b), cost: sum }
}

function minus(options: ReadonlySet<number>, without: readonly number[]): Set<number> {
  return new Set([...options].filter((oid) => !without.includes(oid)))
}
