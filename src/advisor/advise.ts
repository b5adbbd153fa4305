import type { Client, ClientBase } from 'pg'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import { UsageError } from '../errors.ts'
import type { IndexToBuild } from '../shadow/planner/openPlanner.ts'
import { openPlanner } from '../shadow/planner/openPlanner.ts'
import type { LeftOut, Unsure } from '../workload/leftOut.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Candidate, CatalogOfCandidates } from './candidates.ts'
import { definitionOf } from './candidates.ts'
import { readCatalogOfCandidates } from './catalogOfCandidates.ts'
import { chooseIndexes } from './choose.ts'
import type { Configuration, CostedStatement } from './configurations.ts'
import { configurationsOf, costOf } from './configurations.ts'
import type { CorrelatedColumns } from './correlations.ts'
import { findCorrelations } from './correlations.ts'
import type { MostlyPlanned } from './planning.ts'
import { mostlyPlanned } from './planning.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { weightOf } from './plannedStatement.ts'
import type { PreparedWorkload } from './preparation.ts'
import { prepareWorkload } from './preparation.ts'
import { loadSolver } from './solver.ts'
import { unsureOf } from './unsure.ts'
import { upkeepOf } from './upkeep.ts'
import { weightsOf } from './weights.ts'
import type { Option, WhatIf } from './whatIf.ts'
import { openWhatIf } from './whatIf.ts'
import type { Wishes } from './wishes.ts'
import { gatherWishes } from './wishes.ts'

export interface AdviseOptions {
  /** Bytes that new indexes may take together. */
  budget?: number
  /** Seconds for the choice; 20 where absent. */
  timeLimit?: number
  /** Changes the shadow before anything is planned: policies that are rewritten first, say. */
  prepare?: (shadow: ClientBase) => Promise<void>
  /** Indexes that will be there whatever is advised. */
  given?: IndexToBuild[]
  /** Reads samples of the source's tables, which are counted on the server, to find columns that hang together. */
  sample?: boolean
  onStep?: (text: string) => void
}

/** An index to build, and what it brings. */
export interface AdvisedIndex {
  candidate: Candidate
  index: TableIndex
  serves: StatementCost[]
}

/** One call of a statement, in the planner's units. */
export interface StatementCost {
  statement: PlannedStatement
  costBefore: number
  costAfter: number
}

/** What to build and to drop for a workload. */
export interface Advice {
  indexes: AdvisedIndex[]
  /** Indexes that no statement of the workload needs, or that cost writes more than they save. Those of constraints stay. */
  drops: DefinedIndex[]
  /** Of the whole workload with the upkeep of every index that may go, in the planner's units. */
  cost: { before: number; after: number }
  /** Share of the cost by which another choice among all candidates may be better. */
  gap: number
  statements: StatementCost[]
  /** Statements that PostgreSQL does not plan. */
  leftOut: LeftOut[]
  /** What the costs hang on and the shadow does not know. */
  unsure: Unsure[]
  /** Columns for which the planner expects far too few rows. */
  correlations: CorrelatedColumns[]
  /** Statements to prepare. */
  mostlyPlanned: MostlyPlanned[]
}

/** No statement may take longer than so many times what it takes today, whatever others gain. */
const mostSlower = 1.15

/**
 * Chooses indexes for a workload. The source is only read: everything is planned in a shadow with its statistics.
 *
 * ```ts
 * const { indexes, drops, gap } = await advise(client, parseWorkload(text), { budget: 500 * 1024 * 1024 })
 * ```
 */
export async function advise(
  source: ClientBase,
  workload: readonly WorkloadStatement[],
  { budget, timeLimit = 20, prepare, given = [], sample, onStep = () => undefined }: AdviseOptions = {},
): Promise<Advice> {
  onStep('copying the schema and its statistics')
  const planner = await openPlanner(source)
  try {
    if (prepare) {
      const builder = await planner.connect()
      await prepare(builder).finally(() => builder.end())
    }
    if (given.length > 0) await planner.buildIndexes(given)
    onStep(`looking for indexes that might help ${workload.length} statements`)
    const session = await planner.connect()
    const { catalog, prepared, wishes, correlations } = await study(session, workload, {
      ...(sample ? { source } : {}),
    }).finally(() => session.end())
    onStep(`building ${wishes.candidates.size} candidates, empty`)
    const whatIf = await openWhatIf(planner, [...wishes.candidates.values()], given)
    try {
      const existing = indexesOf(whatIf.options.filter(({ candidate }) => !candidate))
      const { costed, before } = await costStatements(whatIf, wishes, existing, onStep)
      weigh(before, wishes)
      onStep('choosing')
      const useful = new Set(
        costed.flatMap(({ configurations }) => configurations.flatMap(({ options }) => options)),
      )
      const stands = [...whatIf.fixed, ...existing]
      const priced = whatIf.options
        .filter(({ index, candidate }) => !candidate || useful.has(index.oid))
        .map(({ index, candidate }) => {
          const width = catalog.width(
            index.table,
            [...index.keys, ...index.included].map(({ text }) => text),
          )
          return {
            oid: index.oid,
            bytes: candidate ? index.sizeBytes : 0,
            upkeep: upkeepOf(index, stands, wishes.uses, width),
          }
        })
      const { chosen, cost, gap } = chooseIndexes(await loadSolver(), costed, priced, {
        timeLimit,
        ...(budget === undefined ? {} : { budget }),
      })
      const there = new Set(chosen)
      const statements = costed.map(({ statement, configurations }) => {
        const { cost: costAfter, options: used } = cheapest(configurations, there)
        return { statement, costBefore: before.get(statement)?.cost ?? 0, costAfter, used }
      })
      const upkeep = sum(
        priced.filter(({ oid }) => existing.some((index) => index.oid === oid)).map((each) => each.upkeep),
      )
      return {
        indexes: whatIf.options.flatMap(({ index, candidate }) =>
          candidate && there.has(index.oid)
            ? [{ candidate, index, serves: statements.filter(({ used }) => used.includes(index.oid)) }]
            : [],
        ),
        drops: existing.filter(({ oid }) => !there.has(oid)),
        cost: {
          before:
            upkeep + sum(statements.map(({ statement, costBefore }) => weightOf(statement) * costBefore)),
          after: cost,
        },
        gap,
        statements,
        leftOut: [...prepared.leftOut, ...wishes.leftOut],
        unsure: unsureOf(planner, wishes.uses),
        correlations,
        mostlyPlanned: mostlyPlanned(prepared.statements),
      }
    } finally {
      await whatIf.close()
    }
  } finally {
    await planner.close()
  }
}

/** What the workload asks for, and how the shadow plans it. */
interface Study {
  catalog: CatalogOfCandidates
  prepared: PreparedWorkload
  wishes: Wishes
  correlations: CorrelatedColumns[]
}

/** @param source whose rows may be sampled */
async function study(
  session: Client,
  workload: readonly WorkloadStatement[],
  { source }: { source?: ClientBase },
): Promise<Study> {
  const catalog = await readCatalogOfCandidates(session)
  const prepared = await prepareWorkload(session, workload)
  // Without a statement every index would seem needless.
  if (prepared.statements.length === 0) throw noneIsPlanned(prepared.leftOut)
  const wishes = await gatherWishes(session, prepared.statements, catalog)
  const correlations = await findCorrelations(session, wishes.together, source)
  return { catalog, prepared, wishes, correlations }
}

function noneIsPlanned(leftOut: readonly LeftOut[]): UsageError {
  const [first] = leftOut
  const example = first ? `, such as ${first.statement.name}: ${first.reason}` : ''
  return new UsageError(
    `None of the ${leftOut.length} statements of the workload can be planned${example}.`,
    'Correct the statements, or grant their roles what they need.',
    { details: leftOut.map(({ statement, reason }) => `${statement.name}: ${reason}`) },
  )
}

/** Gives each statement its weight, by what it costs today and how long it takes. */
function weigh(before: ReadonlyMap<PlannedStatement, Configuration>, { calls }: Wishes): void {
  const costs = new Map(Array.from(before, ([statement, { cost }]) => [statement, cost]))
  for (const [statement, weight] of weightsOf(costs, calls)) statement.weight = weight
}

/** What each statement costs with the indexes that exist, and what with other sets of options. */
async function costStatements(
  whatIf: WhatIf,
  { byStatement }: Wishes,
  existing: readonly TableIndex[],
  onStep: (text: string) => void,
): Promise<{ costed: CostedStatement[]; before: Map<PlannedStatement, Configuration> }> {
  const costed: CostedStatement[] = []
  const before = new Map<PlannedStatement, Configuration>()
  const today = new Set(existing.map(({ oid }) => oid))
  for (const [statement, own] of byStatement) {
    onStep(`planning ${statement.name}: ${costed.length + 1} of ${byStatement.size}`)
    const options = whatIf.options.filter(({ candidate }) => !candidate || own.has(definitionOf(candidate)))
    const oids = new Set(indexesOf(options).map(({ oid }) => oid))
    const now = await costOf(whatIf, statement, today)
    before.set(statement, now)
    const { configurations } = await configurationsOf(whatIf, statement, oids, {
      plans: 60,
      worthwhile: 0.05,
    })
    const fits = configurations.filter(({ cost }) => cost <= now.cost * mostSlower)
    costed.push({ statement, configurations: [now, ...fits] })
  }
  return { costed, before }
}

function cheapest(configurations: readonly Configuration[], there: ReadonlySet<number>): Configuration {
  return configurations
    .filter(({ options }) => options.every((oid) => there.has(oid)))
    .reduce((least, each) => (each.cost < least.cost ? each : least))
}

const indexesOf = (options: readonly Option[]): DefinedIndex[] => options.map(({ index }) => index)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
