import type { ClientBase } from 'pg'
import { messageOf } from '../errors.ts'
import type { PlanNode } from '../postgres/explain.ts'
import { readOnly } from '../postgres/readOnly.ts'
import { sqlTokens } from '../postgres/sqlTokens.ts'
import { isConnectionLost } from '../postgres/sqlState.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { planStatement } from './plannedStatement.ts'

/** How far the shadow plans like its source: what advice is worth hangs on it. */
export interface Agreement {
  /** Plans that were made on both sides: one for each list of arguments. */
  compared: number
  /** How many of them have the same nodes on the same indexes. */
  sameShape: number
  /** Share by which the total costs differ, the median; 0 where nothing was compared. */
  medianCostError: number
  notCompared: { statement: PlannedStatement; reason: string }[]
}

/** Below that share of equal shapes, or above that median difference, the advice is to be doubted. */
const enough = { sameShape: 0.9, medianCostError: 0.1 }

/** Whether the shadow plans so differently that its advice is to be doubted. */
export function isLow({ compared, sameShape, medianCostError }: Agreement): boolean {
  return compared === 0 || sameShape < compared * enough.sameShape || medianCostError > enough.medianCostError
}

/** What a plan does to which table with which index: `Nested Loop(Seq Scan cities(), Index Scan bookings bookings_pkey())`. */
export function shapeOf(node: PlanNode): string {
  const words = [node['Node Type'], node['Relation Name'], node['Index Name']]
  return `${words.filter((word) => word !== undefined).join(' ')}(${(node.Plans ?? []).map(shapeOf).join(', ')})`
}

/** What a look at the source may take. */
const limits = { statementTimeoutMs: 5_000, lockTimeoutMs: 500, allMs: 60_000 }

/**
 * Plans every statement on both sides, as the same role with the same claims. Nothing is executed: on the source it is
 * EXPLAIN without ANALYZE in a read-only transaction, which PostgreSQL allows for statements that write too.
 */
export async function measureAgreement(
  source: ClientBase,
  shadow: ClientBase,
  workload: readonly PlannedStatement[],
  onStep: (text: string, part: { done: number; of: number }) => void = () => undefined,
): Promise<Agreement> {
  const errors: number[] = []
  const notCompared: Agreement['notCompared'] = []
  let sameShape = 0
  const compare = async (statement: PlannedStatement): Promise<void> => {
    // Arguments go as they are into a text with other statements, and on the source nothing else may run.
    if (statement.args.flat().some((argument) => [...sqlTokens(argument)].includes(';'))) {
      throw new Error('an argument is no SQL expression')
    }
    for (const args of statement.args) {
      const kind = statement.isGeneric ? 'generic' : 'custom'
      const expected = await planStatement(source, statement, args, kind)
      const planned = await planStatement(shadow, statement, args, kind)
      if (shapeOf(planned) === shapeOf(expected)) sameShape += 1
      errors.push(difference(planned['Total Cost'], expected['Total Cost']))
    }
  }
  const until = performance.now() + limits.allMs
  await shadow.query('BEGIN')
  try {
    await readOnly(
      source,
      async () => {
        await source.query('SET LOCAL search_path TO DEFAULT')
        for (const [done, statement] of workload.entries()) {
          const part = { done, of: workload.length }
          onStep(`comparing plan ${done + 1} of ${workload.length} with the source: ${statement.name}`, part)
          try {
            if (performance.now() > until) throw new Error('the time for comparing was over')
            await compare(statement)
          } catch (error) {
            if (isConnectionLost(error)) throw error
            notCompared.push({ statement, reason: messageOf(error) })
          }
        }
      },
      limits,
    )
  } finally {
    await shadow.query('ROLLBACK')
  }
  return { compared: errors.length, sameShape, medianCostError: median(errors), notCompared }
}

function difference(planned: number, expected: number): number {
  return expected === planned ? 0 : Math.abs(planned - expected) / Math.max(expected, Number.EPSILON)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}
