import { splitStatements } from '../syntax/statements.ts'
import type { WorkloadStatement } from '../workload/workloadFile.ts'
import type { KeyedTable, KeyUse, KnownNames } from './keyUses.ts'
import { keyUsesIn } from './keyUses.ts'

/** A statement that uses the table. */
export interface KeyedStatement<Statement extends WorkloadStatement = WorkloadStatement> {
  statement: Statement
  /** The key is bounded wherever the statement uses the table. */
  hasKey: boolean
}

/** How much of a workload says which partitions it needs. */
export interface CallsWithKey<Statement extends WorkloadStatement = WorkloadStatement> {
  /** Of the calls that use the table, 0 to 1; 1 where there are none. */
  share: number
  /** Calls of statements that use the table. */
  calls: number
  statements: KeyedStatement<Statement>[]
}

/**
 * Which share of a workload's calls on a table carry its key. A statement carries it if the key is bounded in every use
 * of the table; see `keyUsesIn`. Statements that do not use the table, or do not parse, do not count.
 *
 * ```ts
 * const { share } = await callsWithKey(workload, { table: bookings, key: 'booking_date' }) // 0.93
 * ```
 */
export async function callsWithKey<Statement extends WorkloadStatement>(
  workload: readonly Statement[],
  keyed: KeyedTable,
  known: KnownNames = {},
): Promise<CallsWithKey<Statement>> {
  const statements: KeyedStatement<Statement>[] = []
  for (const statement of workload) {
    const uses = await usesOf(statement.sql, keyed, known)
    if (uses.length === 0) continue
    statements.push({ statement, hasKey: uses.every(({ isBounded }) => isBounded) })
  }
  const callsOf = (some: readonly KeyedStatement[]): number =>
    some.reduce((sum, { statement }) => sum + statement.calls, 0)
  const calls = callsOf(statements)
  const withKey = callsOf(statements.filter(({ hasKey }) => hasKey))
  return { share: calls === 0 ? 1 : withKey / calls, calls, statements }
}

async function usesOf(sql: string, keyed: KeyedTable, known: KnownNames): Promise<KeyUse[]> {
  let parsed
  try {
    parsed = await splitStatements(sql)
  } catch {
    return []
  }
  return parsed.flatMap(({ node }) => keyUsesIn(node, keyed, known))
}
