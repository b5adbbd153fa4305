import type { Client } from 'pg'
import type { PlanNode } from '../postgres/explain.ts'
import { quote } from '../postgres/identifiers.ts'
import type { Planner } from '../shadow/planner/openPlanner.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { Candidate } from './candidates.ts'
import { definitionOf } from './candidates.ts'
import { planStatement } from './plannedStatement.ts'

/** A candidate that stands in the shadow, as large as it would be. */
export interface BuiltCandidate extends Candidate {
  /** Its name in the shadow, by which plans name it. */
  name: string
  oid: number
  bytes: number
}

/** What the planner would say, were these indexes there. */
export interface WhatIf {
  candidates: BuiltCandidate[]
  /** Candidates that PostgreSQL does not build, and why. */
  refused: { candidate: Candidate; reason: string }[]
  /** Plans with the candidates named and no other; indexes of the schema itself stay. */
  plan(
    statement: WorkloadStatement,
    args: readonly string[],
    names: ReadonlySet<string>,
  ): Promise<{ root: PlanNode; cost: number; used: string[] }>
  close(): Promise<void>
}

const prefix = 'hundredfold_candidate_'

/** Builds the candidates, empty, in the shadow, and gives them the size that they would have. */
export async function buildCandidates(planner: Planner, wanted: readonly Candidate[]): Promise<WhatIf> {
  const named = wanted.map((candidate, at) => ({ ...candidate, name: `${prefix}${at}` }))
  const reasons = await planner.buildIndexes(
    named.map((candidate) => ({
      schema: candidate.table.schema,
      name: candidate.name,
      sql: `CREATE INDEX ${quote(candidate.name)} ${definitionOf(candidate)}`,
    })),
  )
  const refused = named.flatMap((candidate) => {
    const reason = reasons.get(candidate.name)
    return reason === undefined ? [] : [{ candidate, reason }]
  })
  const built = named.filter(({ name }) => !reasons.has(name))
  const session = await planner.connect()
  const { rows } = await session.query<{ name: string; oid: number; bytes: string }>(
    `SELECT relname::text AS name, oid::int AS oid, pg_catalog.pg_relation_size(oid) AS bytes FROM pg_catalog.pg_class
     WHERE relkind = 'i' AND relname LIKE '${prefix.replaceAll('_', String.raw`\_`)}%'`,
  )
  const found = new Map(rows.map((row) => [row.name, row]))
  const candidates = built.map((candidate) => ({
    ...candidate,
    oid: found.get(candidate.name)?.oid ?? 0,
    bytes: Number(found.get(candidate.name)?.bytes ?? 0),
  }))
  const oids = new Map(candidates.map(({ name, oid }) => [name, oid]))
  await session.query('BEGIN')
  return {
    candidates,
    refused,
    plan: async (statement, args, names) => {
      await only(
        session,
        [...oids.values()],
        [...names].flatMap((name) => oids.get(name) ?? []),
      )
      const root = await planStatement(session, statement, args, 'custom')
      return { root, cost: root['Total Cost'], used: usedIn(root).filter((name) => names.has(name)) }
    },
    close: async () => {
      await session.query('ROLLBACK')
      await session.end()
    },
  }
}

const valid = new WeakMap<Client, Set<number>>()

/** Within a transaction that is rolled back: indexes that are not valid are none to the planner. */
async function only(session: Client, all: number[], wanted: number[]): Promise<void> {
  const now = valid.get(session) ?? new Set(all)
  const next = new Set(wanted)
  const changed = all.filter((oid) => now.has(oid) !== next.has(oid))
  if (changed.length > 0) {
    await session.query(
      'UPDATE pg_catalog.pg_index SET indisvalid = NOT indisvalid WHERE indexrelid = ANY ($1::oid[])',
      [changed],
    )
  }
  valid.set(session, next)
}

function usedIn(node: PlanNode): string[] {
  const own = node['Index Name'] === undefined ? [] : [node['Index Name']]
  return [...new Set([...own, ...(node.Plans ?? []).flatMap(usedIn)])]
}
