import { messageOf } from '../../errors.ts'
import type { Database } from '../../postgres/database.ts'
import { explain } from '../../postgres/explain.ts'
import type { RelationName } from '../../postgres/identifiers.ts'
import { qualified, quote } from '../../postgres/identifiers.ts'
import { underSavepoint } from '../../postgres/savepoint.ts'
import { disjunction } from '../../syntax/build.ts'
import { printExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import type { PlanVerdicts, Turned, Verdict } from './correlated.ts'
import { verdictKey } from './correlated.ts'
import { asHeaviestCaller, comparesWithCaller } from './heaviestCaller.ts'
import type { IndexedTable } from '../read/tableCatalog.ts'

/** A query's cost may grow by this factor: estimates are not more precise. */
const tolerance = 1.15
/**
 * A query's cost may also grow by this much, in the planner's units: 25 random page reads with the default costs. A
 * look-up of one row now reads the caller's whole list, not one row of it; that takes hundredths of a millisecond.
 */
const slack = 100
/** Reading the whole table must become cheaper by this factor for the change to be worth a review. */
const worthwhile = 2
/** It must also become cheaper by this much, in the planner's units: a few milliseconds. Nobody would notice less. */
const noticeable = 500

/** A sub-select of a policy that could be decorrelated. */
export interface PlanQuestion {
  table: IndexedTable
  turned: Turned
  /** Those of the tables it reads whose own policies run code for every row. */
  slowReads: RelationName[]
}

/**
 * Asks the planner, on the live statistics, what common queries cost with the sub-select as it is and decorrelated: all
 * rows, the first rows, and the rows of one value of an indexed column. Each is planned for the average caller and for
 * the one with the longest list. Nothing is run.
 */
export async function readPlanVerdicts(db: Database, questions: PlanQuestion[]): Promise<PlanVerdicts> {
  const verdicts: PlanVerdicts = new Map()
  for (const question of questions) {
    const key = verdictKey(question.table, question.turned.was)
    if (!verdicts.has(key)) verdicts.set(key, await verdictOn(db, question))
  }
  return verdicts
}

async function verdictOn(
  db: Database,
  { table, turned, slowReads }: PlanQuestion,
): Promise<Verdict | undefined> {
  const reason = await whyDearer(db, table, turned)
  if (slowReads.length === 0) return reason === undefined ? undefined : { reason }
  const names = slowReads.map(({ schema, name }) => `${schema}.${name}`).join(' and ')
  const wait = `the policies of ${names}, which it reads, run code for every row: rewrite those first`
  return {
    reason: reason === undefined ? wait : `${wait}; and ${reason}`,
    waitsFor: slowReads,
    ...(reason === undefined ? {} : { isDearerNow: true }),
  }
}

/** The reason to leave the sub-select: a query would cost more, too little is gained, or the plans say nothing. */
async function whyDearer(db: Database, table: IndexedTable, turned: Turned): Promise<string | undefined> {
  if (table.estimatedRows === null) return `${table.name} was never analysed, so plans say nothing about it`
  // A list that is the same for everybody grows with its table, so it gets no slack.
  const isOwnList = comparesWithCaller(turned.becomes)
  try {
    const heaviest = await asHeaviestCaller(db, turned.becomes)
    for (const shape of shapesFor(table)) {
      const before = await costOf(db, shape.query(turned.was))
      const after = await costOf(db, shape.query(turned.becomes))
      const limit = Math.max(before * tolerance, before + (isOwnList ? slack : 0))
      if (after > limit) {
        return `${shape.name} would become slower (estimated cost ${round(before)} -> ${round(after)})`
      }
      const most = heaviest === turned.becomes ? after : await costOf(db, shape.query(heaviest))
      if (most > limit) {
        return `${shape.name} would become slower for the caller with the longest list (estimated cost ${round(before)} -> ${round(most)})`
      }
      if (shape.isWhole && (after * worthwhile > before || before - after < noticeable)) {
        return `little would be gained (estimated cost of ${shape.name} ${round(before)} -> ${round(after)})`
      }
    }
    return undefined
  } catch (error) {
    return `it cannot be planned: ${messageOf(error)}`
  }
}

interface Shape {
  name: string
  isWhole?: boolean
  query(predicate: Node): string
}

function shapesFor(table: IndexedTable): Shape[] {
  const from = `FROM ${qualified(table)} AS ${quote(table.name)} WHERE `
  const keys = new Set(
    table.indexes.flatMap(({ keys: [first], isValid }) =>
      isValid && first?.column ? [first.column.name] : [],
    ),
  )
  return [
    { name: 'reading all rows', isWhole: true, query: (node) => `SELECT 1 ${from}${shielded(node)}` },
    { name: 'reading the first 20 rows', query: (node) => `SELECT 1 ${from}${shielded(node)} LIMIT 20` },
    ...[...keys].map((column) => ({
      name: `reading the rows of one ${column}`,
      query: (node: Node) => {
        const one = `(SELECT ${quote(column)} FROM ${qualified(table)} LIMIT 1)`
        return `SELECT 1 ${from}${quote(table.name)}.${quote(column)} = ${one} AND ${shielded(node)}`
      },
    })),
  ]
}

/** Below OR, the planner does not turn a sub-select into a join, as it does not in policies. */
function shielded(predicate: Node): string {
  const never = { A_Const: { boolval: {} } }
  return `(${printExpression(disjunction([predicate, never]) ?? predicate)})`
}

/** Planning changes nothing, but without the savepoint an error would abort the transaction. */
async function costOf(db: Database, query: string): Promise<number> {
  return (await underSavepoint(db, () => explain(db, query))).Plan['Total Cost']
}

function round(cost: number): string {
  return Math.round(cost).toLocaleString('en')
}
