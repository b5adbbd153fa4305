import type { Client } from 'pg'
import type { DefinedIndex } from '../catalog/indexDefinitions.ts'
import { defineIndexes } from '../catalog/indexDefinitions.ts'
import type { ForeignKey } from '../catalog/foreignKeys.ts'
import { listForeignKeys, listInheritedForeignKeys } from '../catalog/foreignKeys.ts'
import type { TableIndex } from '../catalog/indexes.ts'
import { listIndexes } from '../catalog/indexes.ts'
import { readOnce } from '../catalog/reader.ts'
import { areDuplicates, covers } from '../indexes/indexCoverage.ts'
import { borrow } from '../postgres/database.ts'
import type { PlanNode } from '../postgres/explain.ts'
import type { RelationName } from '../postgres/identifiers.ts'
import { quote } from '../postgres/identifiers.ts'
import { toggleIndexes } from '../shadow/planner/indexVisibility.ts'
import type { Planner } from '../shadow/planner/openPlanner.ts'
import type { Candidate } from './candidates.ts'
import { definitionOf } from './candidates.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { planStatement } from './plannedStatement.ts'

/** An index that may be there or not: a candidate, or one that exists and may be dropped. */
export interface Option {
  index: DefinedIndex
  /** Absent for one that exists. */
  candidate?: Candidate
}

/** A plan with some of the options. */
export interface OptionalPlan {
  root: PlanNode
  cost: number
  /** Oids of the options that it uses. */
  used: number[]
}

/** What the planner would say, were these indexes there and no other that could be dropped. */
export interface WhatIf {
  options: Option[]
  /** Indexes of the schema that must stay. */
  fixed: TableIndex[]
  /** Foreign keys of the schema, with the copies that partitions have of them. */
  foreignKeys: ForeignKey[]
  /** Candidates that PostgreSQL does not build, and why. */
  refused: { candidate: Candidate; reason: string }[]
  plan(statement: PlannedStatement, args: readonly string[], oids: ReadonlySet<number>): Promise<OptionalPlan>
  close(): Promise<void>
}

const prefix = 'hundredfold_candidate_'

/** Builds the candidates, empty, in the shadow, as large as they would be. What exists already is no candidate. */
export async function openWhatIf(
  planner: Planner,
  wanted: readonly Candidate[],
  given: readonly RelationName[] = [],
): Promise<WhatIf> {
  const named = new Map(wanted.map((candidate, at) => [`${prefix}${at}`, candidate]))
  const reasons = await planner.buildIndexes(
    Array.from(named, ([name, candidate]) => ({
      schema: candidate.table.schema,
      name,
      sql: `CREATE INDEX ${quote(name)} ${definitionOf(candidate)}`,
    })),
  )
  const session = await planner.connect()
  await session.query(`BEGIN; SET LOCAL search_path = ''`)
  const db = borrow(session)
  const read = await readOnce(db)(listIndexes)
  const readable = [...(await defineIndexes(db, read)).values()]
  const foreignKeys = [...(await listForeignKeys(db)), ...(await listInheritedForeignKeys(db))]
  await session.query('SET LOCAL search_path TO DEFAULT')
  const existing = readable.filter(({ name }) => !named.has(name))
  const stays = ({ schema, name }: RelationName): boolean =>
    given.some((each) => each.schema === schema && each.name === name)
  const options: Option[] = existing
    .filter(
      (index) => index.protectedBecause === null && !index.isPartitioned && index.isValid && !stays(index),
    )
    .map((index) => ({ index }))
  const fixed = existing.filter((index) => !options.some((option) => option.index === index))
  for (const index of readable) {
    const candidate = named.get(index.name)
    if (!candidate) continue
    const known = [...existing, ...options.map((option) => option.index)]
    const isNew = !known.some(
      (other) => areDuplicates(other, index) || (fixed.includes(other) && covers(other, index)),
    )
    if (isNew) options.push({ index, candidate })
  }
  const all = readable.filter(
    ({ name, oid }) => named.has(name) || options.some(({ index }) => index.oid === oid),
  )
  const visible = visibility(
    session,
    all.map(({ oid }) => oid),
  )
  const byName = new Map(options.map(({ index }) => [index.name, index.oid]))
  return {
    options,
    fixed,
    foreignKeys,
    refused: Array.from(reasons, ([name, reason]) => ({ candidate: named.get(name) as Candidate, reason })),
    plan: async (statement, args, oids) => {
      await visible(oids)
      const root = await planStatement(session, statement, args, statement.isGeneric ? 'generic' : 'custom')
      const used = indexesIn(root).flatMap((name) => byName.get(name) ?? [])
      return { root, cost: root['Total Cost'], used: used.filter((oid) => oids.has(oid)) }
    },
    close: async () => {
      await session.query('ROLLBACK')
      await session.end()
    },
  }
}

function visibility(session: Client, all: readonly number[]): (wanted: ReadonlySet<number>) => Promise<void> {
  let shown = new Set(all)
  return async (wanted) => {
    const next = new Set(all.filter((oid) => wanted.has(oid)))
    await toggleIndexes(
      session,
      all.filter((oid) => shown.has(oid) !== next.has(oid)),
    )
    shown = next
  }
}

function indexesIn(node: PlanNode): string[] {
  const own = node['Index Name'] === undefined ? [] : [node['Index Name']]
  return [...new Set([...own, ...(node.Plans ?? []).flatMap(indexesIn)])]
}
