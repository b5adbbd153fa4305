import type { ClientBase } from 'pg'
import { groupBy } from '../groupBy.ts'
import { display } from '../postgres/identifiers.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import { readOnce } from '../catalog/reader.ts'
import { borrow } from '../postgres/database.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { readDropJudge } from '../rules/indexes/dropEvidence.ts'
import type { IndexToBuild } from '../shadow/planner/openPlanner.ts'
import { openPlanner } from '../shadow/planner/openPlanner.ts'
import type { LeftOut, Unsure } from '../workload/leftOut.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Candidate } from './candidates.ts'
import type { Priced } from './choose.ts'
import { chooseInRounds } from './chooseInRounds.ts'
import { startClock } from './clock.ts'
import type { Configuration } from './configurations.ts'
import type { CorrelatedColumns } from './correlations.ts'
import type { StatementCosts } from './costStatements.ts'
import { costStatements, mostSlower } from './costStatements.ts'
import type { AdvisedDrop, KeptIndex } from './drops.ts'
import { judgeDrops, neededForEstimates } from './drops.ts'
import { neededForForeignKeys } from './foreignKeyNeeds.ts'
import type { Need } from './needs.ts'
import { meets } from './needs.ts'
import type { NewExtension } from './newExtensions.ts'
import { extensionOf } from './newExtensions.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { weightOf } from './plannedStatement.ts'
import type { MostlyPlanned } from './planning.ts'
import { mostlyPlanned } from './planning.ts'
import { study } from './study.ts'
import { unsureOf } from './unsure.ts'
import { upkeepOf } from './upkeep.ts'
import { tryDrops } from './tryDrops.ts'
import { weightsOf } from './weights.ts'
import type { Option } from './whatIf.ts'
import { openWhatIf } from './whatIf.ts'
import type { Wishes } from './wishes.ts'

export interface AdviseOptions {
  /** Bytes that new indexes may take together. */
  budget?: number
  /** Seconds for planning and choosing together, beside what has to be done in any case; 120 where absent. */
  timeLimit?: number
  /** Changes the shadow before anything is planned: policies that are rewritten first, say. */
  prepare?: (shadow: ClientBase) => Promise<void>
  /** Indexes that will be there whatever is advised. */
  given?: IndexToBuild[]
  /** What has to be indexed even if no statement asks for it; the foreign keys of large tables where absent. */
  needs?: Need[]
  /** Existing indexes that are dropped whatever is advised, unless a statement gets slower. */
  dropping?: readonly RelationName[]
  /** The workload has every statement: what it does not need is unused, however young the statistics are. */
  complete?: boolean
  /** Reads samples of the source's tables, which are counted on the server, to find columns that hang together. */
  sample?: boolean
  onStep?: (text: string) => void
}

/** An index to build, and what it brings. */
export interface AdvisedIndex {
  candidate: Candidate
  index: DefinedIndex
  serves: StatementCost[]
  /** Existing indexes that are redundant once it is there. */
  replaces: DefinedIndex[]
  /** The needs that it meets and no index that must stay does. */
  needs: Need[]
  /** What has to be installed first. */
  extension: NewExtension | undefined
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
  drops: AdvisedDrop[]
  /** Existing indexes that might have gone, and stay. */
  keeps: KeptIndex[]
  /** Of the whole workload with the upkeep of every index that may go, in the planner's units. */
  cost: { before: number; after: number }
  /** Share of the cost by which another choice among all candidates may be better. */
  gap: number
  statements: StatementCost[]
  /** What stays without an index, for lack of budget or since PostgreSQL does not build it. */
  unmet: Need[]
  /** Statements that PostgreSQL does not plan. */
  leftOut: LeftOut[]
  /** What the costs hang on and the shadow does not know. */
  unsure: Unsure[]
  /** Columns for which the planner expects far too few rows. */
  correlations: CorrelatedColumns[]
  /** Statements to prepare. */
  mostlyPlanned: MostlyPlanned[]
}

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
  options: AdviseOptions = {},
): Promise<Advice> {
  const { budget, timeLimit = 120, prepare, given = [], onStep = () => undefined } = options
  const { dropping = [], complete = false } = options
  onStep('copying the schema and its statistics')
  const judge = await readOnly(source, () => readOnce(borrow(source))(readDropJudge))
  const planner = await openPlanner(source)
  try {
    if (prepare) {
      const builder = await planner.connect()
      await prepare(builder).finally(() => builder.end())
    }
    if (given.length > 0) await planner.buildIndexes(given)
    const session = await planner.connect()
    onStep(`looking for indexes that might help ${workload.length} statements`)
    const { offered, catalog, wanted, prepared, wishes, correlations } = await study(
      { source, session },
      workload,
      options,
    ).finally(() => session.end())
    onStep(`building ${wishes.candidates.size} candidates, empty`)
    const whatIf = await openWhatIf(planner, [...wishes.candidates.values()], given)
    try {
      const tried = await tryDrops(whatIf, wishes.byStatement.keys(), dropping, mostSlower)
      whatIf.options = whatIf.options.filter(({ index }) => !tried.gone.has(index.oid))
      const existing = indexesOf(whatIf.options.filter(({ candidate }) => !candidate))
      const clock = { onStep, ...startClock(timeLimit) }
      const costs = await costStatements(whatIf, wishes, existing, tried.before, clock)
      weigh(costs, wishes)
      const needs = wanted.filter((need) => !whatIf.fixed.some((index) => meets(index, need)))
      const meeting = needs.map((need) => oidsOf(whatIf.options.filter(({ index }) => meets(index, need))))
      const stands = groupBy([...whatIf.fixed, ...existing], ({ tableOid }) => tableOid)
      const uses = groupBy(wishes.uses, ({ table }) => display(table))
      const price = ({ index, candidate }: Option): Priced => {
        const columns = [...index.keys, ...index.included].map(({ text }) => text)
        const width = catalog.width(index.table, columns)
        const bytes = candidate ? index.sizeBytes : 0
        const beside = stands.get(index.tableOid) ?? []
        const upkeep = upkeepOf(index, beside, uses.get(display(index.table)) ?? [], width)
        // A column that is only carried along can serve less than a key.
        return { oid: index.oid, bytes, columns: index.keys.length + 1.5 * index.included.length, upkeep }
      }
      const foreignKeys = neededForForeignKeys(whatIf.foreignKeys, whatIf.options, whatIf.fixed)
      const rounds = { needs: [...meeting, ...foreignKeys], ...(budget === undefined ? {} : { budget }) }
      const { choice, priced } = await chooseInRounds(whatIf.options, costs, price, rounds, clock)
      const { chosen, unmet, cost, gap } = choice
      const there = new Set(chosen)
      const statements = costs.costed().map(({ statement, configurations }) => {
        const { cost: costAfter, options: used } = cheapest(configurations, there)
        return { statement, costBefore: costs.before(statement).cost, costAfter, used }
      })
      const upkeep = sum(
        priced.filter(({ oid }) => existing.some((index) => index.oid === oid)).map((each) => each.upkeep),
      )
      const servedBy = (index: TableIndex): StatementCost[] =>
        statements.filter(({ used }) => used.includes(index.oid))
      const indexes = whatIf.options.flatMap(({ index, candidate }): AdvisedIndex[] =>
        candidate && there.has(index.oid)
          ? [
              {
                ...{ candidate, index },
                serves: servedBy(index),
                replaces: [],
                needs: needs.filter((need) => meets(index, need)),
                extension: extensionOf(candidate, offered),
              },
            ]
          : [],
      )
      const unchosen = existing.filter(({ oid }) => !there.has(oid))
      const estimating = await neededForEstimates(whatIf, statements, there, unchosen)
      const kept = existing.filter(({ oid }) => there.has(oid) || estimating.has(oid))
      const drops = judgeDrops({
        unchosen: unchosen.filter(({ oid }) => !estimating.has(oid)),
        indexes,
        staying: [...whatIf.fixed, ...kept],
        usedToday: new Set([...tried.before.values()].flatMap((each) => each.options)),
        judge,
        complete,
      })
      for (const drop of drops) drop.replacedBy?.replaces.push(drop)
      return {
        indexes,
        drops,
        keeps: kept.map((index) => ({ index, serves: servedBy(index) })),
        cost: {
          before:
            upkeep + sum(statements.map(({ statement, costBefore }) => weightOf(statement) * costBefore)),
          after: cost,
        },
        gap,
        statements,
        unmet: unmet.flatMap((at) => needs[at] ?? []),
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

/** Gives each statement its weight, by what it costs today and how long it takes. */
function weigh(costs: StatementCosts, { byStatement, calls }: Wishes): void {
  const today = new Map(Array.from(byStatement.keys(), (each) => [each, costs.before(each).cost]))
  for (const [statement, weight] of weightsOf(today, calls)) statement.weight = weight
}

function cheapest(configurations: readonly Configuration[], there: ReadonlySet<number>): Configuration {
  return configurations
    .filter(({ options }) => options.every((oid) => there.has(oid)))
    .reduce((least, each) => (each.cost < least.cost ? each : least))
}

const oidsOf = (options: readonly Option[]): number[] => options.map(({ index }) => index.oid)
const indexesOf = (options: readonly Option[]): DefinedIndex[] => options.map(({ index }) => index)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
