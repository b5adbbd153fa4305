import type { TableIndex } from '../catalog/indexes.ts'
import { groupBy } from '../groupBy.ts'
import { display } from '../postgres/identifiers.ts'
import type { Candidate } from './candidates.ts'
import { definitionOf } from './candidates.ts'
import type { Configuration, CostedStatement } from './configurations.ts'
import { configurationsOf, costOf } from './configurations.ts'
import { mostSlower } from './decision.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import type { Clock, Part } from './clock.ts'
import { hotUpdatesEnded } from './upkeep.ts'
import type { WhatIf } from './whatIf.ts'
import type { Wishes } from './wishes.ts'

/** What the statements of a workload cost with sets of options. */
export interface StatementCosts {
  costed(): CostedStatement[]
  /** With the indexes that exist. */
  before(statement: PlannedStatement): Configuration
  /** Oids of the options that some configuration uses. */
  usedOptions(): Set<number>
  /** Plans each statement with these options too, whichever statement they were made for. */
  addWith(pool: ReadonlySet<number>): Promise<void>
}

/** A statement of that cost takes some 10 ms where everything is in memory. */
export const slow = 5_000
/** Fewer statements than that for each update that would end to be HOT, and the update weighs more. */
const readsOfUpdate = 10
const search = { plans: 60, worthwhile: 0.05 }

/**
 * Plans each statement with the indexes that exist, and with other sets of options. An index that would end HOT updates,
 * and not so few of them, is only an option for a statement that is slow without it.
 *
 * What costs most comes first: when the time for planning is over, the other statements are only planned without options,
 * with the indexes that exist, and with all options.
 */
export async function costStatements(
  whatIf: WhatIf,
  { byStatement, uses }: Wishes,
  existing: readonly TableIndex[],
  atFirst: ReadonlyMap<PlannedStatement, Configuration>,
  { onStep, isOver }: Pick<Clock, 'isOver'> & { onStep: (text: string, part?: Part) => void },
): Promise<StatementCosts> {
  const costed = new Map<PlannedStatement, Configuration[]>()
  const before = new Map<PlannedStatement, Configuration>()
  const limits = new Map<PlannedStatement, number>()
  const today = new Set(existing.map(({ oid }) => oid))
  const harmful = optionsEndingHot(whatIf, { byStatement, uses }, existing)
  /** Sets of options for which nothing more is to be found. */
  const complete = new Map<PlannedStatement, ReadonlySet<number>[]>()
  const find = async (
    statement: PlannedStatement,
    options: ReadonlySet<number>,
    limit: number,
  ): Promise<Configuration[]> => {
    const own = new Set((await whatIf.optionsFor(statement)).filter((oid) => options.has(oid)))
    const known = complete.get(statement) ?? []
    if (known.some((set) => [...own].every((oid) => set.has(oid)))) return []
    const harmless = new Set([...own].filter((oid) => !harmful.has(oid)))
    let searched = harmless
    let found = await configurationsOf(whatIf, statement, searched, { ...search, isOver })
    const least = Math.min(...found.configurations.map(({ cost }) => cost))
    if (harmless.size < own.size && least > slow) {
      searched = own
      found = await configurationsOf(whatIf, statement, searched, { ...search, isOver })
    }
    if (found.isComplete) complete.set(statement, [...known, searched])
    return found.configurations.filter(({ cost }) => cost <= limit)
  }
  const ofCandidate = new Map(
    whatIf.options.map(({ index, candidate }) => [candidate && definitionOf(candidate), index.oid]),
  )
  onStep(`planning ${byStatement.size} statements with the indexes that exist`)
  for (const statement of byStatement.keys()) {
    before.set(statement, await costOf(whatIf, statement, today))
  }
  const heaviestFirst = [...before].sort(([a, ofA], [b, ofB]) => b.calls * ofB.cost - a.calls * ofA.cost)
  for (const [statement, now] of heaviestFirst) {
    const part = { done: costed.size, of: byStatement.size }
    onStep(`planning ${part.done + 1} of ${part.of}: ${statement.name}`, part)
    // What is dropped before does not count twice.
    const limit = (atFirst.get(statement)?.cost ?? now.cost) * mostSlower
    limits.set(statement, limit)
    const wished = [...(byStatement.get(statement) ?? [])].flatMap((each) => ofCandidate.get(each) ?? [])
    costed.set(statement, [now, ...(await find(statement, new Set([...today, ...wished]), limit))])
  }
  const beforeOf = (statement: PlannedStatement): Configuration => {
    const now = before.get(statement)
    if (!now) throw new Error(`${statement.name} was not planned`)
    return now
  }
  return {
    costed: () =>
      [...byStatement.keys()].map((statement) => ({
        statement,
        configurations: costed.get(statement) ?? [],
      })),
    before: beforeOf,
    usedOptions: () =>
      new Set(
        [...costed.values()].flatMap((configurations) => configurations.flatMap(({ options }) => options)),
      ),
    addWith: async (pool) => {
      for (const [statement, known] of costed) {
        if (isOver()) return
        const more = await find(statement, pool, limits.get(statement) ?? Infinity)
        const cheapest = new Map<string, Configuration>()
        for (const each of [...known, ...more]) {
          const key = each.options.join()
          if ((cheapest.get(key)?.cost ?? Infinity) > each.cost) cheapest.set(key, each)
        }
        costed.set(statement, [...cheapest.values()])
      }
    },
  }
}

/** Options that would end more HOT updates than some few for each statement that they are for. */
export function optionsEndingHot(
  { options, fixed }: WhatIf,
  { byStatement, uses }: Pick<Wishes, 'byStatement' | 'uses'>,
  existing: readonly TableIndex[],
): Set<number> {
  const stands = groupBy([...fixed, ...existing], ({ tableOid }) => tableOid)
  const written = groupBy(uses, ({ table }) => display(table))
  const endedBy = (index: TableIndex): number =>
    hotUpdatesEnded(index, stands.get(index.tableOid) ?? [], written.get(display(index.table)) ?? [])
  const calls = new Map<string, number>()
  for (const [statement, own] of byStatement) {
    for (const definition of own) calls.set(definition, (calls.get(definition) ?? 0) + statement.calls)
  }
  const callsFor = (candidate: Candidate): number => calls.get(definitionOf(candidate)) ?? 0
  return new Set(
    options
      .filter(({ index, candidate }) => candidate && endedBy(index) * readsOfUpdate > callsFor(candidate))
      .map(({ index }) => index.oid),
  )
}
