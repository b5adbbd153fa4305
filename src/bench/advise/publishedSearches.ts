import type { Choosable, SearchProblem } from './searchProblem.ts'

/** Less than that, and a step is none: three per mille, as in published comparisons. */
const worthwhile = 1.003

/** Which indexes a search may add, and which may take the place of one that is chosen. */
export interface Moves {
  choosable: Choosable[]
  /** Whether the wider index is a step on from the other. */
  widens(wider: Choosable, other: Choosable): boolean
  /** Whether it may be added by itself. */
  isStart(each: Choosable): boolean
}

/**
 * Extend: each step adds an index or widens one that is chosen, whichever saves most per byte.
 *
 * Schlosser, Kossmann and Boissier, "Efficient scalable multi-attribute index selection using recursive strategies" (2019).
 */
export async function extend(problem: SearchProblem, moves: Moves): Promise<Set<number>> {
  const byOid = new Map(moves.choosable.map((each) => [each.oid, each]))
  let chosen = new Set<number>()
  let cost = await problem.cost(chosen)
  for (;;) {
    let best: { chosen: Set<number>; cost: number; perByte: number } | undefined
    for (const each of moves.choosable.filter(({ oid }) => !chosen.has(oid))) {
      const widened = [...chosen].filter((oid) => moves.widens(each, byOid.get(oid) as Choosable))
      const next = [
        ...(moves.isStart(each) ? [new Set([...chosen, each.oid])] : []),
        ...widened.map((oid) => new Set([...[...chosen].filter((other) => other !== oid), each.oid])),
      ]
      for (const set of next) {
        if (problem.bytes(set) > problem.budget) continue
        const costs = await problem.cost(set)
        const perByte = (cost - costs) / Math.max(8192, problem.bytes(set) - problem.bytes(chosen))
        if (costs * worthwhile < cost && perByte > (best?.perByte ?? 0))
          best = { chosen: set, cost: costs, perByte }
      }
    }
    if (!best) return chosen
    ;({ chosen, cost } = best)
  }
}

/**
 * AutoAdmin: the best few indexes of each statement by itself are the candidates of the whole; of these the best pair,
 * then one after the other. What was chosen is widened by a column, and all begins again.
 *
 * Chaudhuri and Narasayya, "An efficient, cost-driven index selection tool for Microsoft SQL Server" (1997).
 */
export async function autoAdmin(
  problem: SearchProblem,
  moves: Moves,
  mostColumns: number,
): Promise<Set<number>> {
  const allowed = new Set(moves.choosable.map(({ oid }) => oid))
  let candidates = moves.choosable.filter(moves.isStart)
  let chosen = new Set<number>()
  for (let columns = 1; ; columns += 1) {
    const own = new Set(candidates.map(({ oid }) => oid))
    const winners = new Set<number>()
    for (const statement of problem.statements) {
      const relevant = problem.relevant(statement).filter(({ oid }) => own.has(oid) && allowed.has(oid))
      const found = await greedy(
        relevant.map(({ oid }) => oid),
        { exhaustive: 1, most: 3, fits: () => true },
        (set) => problem.statementCost(statement, set),
      )
      for (const oid of found) winners.add(oid)
    }
    chosen = await greedy(
      [...winners],
      { exhaustive: 2, most: Infinity, fits: (set) => problem.bytes(set) <= problem.budget },
      (set) => problem.cost(set),
    )
    if (columns === mostColumns) return chosen
    const kept = moves.choosable.filter(({ oid }) => winners.has(oid))
    const wider = moves.choosable.filter((each) =>
      kept.some((other) => chosen.has(other.oid) && moves.widens(each, other)),
    )
    candidates = [...kept, ...wider]
  }
}

interface GreedyLimits {
  /** So many are chosen by trying all combinations. */
  exhaustive: 1 | 2
  most: number
  fits: (set: ReadonlySet<number>) => boolean
}

/** Greedy(m, k) of AutoAdmin. */
async function greedy(
  oids: readonly number[],
  { exhaustive, most, fits }: GreedyLimits,
  costOf: (set: ReadonlySet<number>) => Promise<number>,
): Promise<Set<number>> {
  let chosen = new Set<number>()
  let cost = await costOf(chosen)
  for (let first = true; chosen.size < most; first = false) {
    const singles = oids.filter((oid) => !chosen.has(oid)).map((oid) => new Set([...chosen, oid]))
    const pairs =
      first && exhaustive === 2 ? oids.flatMap((a, at) => oids.slice(at + 1).map((b) => new Set([a, b]))) : []
    let best: { set: Set<number>; cost: number } | undefined
    for (const set of [...singles, ...pairs]) {
      if (!fits(set)) continue
      const costs = await costOf(set)
      if (costs < (best?.cost ?? cost)) best = { set, cost: costs }
    }
    if (!best) return chosen
    chosen = best.set
    cost = best.cost
  }
  return chosen
}

/**
 * Leave-one-out: all indexes that some statement uses where all are there, then again and again without the one that is
 * missed least per byte, until the rest fits into the budget and each saves more than its upkeep.
 *
 * Whang, "Index selection in relational databases" (1985).
 */
export async function leaveOneOut(problem: SearchProblem, used: ReadonlySet<number>): Promise<Set<number>> {
  let chosen = new Set(used)
  let cost = await problem.cost(chosen)
  while (chosen.size > 0) {
    let least: { set: Set<number>; cost: number; perByte: number } | undefined
    for (const oid of chosen) {
      const set = new Set([...chosen].filter((other) => other !== oid))
      const costs = await problem.cost(set)
      const perByte = (costs - cost) / (problem.bytes(chosen) - problem.bytes(set))
      if (perByte < (least?.perByte ?? Infinity)) least = { set, cost: costs, perByte }
    }
    if (!least || (least.cost >= cost && problem.bytes(chosen) <= problem.budget)) break
    chosen = least.set
    cost = least.cost
  }
  return chosen
}
