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
import type { IndexToBuild, Planner } from '../shadow/planner/openPlanner.ts'
import { openPlanner } from '../shadow/planner/openPlanner.ts'
import type { LeftOut, Unsure } from '../workload/leftOut.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Agreement } from './agreement.ts'
import { measureAgreement } from './agreement.ts'
import type { Candidate } from './candidates.ts'
import { chooseInRounds } from './chooseInRounds.ts'
import type { Part } from './clock.ts'
import { startClock } from './clock.ts'
import type { CorrelatedColumns } from './correlations.ts'
import type { StatementCosts } from './costStatements.ts'
import { costStatements } from './costStatements.ts'
import type { DecidedIndex, Decision } from './decision.ts'
import { cheapest, mostSlower } from './decision.ts'
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
import { entriesIn, upkeepOf } from './upkeep.ts'
import { tryDrops } from './tryDrops.ts'
import { weightsOf } from './weights.ts'
import type { Option, WhatIf } from './whatIf.ts'
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
  /** Looks at the advice while statements can still be planned with its indexes. */
  inspect?: (advice: Advice, whatIf: WhatIf) => Promise<void>
  /** Ends the work early: `advise` fails, and leaves nothing behind. */
  signal?: AbortSignal
  onStep?: (text: string, part?: Part) => void
}

/** An index to build, and what it brings. */
export interface AdvisedIndex extends DecidedIndex {
  candidate: Candidate
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
  /** How far the shadow planned like the source; undefined where it was changed before. */
  agreement: Agreement | undefined
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
  const { budget, timeLimit = 120, prepare, given = [], signal } = options
  const { dropping = [], complete = false } = options
  const onStep = (text: string, part?: Part): void => {
    signal?.throwIfAborted()
    options.onStep?.(text, part)
  }
  onStep('copying the schema and its statistics')
  const judge = await readOnly(source, () => readOnce(borrow(source))(readDropJudge))
  const planner = await openPlanner(source)
  // A server that is about to start again has no session to end; then the next step is where it stops.
  const stop = (): void => void planner.endSessions().catch(() => undefined)
  signal?.addEventListener('abort', stop, { once: true })
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
    // Policies that were rewritten here are not there yet.
    const agreement = prepare ? undefined : await agreementWith(source, planner, prepared.statements, onStep)
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
      const price = (option: Option): DecidedIndex => {
        const { index, candidate } = option
        const columns = [...index.keys, ...index.included].map(({ text }) => text)
        const beside = stands.get(index.tableOid) ?? []
        const ofTable = uses.get(display(index.table)) ?? []
        return {
          ...option,
          oid: index.oid,
          bytes: candidate ? index.sizeBytes : 0,
          // A column that is only carried along can serve less than a key.
          columns: index.keys.length + 1.5 * index.included.length,
          upkeep: upkeepOf(index, beside, ofTable, catalog.width(index.table, columns)),
          entries: entriesIn(index, beside, ofTable),
        }
      }
      const foreignKeys = neededForForeignKeys(whatIf.foreignKeys, whatIf.options, whatIf.fixed)
      const rounds = { needs: [...meeting, ...foreignKeys], ...(budget === undefined ? {} : { budget }) }
      const { choice } = await chooseInRounds(whatIf.options, costs, price, rounds, clock)
      const { chosen, unmet, cost, gap } = choice
      const there = new Set(chosen)
      const today = new Set(existing.map(({ oid }) => oid))
      const decided = whatIf.options.map(price)
      const statements = costs.costed().map((each) => {
        const { statement } = each
        const best = cheapest(each, there)
        if (!best) throw new Error(`The choice leaves no plan for ${statement.name}.`)
        const { cost: costAfter, options: used } = best
        return { statement, costBefore: costs.before(statement).cost, costAfter, used }
      })
      const upkeep = sum(decided.filter(({ oid }) => today.has(oid)).map((each) => each.upkeep))
      const servedBy = (index: TableIndex): StatementCost[] =>
        statements.filter(({ used }) => used.includes(index.oid))
      const indexes = decided.flatMap((each): AdvisedIndex[] => {
        const { candidate, index, oid } = each
        if (!candidate || !there.has(oid)) return []
        return [
          {
            ...each,
            candidate,
            serves: servedBy(index),
            replaces: [],
            needs: needs.filter((need) => meets(index, need)),
            extension: extensionOf(candidate, offered),
          },
        ]
      })
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
      const advice: Advice = {
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
        agreement,
        decision: {
          statements: costs.costed(),
          needs: rounds.needs,
          indexes: decided,
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

/** Gives each statement its weight, by what it costs today and how long it takes. */
function weigh(costs: StatementCosts, { byStatement, calls }: Wishes): void {
  const today = new Map(Array.from(byStatement.keys(), (each) => [each, costs.before(each).cost]))
  for (const [statement, weight] of weightsOf(today, calls)) statement.weight = weight
}

/** Before the shadow is changed. What nobody may see is planned for any arguments. */
async function agreementWith(
  source: ClientBase,
  planner: Planner,
  statements: readonly PlannedStatement[],
  onStep: NonNullable<AdviseOptions['onStep']>,
): Promise<Agreement> {
  const shadow = await planner.connect()
  const comparable = statements.map((statement): PlannedStatement => {
    if (!statement.usesStatistics) return statement
    const args = [(statement.args[0] ?? []).map(() => 'NULL')]
    return { ...statement, args, isGeneric: true }
  })
  return measureAgreement(source, shadow, comparable, onStep).finally(() => shadow.end())
}

const oidsOf = (options: readonly Option[]): number[] => options.map(({ index }) => index.oid)
const indexesOf = (options: readonly Option[]): DefinedIndex[] => options.map(({ index }) => index)
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
