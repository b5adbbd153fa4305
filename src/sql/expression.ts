import { deparse } from 'pgsql-deparser'
import { parse } from 'pgsql-parser'
import { UsageError } from '../errors.ts'
import type { Node } from './statements.ts'

interface SelectOfOne {
  stmts?: { stmt: { SelectStmt?: { targetList?: { ResTarget: { val: Node } }[] } } }[]
}

/**
 * Parses one expression, such as a policy's predicate, with PostgreSQL's own parser.
 *
 * `(owner = auth.uid())` -> `{ A_Expr: { kind: 'AEXPR_OP', name: [...], lexpr: ..., rexpr: ... } }`
 *
 * @throws UsageError where the text is no expression
 */
export async function parseExpression(text: string): Promise<Node> {
  const wrapped = `SELECT ${text}`
  let parsed: SelectOfOne
  try {
    parsed = (await parse(wrapped)) as SelectOfOne
  } catch (error) {
    throw notAnExpression(text, error)
  }
  const targets = parsed.stmts?.[0]?.stmt.SelectStmt?.targetList
  const [target] = targets ?? []
  if (parsed.stmts?.length !== 1 || targets?.length !== 1 || !target) throw notAnExpression(text)
  return target.ResTarget.val
}

/** An expression's tree as SQL text. */
export async function deparseExpression(expression: Node): Promise<string> {
  const statement = { SelectStmt: { targetList: [{ ResTarget: { val: expression } }], op: 'SETOP_NONE' } }
  const text = await deparse(statement as never)
  return text.replace(/^SELECT\s+/, '')
}

function notAnExpression(text: string, cause?: unknown): UsageError {
  const reason = cause instanceof Error ? ` (${cause.message})` : ''
  const shown = text.length > 120 ? `${text.slice(0, 119)}…` : text
  return new UsageError(
    `This is no SQL expression that PostgreSQL can read${reason}: ${shown}`,
    'Mend the expression.',
    {
      cause,
    },
  )
}
