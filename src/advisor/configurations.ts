import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { WhatIf } from './whatIf.ts'

/** What a statement costs with some candidates: an atom of the choice. */
export interface Configuration {
  /** Names of the candidates that its plans use. */
  candidates: string[]
  /** In the planner's units, one call, the mean over its arguments. */
  cost: number
}

/** How a statement's cost hangs on candidates: without any first, then from the cheapest on. */
export interface CostedStatement {
  statement: WorkloadStatement
  configurations: Configuration[]
}

export interface ConfigurationOptions {
  /** How many sets of candidates are planned for a statement at most. */
  plans: number
  /** A configuration that does not save this share of what the statement costs without it is no other one. */
  worthwhile: number
}

/**
 * Plans the statement with all candidates, then again and again without one that was used (Schnaitter et al.'s index
 * benefit graph): every set of candidates costs what the smallest set of used ones within it costs.
 */
export async function configurationsOf(
  whatIf: WhatIf,
  statement: WorkloadStatement,
  names: ReadonlySet<string>,
  { plans, worthwhile }: ConfigurationOptions,
): Promise<CostedStatement> {
  const planned = async (set: ReadonlySet<string>): Promise<Configuration> => {
    let cost = 0
    const used = new Set<string>()
    for (const args of statement.args) {
      const plan = await whatIf.plan(statement, args, set)
      cost += plan.cost / statement.args.length
      for (const name of plan.used) used.add(name)
    }
    return { candidates: [...used].sort(), cost }
  }
  const none = await planned(new Set())
  const found = new Map<string, Configuration>()
  const seen = new Set<string>()
  // The best first: what is left out of a set costs at least what the set costs.
  const queue: { set: Set<string>; cost: number }[] = [{ set: new Set(names), cost: 0 }]
  for (let left = plans; left > 0 && queue.length > 0;) {
    queue.sort((a, b) => a.cost - b.cost)
    const { set } = queue.shift() as { set: Set<string> }
    left -= 1
    const configuration = await planned(set)
    if (configuration.candidates.length === 0 || configuration.cost > none.cost * (1 - worthwhile)) continue
    const key = configuration.candidates.join()
    const known = found.get(key)
    if (!known || known.cost > configuration.cost) found.set(key, configuration)
    for (const name of configuration.candidates) {
      const without = new Set(set)
      without.delete(name)
      const id = [...names]
        .filter((each) => !without.has(each))
        .sort()
        .join()
      if (seen.has(id)) continue
      seen.add(id)
      queue.push({ set: without, cost: configuration.cost })
    }
  }
  const better = [...found.values()].sort((a, b) => a.cost - b.cost)
  return { statement, configurations: [{ ...none, candidates: [] }, ...better] }
}
