import type { Highs } from 'highs'
import type { CostedStatement } from './configurations.ts'
import { weightOf } from './plannedStatement.ts'

/** An index that may be there or not, as the choice sees it. */
export interface Priced {
  oid: number
  /** What it takes of the budget: nothing where it exists. */
  bytes: number
  /** What writes to its table pay for it in the time of the workload, in the planner's units. */
  upkeep: number
}

export interface ChoiceOptions {
  /** Bytes that new indexes may take together. */
  budget?: number
  /** Seconds; what is best by then is taken, with the gap that is left. */
  timeLimit: number
}

/** The indexes to have, and what the workload costs with them. */
export interface Choice {
  chosen: number[]
  costBefore: number
  cost: number
  /** No choice among these costs less than that. */
  bound: number
  /** Share of `cost` by which the best choice may be cheaper: 0 where this one is proven to be the best. */
  gap: number
}

/**
 * Chooses indexes so that the workload costs least: a mixed-integer program over the configurations.
 *
 * ```
 * minimise  sum over statements s and configurations k of weight(s) * cost(s, k) * y(s, k) + sum of upkeep(i) * x(i)
 * where     sum over k of y(s, k) = 1 for each s; y(s, k) <= x(i) for each i in k; sum of bytes(i) * x(i) <= budget
 * ```
 *
 * Papadomanolakis and Ailamaki, "An integer linear programming approach to database design" (2007).
 */
export function chooseIndexes(
  highs: Highs,
  statements: readonly CostedStatement[],
  options: readonly Priced[],
  { budget, timeLimit }: ChoiceOptions,
): Choice {
  const costBefore = statements.reduce(
    (sum, { statement, configurations }) => sum + weightOf(statement) * (configurations[0]?.cost ?? 0),
    0,
  )
  // Numbers of about one keep the solver's tolerances meaningful.
  const unit = costBefore > 0 ? costBefore / 1000 : 1
  const costs = options.map(({ upkeep }) => upkeep / unit)
  const rows: { entries: [column: number, value: number][]; lower: number; upper: number }[] = []
  const at = new Map(options.map(({ oid }, column) => [oid, column]))
  for (const { statement, configurations } of statements) {
    const own = configurations.map(({ cost, options: used }): [number, number] => {
      const column = costs.push((weightOf(statement) * cost) / unit) - 1
      for (const oid of used) {
        rows.push({
          entries: [
            [at.get(oid) ?? 0, -1],
            [column, 1],
          ],
          lower: -highs.infinity,
          upper: 0,
        })
      }
      return [column, 1]
    })
    rows.push({ entries: own, lower: 1, upper: 1 })
  }
  if (budget !== undefined) {
    const entries = options.map(({ bytes }, column): [number, number] => [column, bytes / 1024 / 1024])
    rows.push({ entries, lower: -highs.infinity, upper: budget / 1024 / 1024 })
  }
  const { integer, continuous } = highs.constants.variableType
  const starts = [0]
  for (const { entries } of rows) starts.push((starts.at(-1) ?? 0) + entries.length)
  return highs.withModel(
    {
      numCols: costs.length,
      numRows: rows.length,
      colCost: costs,
      colLower: costs.map(() => 0),
      colUpper: costs.map(() => 1),
      rowLower: rows.map(({ lower }) => lower),
      rowUpper: rows.map(({ upper }) => upper),
      matrix: {
        format: 'csr',
        numCols: costs.length,
        numRows: rows.length,
        starts,
        indices: rows.flatMap(({ entries }) => entries.map(([column]) => column)),
        values: rows.flatMap(({ entries }) => entries.map(([, value]) => value)),
      },
      // Where every x is whole, so is the best y.
      integrality: costs.map((_, column) => (column < options.length ? integer : continuous)),
    },
    (model) => {
      model.options.set({ time_limit: timeLimit, mip_rel_gap: 1e-6, random_seed: 0, output_flag: false })
      model.run()
      const values = model.getSolution().colValue
      const cost = Number(model.info.get('objective_function_value')) * unit
      const bound = options.length === 0 ? cost : Number(model.info.get('mip_dual_bound')) * unit
      return {
        chosen: options.flatMap(({ oid }, column) => ((values[column] ?? 0) > 0.5 ? [oid] : [])),
        costBefore,
        cost,
        bound,
        gap: cost > 0 ? Math.max(0, (cost - bound) / cost) : 0,
      }
    },
  )
}
