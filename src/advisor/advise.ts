import type { ClientBase } from 'pg'
import { groupBy } from '../groupBy.ts'
import { display } from '../postgres/identifiers.ts'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { readOnce } from '../catalog/reader.ts'
import { borrow } from '../postgres/database.ts'
import type { IndexToBuild } from '../shadow/planner/openPlanner.ts'
import { openPlanner } from '../shadow/planner/openPlanner.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Candidate } from './candidates.ts'
import { readCatalogOfCandidates } from './catalogOfCandidates.ts'
import type { Priced } from './choose.ts'
import { chooseInRounds } from './chooseInRounds.ts'
import { startClock } from './clock.ts'
import type { Configuration } from './configurations.ts'
import { costStatements } from './costStatements.ts'
import type { Need } from './needs.ts'
import { foreignKeyNeeds, meets, wishForNeeds } from './needs.ts'
import type { NewExtension } from './newExtensions.ts'
import { extensionOf, offerExtensions } from './newExtensions.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { upkeepOf } from './upkeep.ts'
import type { Option } from './whatIf.ts'
import { openWhatIf } from './whatIf.ts'
import type { Wishes } from './wishes.ts'
import { gatherWishes } from './wishes.ts'

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
  onStep?: (text: string) => void
}

/** An index to build, and what it brings. */
export interface AdvisedIndex {
  candidate: Candidate
  index: DefinedIndex
  serves: StatementCost[]
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
  drops: DefinedIndex[]
  /** Of the whole workload with the upkeep of every index that may go, in the planner's units. */
  cost: { before: number; after: number }
  /** Share of the cost by which another choice among all candidates may be better. */
  gap: number
  statements: StatementCost[]
  /** What stays without an index, for lack of budget or since PostgreSQL does not build it. */
  unmet: Need[]
  /** Statements that PostgreSQL does not plan. */
  leftOut: Wishes['leftOut']
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
  {
    budget,
    timeLimit = 120,
    prepare,
    given = [],
    needs: asked,
    onStep = () => undefined,
  }: AdviseOptions = {},
): Promise<Advice> {
  onStep('copying the schema and its statistics')
  const planner = await openPlanner(source)
  try {
    if (prepare) {
      const builder = await planner.connect()
      await prepare(builder).finally(() => builder.end())
    }
    if (given.length > 0) await planner.buildIndexes(given)
    const session = await planner.connect()
    const offered = await offerExtensions(source, session, workload)
    const catalog = await readCatalogOfCandidates(session)
    onStep(`looking for indexes that might help ${workload.length} statements`)
    const wanted = asked ?? (await foreignKeyNeeds(readOnce(borrow(session))))
    const wishes = await gatherWishes(session, workload, catalog).finally(() => session.end())
    wishForNeeds(wishes, wanted)
    onStep(`building ${wishes.candidates.size} candidates, empty`)
    const whatIf = await openWhatIf(planner, [...wishes.candidates.values()], given)
    try {
      const existing = indexesOf(whatIf.options.filter(({ candidate }) => !candidate))
      const clock = { onStep, ...startClock(timeLimit) }
      const costs = await costStatements(whatIf, wishes, existing, clock)
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
      const rounds = { needs: meeting, ...(budget === undefined ? {} : { budget }) }
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
      return {
        indexes: whatIf.options.flatMap(({ index, candidate }) =>
          candidate && there.has(index.oid)
            ? [
                {
                  candidate,
                  index,
                  serves: statements.filter(({ used }) => used.includes(index.oid)),
                  needs: needs.filter((need) => meets(index, need)),
                  extension: extensionOf(candidate, offered),
                },
              ]
            : [],
        ),
        drops: existing.filter(({ oid }) => !there.has(oid)),
        cost: {
          before: upkeep + sum(statements.map(({ statement, costBefore }) => statement.calls * costBefore)),
          after: cost,
        },
        gap,
        statements,
        unmet: unmet.flatMap((at) => needs[at] ?? []),
        leftOut: wishes.leftOut,
      }
    } finally {
      await whatIf.close()
    }
  } finally {
    await planner.close()
  }
}

function cheapest(configurations: readonly Configuration[], there: ReadonlySet<number>): Configuration {
  return configurations
    .filter(({ options }) => options.every((oid) => there.has(oid)))
    .reduce((least, each) => (each.cost < least.cost ? each : least))
}

const oidsOf = (options: readonly Option[]): number[] => options.map(({ index }) => index.oid)
const indexesOf = (options: readonly Option[]): DefinedIndex[] => options.map(({ index }) => index)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
