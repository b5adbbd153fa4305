import type { Highs } from 'highs'
import type { CostedStatement } from './configurations.ts'
import { costOf } from './configurations.ts'
import type { DecidedIndex, Decision } from './decision.ts'
import { cheapest, chooseAgain, mostSlower, totalWith } from './decision.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { weightOf } from './plannedStatement.ts'
import type { WhatIf } from './whatIf.ts'

/** Why an index is advised, dropped, kept or not chosen. */
export interface Explanation {
  subject: DecidedIndex
  /** Whether it exists today, and whether it is to be there. */
  exists: boolean
  isChosen: boolean
  /** Statements that it changes, those that gain most first. */
  statements: StatementChange[]
  /** What the best choice costs that decides the opposite about it; undefined where there is none. */
  opposite: Difference | undefined
  neighbours: Neighbour[]
  /** Neighbours that were not tried. */
  moreNeighbours: number
}

/** One call of a statement, in the planner's units. */
export interface StatementChange {
  statement: PlannedStatement
  today: number
  /** Today's cost with this one built, or dropped, and nothing else changed; undefined where that is over the limit. */
  alone: number | undefined
  advised: number
}

/** How another choice differs from the one that was made. */
export interface Difference {
  /** Of the whole workload, in the planner's units, and as a share of what the choice costs. */
  cost: number
  share: number
  bytes: number
  upkeep: number
  /** Indexes that it has beside the one that was tried, and the choice has not. */
  besides: DecidedIndex[]
  /** The statement that loses most by it. */
  worst: { statement: PlannedStatement; chosen: number; other: number; share: number } | undefined
}

/** An index that might do the same work. */
export interface Neighbour {
  index: DecidedIndex
  isChosen: boolean
  /** The best choice that has the one of the two that was not chosen, instead of the one that was. */
  instead: Difference | undefined
  /** It alone takes more than there is. */
  isOverBudget: boolean
}

/** More would not be read. */
const mostNeighbours = 10
/** Seconds for all neighbours together. */
const timeLimit = 15

/**
 * Tries the opposite of what was decided about an index, and each neighbour instead of it. For the choice a statement is
 * planned with its own candidates; here the statements of an index are planned with its neighbours too.
 */
export async function explainIndex(
  { highs, whatIf }: { highs: Highs; whatIf: WhatIf },
  decision: Decision,
  subject: DecidedIndex,
): Promise<Explanation> {
  const exists = decision.today.has(subject.oid)
  const isChosen = decision.chosen.has(subject.oid)
  const near = neighboursOf(decision, subject)
  const until = performance.now() + timeLimit * 1000
  const terms: { must?: DecidedIndex; mustNot?: DecidedIndex } = isChosen
    ? { mustNot: subject }
    : { must: subject }
  const known = await planWith(whatIf, decision, terms)
  const opposite = chooseAgain(highs, known, terms)
  const neighbours: Neighbour[] = []
  for (const index of near.slice(0, mostNeighbours)) {
    if (performance.now() > until) break
    const swap = isChosen ? { must: index, mustNot: subject } : { must: subject, mustNot: index }
    const planned = await planWith(whatIf, known, swap)
    const other = chooseAgain(highs, planned, swap)
    neighbours.push({
      index,
      isChosen: decision.chosen.has(index.oid),
      instead: other && differenceOf(planned, subject, other, swap.must),
      isOverBudget: swap.must.bytes > (decision.budget ?? Infinity),
    })
  }
  neighbours.sort((a, b) => (a.instead?.cost ?? Infinity) - (b.instead?.cost ?? Infinity))
  return {
    subject,
    exists,
    isChosen,
    statements: statementsOf(known, subject, exists),
    opposite: opposite && differenceOf(known, subject, opposite, terms.must),
    neighbours,
    moreNeighbours: near.length - neighbours.length,
  }
}

/** The decision, with what the statements of an index cost where that one is gone, and the other one there. */
async function planWith(
  whatIf: WhatIf,
  decision: Decision,
  { must, mustNot }: { must?: DecidedIndex; mustNot?: DecidedIndex },
): Promise<Decision> {
  const there = new Set(decision.chosen)
  if (must) there.add(must.oid)
  if (mustNot) there.delete(mustNot.oid)
  const statements: CostedStatement[] = []
  for (const each of decision.statements) {
    const { statement, configurations } = each
    const used = cheapest(each, decision.chosen)?.options ?? []
    const isTouched = mustNot && used.includes(mustNot.oid)
    const today = configurations[0]?.cost ?? Infinity
    const planned = isTouched ? await costOf(whatIf, statement, there) : undefined
    statements.push(
      planned && planned.cost <= today * mostSlower
        ? { statement, configurations: [...configurations, planned] }
        : each,
    )
  }
  return { ...decision, statements }
}

function statementsOf(
  { statements, today, chosen }: Decision,
  subject: DecidedIndex,
  exists: boolean,
): StatementChange[] {
  const changed = new Set(today)
  if (exists) changed.delete(subject.oid)
  else changed.add(subject.oid)
  return statements
    .flatMap((each): StatementChange[] => {
      const [now] = each.configurations
      const [alone, advised] = [changed, chosen].map((there) => cheapest(each, there))
      if (!now || !advised) return []
      const isTouched = alone?.cost !== now.cost || advised.options.includes(subject.oid)
      return isTouched
        ? [{ statement: each.statement, today: now.cost, alone: alone?.cost, advised: advised.cost }]
        : []
    })
    .sort((a, b) => gainOf(b) - gainOf(a))
}

function gainOf({ statement, today, alone, advised }: StatementChange): number {
  return weightOf(statement) * Math.max(Math.abs(today - (alone ?? advised)), today - advised)
}

function differenceOf(
  decision: Decision,
  subject: DecidedIndex,
  other: ReadonlySet<number>,
  tried?: DecidedIndex,
): Difference {
  const { statements, indexes, chosen } = decision
  const [own, total] = [totalWith(decision, chosen), totalWith(decision, other)]
  const losses = statements.flatMap((each) => {
    const [mine, theirs] = [cheapest(each, chosen), cheapest(each, other)]
    if (!mine || !theirs) return []
    const loss = weightOf(each.statement) * (theirs.cost - mine.cost)
    return [{ statement: each.statement, chosen: mine.cost, other: theirs.cost, loss }]
  })
  const lost = losses.reduce((sum, { loss }) => sum + Math.max(0, loss), 0)
  const worst = losses.reduce(
    (most, each) => (each.loss > (most?.loss ?? 0) ? each : most),
    losses.find(({ loss }) => loss > 0),
  )
  return {
    cost: total.cost - own.cost,
    share: own.cost > 0 ? (total.cost - own.cost) / own.cost : 0,
    bytes: total.bytes - own.bytes,
    upkeep: total.upkeep - own.upkeep,
    besides: indexes.filter(
      ({ oid, index }) =>
        oid !== tried?.oid && other.has(oid) && !chosen.has(oid) && index.tableOid === subject.index.tableOid,
    ),
    worst: worst && {
      statement: worst.statement,
      chosen: worst.chosen,
      other: worst.other,
      share: worst.loss / lost,
    },
  }
}

/** Indexes of the same table that serve the same statements, or begin with the same key; the nearest first. */
function neighboursOf({ statements, indexes, chosen }: Decision, subject: DecidedIndex): DecidedIndex[] {
  const serving = (oid: number): Set<CostedStatement> =>
    new Set(
      statements.filter(({ configurations }) => configurations.some(({ options }) => options.includes(oid))),
    )
  const own = serving(subject.oid)
  const subjectIsChosen = chosen.has(subject.oid)
  return indexes
    .filter(({ oid, index }) => oid !== subject.oid && index.tableOid === subject.index.tableOid)
    .map((each) => {
      const others = serving(each.oid)
      const shared = [...others].filter((statement) => own.has(statement)).length
      const sameStart = each.index.keys[0]?.text === subject.index.keys[0]?.text
      return { each, isUsed: others.size > 0, nearness: 2 * shared + (sameStart ? 1 : 0) }
    })
    .filter(
      ({ each, isUsed, nearness }) => isUsed && nearness > 0 && (subjectIsChosen || chosen.has(each.oid)),
    )
    .sort(
      (a, b) => Number(chosen.has(b.each.oid)) - Number(chosen.has(a.each.oid)) || b.nearness - a.nearness,
    )
    .map(({ each }) => each)
}
