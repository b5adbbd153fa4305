import type { RelationName } from '../postgres/identifiers.ts'
import type { Configuration } from './configurations.ts'
import { costOf } from './configurations.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import type { WhatIf } from './whatIf.ts'

/** What became of indexes that are to be dropped before anything else is advised. */
export interface TriedDrops {
  /** Oids of those that no statement misses. */
  gone: Set<number>
  /** What each statement costs while all of them are there, in the order of the statements. */
  before: Map<PlannedStatement, Configuration>
}

/** Plans every statement that uses one of these indexes again without all of them. */
export async function tryDrops(
  whatIf: WhatIf,
  statements: Iterable<PlannedStatement>,
  dropping: readonly RelationName[],
  mostSlower: number,
): Promise<TriedDrops> {
  const existing = whatIf.options.filter(({ candidate }) => !candidate).map(({ index }) => index)
  const today = new Set(existing.map(({ oid }) => oid))
  const gone = new Set(
    existing
      .filter(({ schema, name }) => dropping.some((each) => each.schema === schema && each.name === name))
      .map(({ oid }) => oid),
  )
  const without = new Set([...today].filter((oid) => !gone.has(oid)))
  const before = new Map<PlannedStatement, Configuration>()
  for (const statement of statements) {
    const now = await costOf(whatIf, statement, today)
    before.set(statement, now)
    const used = now.options.filter((oid) => gone.has(oid))
    if (used.length === 0) continue
    const then = await costOf(whatIf, statement, without)
    if (then.cost > now.cost * mostSlower) for (const oid of used) gone.delete(oid)
  }
  return { gone, before }
}
