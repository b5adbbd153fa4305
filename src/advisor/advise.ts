import type { ClientBase } from 'pg'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { readOnce } from '../catalog/reader.ts'
import { borrow } from '../postgres/database.ts'
import type { IndexToBuild, Planner } from '../shadow/planner/openPlanner.ts'
import { openPlanner } from '../shadow/planner/openPlanner.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Agreement } from './agreement.ts'
import { measureAgreement } from './agreement.ts'
import type { Candidate } from './candidates.ts'
import { readCatalogOfCandidates } from './catalogOfCandidates.ts'
import { chooseInRounds } from './chooseInRounds.ts'
import { costStatements } from './costStatements.ts'
import type { DecidedIndex, Decision } from './decision.ts'
import { cheapest } from './decision.ts'
import type { Need } from './needs.ts'
import { foreignKeyNeeds, meets, wishForNeeds } from './needs.ts'
import type { NewExtension } from './newExtensions.ts'
import { extensionOf, offerExtensions } from './newExtensions.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { entriesIn, upkeepOf } from './upkeep.ts'
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
  /** What has to be indexed even if no statement asks for it; the foreign keys of large tables where absent. */
  needs?: Need[]
  /** Looks at the advice while statements can still be planned with its indexes. */
  inspect?: (advice: Advice, whatIf: WhatIf) => Promise<void>
  /** Ends the work early: `advise` fails, and leaves nothing behind. */
  signal?: AbortSignal
  onStep?: (text: string, part?: Part) => void
}

/** How far a step is. */
export interface Part {
  done: number
  of: number
}

/** An index to build, and what it brings. */
export interface AdvisedIndex extends DecidedIndex {
  candidate: Candidate
  serves: StatementCost[]
  /** The needs that it meets and no index that must stay does. */
  needs: Need[]
  /** What has to be installed first. */
  extension: NewExtension | undefined
  /** Existing indexes that are redundant once it is there. */
  replaces: DefinedIndex[]
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
  /** How far the shadow planned like the source. */
  agreement: Agreement
  /** What the choice was made from. */
  decision: Decision
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
  const { budget, timeLimit = 20, prepare, given = [], needs: asked, signal } = options
  const onStep = (text: string, part?: Part): void => {
    signal?.throwIfAborted()
    options.onStep?.(text, part)
  }
  onStep('copying the schema and its statistics')
  const planner = await openPlanner(source)
  // A server that is about to start again has no session to end; then the next step is where it stops.
  const stop = (): void => void planner.endSessions().catch(() => undefined)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const agreement = await agreementWith(source, planner, workload, onStep)
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
      const costs = await costStatements(whatIf, wishes, existing, onStep)
      const needs = wanted.filter((need) => !whatIf.fixed.some((index) => meets(index, need)))
      const meeting = needs.map((need) => oidsOf(whatIf.options.filter(({ index }) => meets(index, need))))
      const stands = [...whatIf.fixed, ...existing]
      const price = (option: Option): DecidedIndex => {
        const { index, candidate } = option
        const columns = [...index.keys, ...index.included].map(({ text }) => text)
        const width = catalog.width(index.table, columns)
        return {
          ...option,
          oid: index.oid,
          bytes: candidate ? index.sizeBytes : 0,
          // A column that is only carried along can serve less than a key.
          columns: index.keys.length + 1.5 * index.included.length,
          upkeep: upkeepOf(index, stands, wishes.uses, width),
          entries: entriesIn(index, stands, wishes.uses),
        }
      }
      const rounds = { timeLimit, needs: meeting, ...(budget === undefined ? {} : { budget }) }
      const { choice } = await chooseInRounds(whatIf.options, costs, price, rounds, onStep)
      const { chosen, unmet, cost, gap } = choice
      const there = new Set(chosen)
      const today = new Set(existing.map(({ oid }) => oid))
      const indexes = whatIf.options.map(price)
      const statements = costs.costed().map((each) => {
        const { statement } = each
        const best = cheapest(each, there)
        if (!best) throw new Error(`The choice leaves no plan for ${statement.name}.`)
        const { cost: costAfter, options: used } = best
        return { statement, costBefore: costs.before(statement).cost, costAfter, used }
      })
      const upkeep = sum(indexes.filter(({ oid }) => today.has(oid)).map((each) => each.upkeep))
      const advice: Advice = {
        indexes: indexes.flatMap((each) => {
          const { candidate, index, oid } = each
          if (!candidate || !there.has(oid)) return []
          return [
            {
              ...each,
              candidate,
              serves: statements.filter(({ used }) => used.includes(oid)),
              needs: needs.filter((need) => meets(index, need)),
              extension: extensionOf(candidate, offered),
              replaces: [],
            },
          ]
        }),
        drops: existing.filter(({ oid }) => !there.has(oid)),
        cost: {
          before: upkeep + sum(statements.map(({ statement, costBefore }) => statement.calls * costBefore)),
          after: cost,
        },
        gap,
        statements,
        unmet: unmet.flatMap((at) => needs[at] ?? []),
        leftOut: wishes.leftOut,
        agreement,
        decision: {
          statements: costs.costed(),
          needs: meeting,
          indexes,
          fixed: whatIf.fixed,
          refused: whatIf.refused,
          today,
          chosen: there,
          budget,
        },
      }
      await options.inspect?.(advice, whatIf)
      return advice
    } finally {
      await whatIf.close()
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    await planner.close()
  }
}

async function agreementWith(
  source: ClientBase,
  planner: Planner,
  workload: readonly WorkloadStatement[],
  onStep: NonNullable<AdviseOptions['onStep']>,
): Promise<Agreement> {
  const shadow = await planner.connect()
  return measureAgreement(source, shadow, workload, onStep).finally(() => shadow.end())
}

const oidsOf = (options: readonly Option[]): number[] => options.map(({ index }) => index.oid)
const indexesOf = (options: readonly Option[]): DefinedIndex[] => options.map(({ index }) => index)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
