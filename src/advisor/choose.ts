import type { Highs } from 'highs'
import type { Configuration, CostedStatement } from './configurations.ts'
import { firstChoice } from './firstChoice.ts'
import { weightOf } from './plannedStatement.ts'

/** An index that may be there or not, as the choice sees it. */
export interface Priced {
  oid: number
  /** What it takes of the budget: nothing where it exists. */
  bytes: number
  /** Of two that do the same, and are as large, the one with fewer is taken. */
  columns: number
  /** What writes to its table pay for it in the time of the workload, in the planner's units. */
  upkeep: number
}

export interface ChoiceOptions {
  /** Bytes that new indexes may take together. */
  budget?: number
  /** Oids, of which at least one has to be there whatever it costs, as long as the budget allows it. */
  needs?: readonly (readonly number[])[]
  /** Pairs of oids that make no sense together: the wider index does what the narrower one does. */
  exclusive?: readonly (readonly [number, number])[]
  /** Seconds; what is best by then is taken, with the gap that is left. */
  timeLimit: number
}

/** The indexes to have, and what the workload costs with them. */
export interface Choice {
  chosen: number[]
  /** Which of the needs the budget leaves open, by their place. */
  unmet: number[]
  costBefore: number
  cost: number
  /** No choice among these costs less than that. */
  bound: number
  /** Share of `cost` by which the best choice may be cheaper: 0 where this one is proven to be the best. */
  gap: number
}

/** The least that the statements can cost, in the solver's units. */
const scale = 1000
/** A need that is left open costs as much as the whole workload so many times. */
const times = 10
/** Share of that least cost that all options together cost for their size: of two that do the same the smaller is taken. */
const ofStorage = 1e-5
/** A column counts as this share of the size. */
const ofColumn = 0.05

/**
 * Chooses indexes so that the workload costs least: a mixed-integer program over the configurations.
 *
 * ```
 * minimise  sum over statements s and configurations k of weight(s) * cost(s, k) * y(s, k) + sum of upkeep(i) * x(i)
 * where     sum over k of y(s, k) = 1 for each s; sum over k with i of y(s, k) <= x(i) for each s and i;
 *           sum of bytes(i) * x(i) <= budget;
 *           sum over i of n of x(i) >= 1 for each need n; x(i) + x(j) <= 1 where j does what i does
 * ```
 *
 * Papadomanolakis and Ailamaki, "An integer linear programming approach to database design" (2007).
 */
export function chooseIndexes(
  highs: Highs,
  statements: readonly CostedStatement[],
  options: readonly Priced[],
  { budget, needs = [], exclusive = [], timeLimit }: ChoiceOptions,
): Choice {
  const costBefore = statements.reduce(
    (sum, { statement, configurations }) => sum + weightOf(statement) * (configurations[0]?.cost ?? 0),
    0,
  )
  const first = firstChoice(statements, options, {
    needs,
    exclusive,
    ...(budget === undefined ? {} : { budget }),
  })
  const least = statements.reduce(
    (sum, { statement, configurations }) =>
      sum + weightOf(statement) * Math.min(...configurations.map(({ cost }) => cost)),
    0,
  )
  // Numbers of about one keep the solver's tolerances meaningful.
  const unit = least > 0 ? least / scale : 1
  const sizes = options.map(({ bytes, columns }) => bytes * (1 + ofColumn * columns))
  const allSizes = sizes.reduce((sum, size) => sum + size, 0)
  const storage = sizes.map((size) => (allSizes > 0 ? (ofStorage * scale * size) / allSizes : 0))
  const costs = options.map(({ upkeep }, at) => upkeep / unit + (storage[at] ?? 0))
  const unmet = (times * costBefore) / unit + scale
  const rows: { entries: [column: number, value: number][]; lower: number; upper: number }[] = []
  const at = new Map(options.map(({ oid }, column) => [oid, column]))
  for (const { statement, configurations } of statements) {
    const users = new Map<number, [column: number, value: number][]>()
    const own = withoutDominated(configurations).map(({ cost, options: used }): [number, number] => {
      const column = costs.push((weightOf(statement) * cost) / unit) - 1
      for (const oid of used) users.set(oid, [...(users.get(oid) ?? []), [column, 1]])
      return [column, 1]
    })
    // One row for all configurations with an option is as right as one for each, since only one of them is taken.
    for (const [oid, entries] of users) {
      rows.push({ entries: [[at.get(oid) ?? 0, -1], ...entries], lower: -highs.infinity, upper: 0 })
    }
    rows.push({ entries: own, lower: 1, upper: 1 })
  }
  const unmetColumns = needs.map((oids) => {
    const column = costs.push(unmet) - 1
    const entries = oids.map((oid): [number, number] => [at.get(oid) ?? 0, 1])
    rows.push({ entries: [...entries, [column, 1]], lower: 1, upper: highs.infinity })
    return column
  })
  for (const pair of exclusive) {
    const entries = pair.map((oid): [number, number] => [at.get(oid) ?? 0, 1])
    rows.push({ entries, lower: -highs.infinity, upper: 1 })
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
      integrality: costs.map((_, column) =>
        column < options.length || unmetColumns.includes(column) ? integer : continuous,
      ),
    },
    (model) => {
      model.options.set({ time_limit: timeLimit, mip_rel_gap: 1e-8, random_seed: 0, output_flag: false })
      model.setSolution({
        indices: options.map((_, column) => column),
        values: options.map(({ oid }) => (first.chosen.has(oid) ? 1 : 0)),
      })
      model.run()
      const solved = Number(model.info.get('objective_function_value'))
      // Where the time does not even do for what the solver starts from, that is the choice.
      const isSolved = Number.isFinite(solved)
      const values = model.getSolution().colValue
      const isOne = (column: number): boolean => (values[column] ?? 0) > 0.5
      const isChosen = (oid: number, column: number): boolean =>
        isSolved ? isOne(column) : first.chosen.has(oid)
      const open = isSolved
        ? unmetColumns.flatMap((column, need) => (isOne(column) ? [need] : []))
        : first.unmet
      const ofStored = options.reduce(
        (sum, { oid }, column) => sum + (isChosen(oid, column) ? (storage[column] ?? 0) : 0),
        0,
      )
      const besides = open.length * unmet + ofStored
      const cost = isSolved ? (solved - besides) * unit : first.cost
      const isWhole = options.length + needs.length > 0
      const bound = isWhole ? Math.max(0, (Number(model.info.get('mip_dual_bound')) - besides) * unit) : cost
      return {
        chosen: options.flatMap(({ oid }, column) => (isChosen(oid, column) ? [oid] : [])),
        unmet: open,
        costBefore,
        cost,
        bound,
        gap: cost > 0 ? Math.max(0, (cost - bound) / cost) : 0,
      }
    },
  )
}

/** What costs at least as much as another one that needs less is never taken. */
function withoutDominated(configurations: readonly Configuration[]): Configuration[] {
  const kept: Configuration[] = []
  for (const configuration of configurations.toSorted((a, b) => a.cost - b.cost)) {
    const own = new Set(configuration.options)
    if (!kept.some(({ options }) => options.every((oid) => own.has(oid)))) kept.push(configuration)
  }
  return kept
}
