import type { TableIndex } from '../catalog/indexes.ts'
import type { Candidate } from './candidates.ts'
import { definitionOf } from './candidates.ts'
import type { Configuration, CostedStatement } from './configurations.ts'
import { configurationsOf, costOf } from './configurations.ts'
import { mostSlower } from './decision.ts'
import type { PlannedStatement } from './plannedStatement.ts'
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
const slow = 5_000
/** Fewer statements than that for each update that would end to be HOT, and the update weighs more. */
const readsOfUpdate = 10
const search = { plans: 60, worthwhile: 0.05 }

/**
 * Plans each statement with the indexes that exist, and with other sets of options. An index that would end HOT updates,
 * and not so few of them, is only an option for a statement that is slow without it.
 */
export async function costStatements(
  whatIf: WhatIf,
  { byStatement, uses }: Wishes,
  existing: readonly TableIndex[],
  onStep: (text: string, part: { done: number; of: number }) => void,
): Promise<StatementCosts> {
  const costed = new Map<PlannedStatement, Configuration[]>()
  const before = new Map<PlannedStatement, Configuration>()
  const today = new Set(existing.map(({ oid }) => oid))
  const stands = [...whatIf.fixed, ...existing]
  const callsFor = (candidate: Candidate): number =>
    [...byStatement]
      .filter(([, own]) => own.has(definitionOf(candidate)))
      .reduce((sum, [{ calls }]) => sum + calls, 0)
  const harmful = new Set(
    whatIf.options
      .filter(
        ({ index, candidate }) =>
          candidate && hotUpdatesEnded(index, stands, uses) * readsOfUpdate > callsFor(candidate),
      )
      .map(({ index }) => index.oid),
  )
  const find = async (
    statement: PlannedStatement,
    options: ReadonlySet<number>,
    now: Configuration,
  ): Promise<Configuration[]> => {
    const harmless = new Set([...options].filter((oid) => !harmful.has(oid)))
    let { configurations } = await configurationsOf(whatIf, statement, harmless, search)
    const least = Math.min(...configurations.map(({ cost }) => cost))
    if (harmless.size < options.size && least > slow) {
      ;({ configurations } = await configurationsOf(whatIf, statement, options, search))
    }
    return configurations.filter(({ cost }) => cost <= now.cost * mostSlower)
  }
  for (const [statement, own] of byStatement) {
    const part = { done: costed.size, of: byStatement.size }
    onStep(`planning ${part.done + 1} of ${part.of}: ${statement.name}`, part)
    const options = whatIf.options.filter(({ candidate }) => !candidate || own.has(definitionOf(candidate)))
    const now = await costOf(whatIf, statement, today)
    before.set(statement, now)
    costed.set(statement, [
      now,
      ...(await find(statement, new Set(options.map(({ index }) => index.oid)), now)),
    ])
  }
  const beforeOf = (statement: PlannedStatement): Configuration => {
    const now = before.get(statement)
    if (!now) throw new Error(`${statement.name} was not planned`)
    return now
  }
  return {
    costed: () => Array.from(costed, ([statement, configurations]) => ({ statement, configurations })),
    before: beforeOf,
    usedOptions: () =>
      new Set(
        [...costed.values()].flatMap((configurations) => configurations.flatMap(({ options }) => options)),
      ),
    addWith: async (pool) => {
      for (const [statement, known] of costed) {
        const more = await find(statement, pool, beforeOf(statement))
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
