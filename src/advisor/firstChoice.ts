import { groupBy } from '../groupBy.ts'
import type { ChoiceOptions, Priced } from './choose.ts'
import type { Configuration, CostedStatement } from './configurations.ts'
import { weightOf } from './plannedStatement.ts'

/** A choice, and what the workload costs with it, upkeep included. */
interface FirstChoice {
  chosen: Set<number>
  /** The needs that it leaves open, by their place. */
  unmet: number[]
  cost: number
}

/**
 * A choice that fits the budget and takes no time, for the solver to start from: what exists, then again and again the
 * configuration whose missing indexes save most per byte, then what is needed in any case, and at last without each
 * index that does not pay.
 *
 * Schlosser, Kossmann and Boissier, "Efficient scalable multi-attribute index selection using recursive strategies"
 * (2019), over configurations in place of attributes.
 */
export function firstChoice(
  statements: readonly CostedStatement[],
  options: readonly Priced[],
  { budget = Infinity, needs = [], exclusive = [] }: Omit<ChoiceOptions, 'timeLimit'>,
): FirstChoice {
  const priced = new Map(options.map((option) => [option.oid, option]))
  const bytesOf = (oids: readonly number[]): number => sumOf(oids, (oid) => priced.get(oid)?.bytes ?? 0)
  const upkeepOf = (oids: readonly number[]): number => sumOf(oids, (oid) => priced.get(oid)?.upkeep ?? 0)
  const uses = groupBy(
    statements.flatMap((statement) => optionsOf(statement).map((oid) => ({ oid, statement }))),
    ({ oid }) => oid,
  )
  const rivals = groupBy(
    exclusive.flatMap(([one, other]) => [
      { oid: one, rival: other },
      { oid: other, rival: one },
    ]),
    ({ oid }) => oid,
  )
  const rivalsOf = (oid: number): number[] => (rivals.get(oid) ?? []).map(({ rival }) => rival)
  const chosen = new Set<number>()
  for (const { oid, bytes } of options) {
    if (bytes === 0 && !rivalsOf(oid).some((rival) => chosen.has(rival))) chosen.add(oid)
  }
  const costs = new Map(statements.map((each) => [each, costWith(each, (oid) => chosen.has(oid))]))
  const usersOf = (oids: readonly number[]): CostedStatement[] => [
    ...new Set(oids.flatMap((oid) => (uses.get(oid) ?? []).map(({ statement }) => statement))),
  ]

  let left = budget
  const weigh = (oids: readonly number[]): Move | undefined => {
    const added = oids.filter((oid) => !chosen.has(oid))
    const removed = [...new Set(added.flatMap(rivalsOf))].filter((oid) => chosen.has(oid))
    const bytes = bytesOf(added) - bytesOf(removed)
    const atOdds = oids.some((oid) => rivalsOf(oid).some((rival) => oids.includes(rival)))
    if (added.length === 0 || bytes > left || atOdds) return undefined
    const isThere = (oid: number): boolean =>
      added.includes(oid) || (chosen.has(oid) && !removed.includes(oid))
    const users = usersOf([...added, ...removed])
    const saves =
      sumOf(users, (each) => (costs.get(each) ?? 0) - costWith(each, isThere)) +
      upkeepOf(removed) -
      upkeepOf(added)
    return { added, removed, bytes, saves, worth: saves / Math.max(bytes, 1) }
  }
  const make = ({ added, removed, bytes }: Move): void => {
    for (const oid of added) chosen.add(oid)
    for (const oid of removed) chosen.delete(oid)
    left -= bytes
    for (const each of usersOf([...added, ...removed])) {
      costs.set(
        each,
        costWith(each, (oid) => chosen.has(oid)),
      )
    }
  }

  /** Best last. What a move saves mostly shrinks as others are made, so only the best one is looked at again. */
  const moves: Move[] = []
  const sets = statements.flatMap(({ configurations }) => configurations.map((each) => each.options))
  for (const oids of new Map(sets.map((set) => [set.join(), set])).values()) {
    const move = weigh(oids)
    if (move && move.saves > 0) moves.push(move)
  }
  moves.sort((a, b) => a.worth - b.worth)
  for (let move = moves.pop(); move; move = moves.pop()) {
    const now = weigh(move.added)
    if (!now || now.saves <= 0) continue
    if (now.worth < (moves.at(-1)?.worth ?? 0)) moves.splice(placeOf(now, moves), 0, now)
    else make(now)
  }
  const isMet = (need: readonly number[]): boolean => need.some((oid) => chosen.has(oid))
  for (const need of needs.filter((each) => !isMet(each))) {
    const possible = need
      .flatMap((oid) => weigh([oid]) ?? [])
      .filter(({ saves, removed }) => Number.isFinite(saves) && removed.length === 0)
    const [best] = possible.sort((a, b) => b.saves - a.saves)
    if (best) make(best)
  }
  for (const oid of [...chosen]) {
    const isNeeded = needs.some(
      (need) => isMet(need) && !need.some((other) => other !== oid && chosen.has(other)),
    )
    const loses = sumOf(
      usersOf([oid]),
      (each) => costWith(each, (other) => other !== oid && chosen.has(other)) - (costs.get(each) ?? 0),
    )
    if (isNeeded || loses > upkeepOf([oid])) continue
    make({ added: [], removed: [oid], bytes: -bytesOf([oid]), saves: 0, worth: 0 })
  }
  return {
    chosen,
    unmet: needs.flatMap((need, at) => (isMet(need) ? [] : [at])),
    cost: sumOf([...costs.values()], (cost) => cost) + upkeepOf([...chosen]),
  }
}

/** Indexes to add together, and those that make no sense beside them. */
interface Move {
  added: number[]
  removed: number[]
  bytes: number
  saves: number
  /** What it saves per byte. */
  worth: number
}

/** Where the move belongs among the others, the best last. */
function placeOf({ worth }: Move, moves: readonly Move[]): number {
  let [from, to] = [0, moves.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((moves[middle]?.worth ?? 0) < worth) from = middle + 1
    else to = middle
  }
  return from
}

const optionsOf = ({ configurations }: CostedStatement): number[] => [
  ...new Set(configurations.flatMap(({ options }) => options)),
]

/** All calls of the statement, with the cheapest configuration that is there; infinite where none is. */
function costWith({ statement, configurations }: CostedStatement, isThere: (oid: number) => boolean): number {
  const possible = (configuration: Configuration): boolean => configuration.options.every(isThere)
  let least = Infinity
  for (const each of configurations) if (each.cost < least && possible(each)) least = each.cost
  return least === Infinity ? least : weightOf(statement) * least
}

function sumOf<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((sum, value) => sum + of(value), 0)
}
