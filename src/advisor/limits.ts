import { deparseStatement } from '../syntax/deparse.ts'
import type { Node } from '../syntax/nodes.ts'
import { as } from '../syntax/nodes.ts'
import { splitStatements } from '../syntax/statements.ts'
import type { PlannedStatement } from './plannedStatement.ts'

/**
 * The statement with the rows that a call returned as its LIMIT, and without an OFFSET, where they are parameters.
 * PostgreSQL plans `LIMIT $1` for a tenth of all rows, so that an index in the right order never seems worthwhile.
 *
 * ```sql
 * SELECT ... ORDER BY made DESC LIMIT $1 OFFSET $2   ->   SELECT ... ORDER BY made DESC LIMIT 20 OFFSET 0
 * ```
 */
export async function withLimits(statement: PlannedStatement): Promise<PlannedStatement | undefined> {
  const { sql, rowsPerCall } = statement
  if (rowsPerCall === undefined || !/\b(?:limit|fetch)\b/i.test(sql)) return undefined
  const [parsed] = await splitStatements(sql)
  const select = as(parsed?.node, 'SelectStmt')
  if (!select?.limitCount || !isParameter(select.limitCount)) return undefined
  const rows = Math.max(1, Math.ceil(rowsPerCall))
  const limited = {
    ...select,
    limitCount: integer(rows),
    ...(select.limitOffset && isParameter(select.limitOffset) ? { limitOffset: integer(0) } : {}),
  }
  return { ...statement, sql: await deparseStatement({ SelectStmt: limited }) }
}

function isParameter(node: Node): boolean {
  return 'ParamRef' in node || 'ParamRef' in (as(node, 'TypeCast')?.arg ?? {})
}

const integer = (value: number): Node => ({ A_Const: { ival: { ival: value } } })
