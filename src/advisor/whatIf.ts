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
import { display, quote } from '../postgres/identifiers.ts'
import { groupBy } from '../groupBy.ts'
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
  /** Oids of the options on the statement's tables: no other one can matter to it. */
  optionsFor(statement: PlannedStatement): Promise<number[]>
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
  const isGiven = ({ schema, name }: RelationName): boolean =>
    given.some((each) => each.schema === schema && each.name === name)
  const options: Option[] = existing
    .filter(
      (index) => index.protectedBecause === null && !index.isPartitioned && index.isValid && !isGiven(index),
    )
    .map((index) => ({ index }))
  const mayGo = new Set(options.map(({ index }) => index.oid))
  const fixed = existing.filter(({ oid }) => !mayGo.has(oid))
  const stays = new Set(fixed.map(({ oid }) => oid))
  const known = groupBy(existing, ({ tableOid }) => tableOid)
  for (const index of readable) {
    const candidate = named.get(index.name)
    if (!candidate) continue
    const others = known.get(index.tableOid) ?? []
    const isNew = !others.some(
      (other) => areDuplicates(other, index) || (stays.has(other.oid) && covers(other, index)),
    )
    if (!isNew) continue
    options.push({ index, candidate })
    known.set(index.tableOid, [...others, index])
  }
  await toggleIndexes(
    session,
    readable.filter(({ name, oid }) => named.has(name) || mayGo.has(oid)).map(({ oid }) => oid),
  )
  const stage = openStage(session, options)
  return {
    options,
    fixed,
    foreignKeys,
    refused: Array.from(reasons, ([name, reason]) => ({ candidate: named.get(name) as Candidate, reason })),
    plan: async (statement, args, oids) => {
      const { root, used } = await stage.plan(statement, args, oids)
      return { root, cost: root['Total Cost'], used: used.filter((oid) => oids.has(oid)) }
    },
    optionsFor: (statement) => stage.optionsFor(statement),
    close: async () => {
      await session.query('ROLLBACK')
      await session.end()
    },
  }
}

/** A session in which all options are hidden, and those of one statement's tables come and go. */
interface Stage {
  plan(
    statement: PlannedStatement,
    args: readonly string[],
    oids: ReadonlySet<number>,
  ): Promise<{ root: PlanNode; used: number[] }>
  optionsFor(statement: PlannedStatement): Promise<number[]>
}

/**
 * Options of other tables stay as they are, whatever is asked for, and each statement starts from a savepoint: the
 * catalog keeps every version of a row that this transaction has changed, and reads through them all.
 */
function openStage(session: Client, options: readonly Option[]): Stage {
  const byTable = groupBy(options, ({ index }) => display(index.table))
  const byName = new Map(
    options.map(({ index }) => [display({ ...index.table, name: index.name }), index.oid]),
  )
  let current: PlannedStatement | undefined
  let own: number[] = []
  let shown = new Set<number>()
  const plans = new Map<string, { root: PlanNode; used: number[] }>()
  const ofTables = new Map<PlannedStatement, number[]>()

  const plan = async (statement: PlannedStatement, args: readonly string[]): ReturnType<Stage['plan']> => {
    const key = JSON.stringify([args, own.filter((oid) => shown.has(oid))])
    const known = plans.get(key)
    if (known) return known
    const root = await planStatement(session, statement, args, statement.isGeneric ? 'generic' : 'custom')
    const found = { root, used: indexesIn(root).flatMap((name) => byName.get(name) ?? []) }
    plans.set(key, found)
    return found
  }
  const enter = async (statement: PlannedStatement): Promise<void> => {
    await session.query(current ? 'ROLLBACK TO hundredfold_hidden' : 'SAVEPOINT hundredfold_hidden')
    current = statement
    own = []
    shown = new Set()
    plans.clear()
    own = ofTables.get(statement) ?? (await findOptions(statement))
    ofTables.set(statement, own)
  }
  const findOptions = async (statement: PlannedStatement): Promise<number[]> => {
    const tables = new Set<string>()
    for (const args of statement.args) {
      for (const table of tablesIn((await plan(statement, args)).root)) tables.add(table)
    }
    return [...tables].flatMap((table) => (byTable.get(table) ?? []).map(({ index }) => index.oid))
  }
  return {
    plan: async (statement, args, oids) => {
      if (statement !== current) await enter(statement)
      await toggleIndexes(
        session,
        own.filter((oid) => shown.has(oid) !== oids.has(oid)),
      )
      shown = new Set(own.filter((oid) => oids.has(oid)))
      return plan(statement, args)
    },
    optionsFor: async (statement) => {
      if (!ofTables.has(statement)) await enter(statement)
      return ofTables.get(statement) ?? []
    },
  }
}

/** The tables of a plan, by their names. */
function tablesIn(node: PlanNode): string[] {
  const { Schema: schema, 'Relation Name': name } = node
  const own = schema === undefined || name === undefined ? [] : [display({ schema, name })]
  return [...own, ...(node.Plans ?? []).flatMap(tablesIn)]
}

/** The indexes of a plan, by their names; a bitmap's index lies in the schema of the table that is read with it. */
function indexesIn(node: PlanNode, outer = ''): string[] {
  const schema = node.Schema ?? outer
  const name = node['Index Name']
  const own = name === undefined ? [] : [display({ schema, name })]
  return [...new Set([...own, ...(node.Plans ?? []).flatMap((child) => indexesIn(child, schema))])]
}
