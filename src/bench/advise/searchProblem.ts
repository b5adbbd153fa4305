import type { Candidate } from '../../advisor/candidates.ts'
import { definitionOf } from '../../advisor/candidates.ts'
import { costOf } from '../../advisor/configurations.ts'
import { optionsEndingHot, slow } from '../../advisor/costStatements.ts'
import type { PlannedStatement } from '../../advisor/plannedStatement.ts'
import { upkeepOf } from '../../advisor/upkeep.ts'
import type { WhatIf } from '../../advisor/whatIf.ts'
import type { Wishes } from '../../advisor/wishes.ts'
import type { DefinedIndex } from '../../catalog/indexDefinitions.ts'

/** An index that a search may choose. */
export interface Choosable {
  oid: number
  candidate: Candidate
  index: DefinedIndex
  bytes: number
  upkeep: number
}

/** What published searches choose from: the same indexes, costs, upkeep and budget as ours. */
export interface SearchProblem {
  budget: number
  statements: PlannedStatement[]
  /** Of a statement: indexes that may serve it. */
  relevant(statement: PlannedStatement): Choosable[]
  choosable: Choosable[]
  /** Of one statement, times how often it is sent. */
  statementCost(statement: PlannedStatement, chosen: ReadonlySet<number>): Promise<number>
  /** Of all statements, with the upkeep of the chosen. */
  cost(chosen: ReadonlySet<number>): Promise<number>
  bytes(chosen: ReadonlySet<number>): number
}

export interface ProblemInput {
  whatIf: WhatIf
  wishes: Pick<Wishes, 'byStatement' | 'uses'>
  /** Bytes of columns together. */
  width: (index: DefinedIndex) => number
  budget: number
}

interface Known {
  given: ReadonlySet<number>
  used: ReadonlySet<number>
  cost: number
}

/**
 * An index that would end HOT updates is only for a statement that is slow without it, by the rule that holds for ours.
 */
export async function searchProblem({ whatIf, wishes, width, budget }: ProblemInput): Promise<SearchProblem> {
  const existing = whatIf.options.filter(({ candidate }) => !candidate).map(({ index }) => index)
  const stands = [...whatIf.fixed, ...existing]
  const choosable = whatIf.options.flatMap(({ index, candidate }) =>
    candidate
      ? [
          {
            oid: index.oid,
            candidate,
            index,
            bytes: index.sizeBytes,
            upkeep: upkeepOf(index, stands, wishes.uses, width(index)),
          },
        ]
      : [],
  )
  const byOid = new Map(choosable.map((each) => [each.oid, each]))
  const relevant = new Map<PlannedStatement, Choosable[]>()
  for (const [statement, definitions] of wishes.byStatement) {
    relevant.set(
      statement,
      choosable.filter(({ candidate }) => definitions.has(definitionOf(candidate))),
    )
  }
  const known = new Map<PlannedStatement, Known[]>()
  const today = existing.map(({ oid }) => oid)
  const endHot = optionsEndingHot(whatIf, wishes, existing)
  for (const [statement, own] of relevant) {
    const harmless = own.filter(({ oid }) => !endHot.has(oid))
    if (harmless.length === own.length) continue
    const { cost } = await costOf(whatIf, statement, new Set([...today, ...harmless.map(({ oid }) => oid)]))
    if (cost <= slow) relevant.set(statement, harmless)
  }

  const statementCost = async (statement: PlannedStatement, chosen: ReadonlySet<number>): Promise<number> => {
    const own = (relevant.get(statement) ?? []).filter(({ oid }) => chosen.has(oid)).map(({ oid }) => oid)
    const given = new Set([...today, ...own])
    const before = known.get(statement) ?? []
    known.set(statement, before)
    // A plan stays the best as long as what it uses is there and nothing new is.
    const same = before.find((each) => isWithin(each.used, given) && isWithin(given, each.given))
    if (same) return statement.calls * same.cost
    const { cost, options } = await costOf(whatIf, statement, given)
    before.push({ given, used: new Set(options), cost })
    return statement.calls * cost
  }
  const statements = [...wishes.byStatement.keys()]
  return {
    budget,
    statements,
    choosable,
    relevant: (statement) => relevant.get(statement) ?? [],
    statementCost,
    cost: async (chosen) => {
      let sum = [...chosen].reduce((total, oid) => total + (byOid.get(oid)?.upkeep ?? 0), 0)
      for (const statement of statements) sum += await statementCost(statement, chosen)
      return sum
    },
    bytes: (chosen) => [...chosen].reduce((total, oid) => total + (byOid.get(oid)?.bytes ?? 0), 0),
  }
}

function isWithin(some: ReadonlySet<number>, all: ReadonlySet<number>): boolean {
  return [...some].every((each) => all.has(each))
}
