import { firstOf } from './firstOf.ts'
import type { FunctionBody } from './functionBody.ts'

/** The parser's number for the level of RAISE EXCEPTION. */
const errorLevel = 21

/** What the statements of a PL/pgSQL function do that its expressions do not show. */
export function plpgsqlTraits(
  parsed: unknown,
): Pick<FunctionBody, 'raises' | 'acts' | 'isDynamic' | 'variableTypes'> {
  const statements = [...entriesIn(parsed)]
  const isDynamic = statements.some(
    ([key]) => key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors' || key === 'dynquery',
  )
  const raises =
    firstOf(statements, whyItRaises) ?? (mayEndWithoutReturn(parsed) ? 'may end without RETURN' : undefined)
  const acts = firstOf(statements, howItActs)
  return {
    variableTypes: statements.flatMap(([key, value]) =>
      key === 'typname' && typeof value === 'string' ? [value.trim().toLowerCase()] : [],
    ),
    ...(isDynamic ? { isDynamic } : {}),
    ...(raises === undefined ? {} : { raises }),
    ...(acts === undefined ? {} : { acts }),
  }
}

/** Statements that only read, compute and decide. What SQL they hold is among the parts of the body. */
const quiet = new Set([
  ...['block', 'assign', 'if', 'case', 'loop', 'while', 'fori', 'fors', 'foreach_a', 'exit'],
  ...['return', 'return_next', 'return_query', 'perform', 'execsql', 'raise', 'assert'],
])

function howItActs([key, value]: [string, unknown]): string | undefined {
  const kind = key.startsWith('PLpgSQL_stmt_') ? key.slice('PLpgSQL_stmt_'.length) : undefined
  if (kind === undefined) return undefined
  if (['open', 'fetch', 'close', 'forc'].includes(kind)) return 'uses a cursor'
  if (kind.startsWith('dyn')) return 'runs dynamic SQL'
  const { elog_level: level = errorLevel } = (value ?? {}) as { elog_level?: number }
  if (kind === 'raise' && level < errorLevel) return 'sends a message with RAISE'
  return quiet.has(kind) ? undefined : `has the statement ${kind.toUpperCase()}`
}

function whyItRaises([key, value]: [string, unknown]): string | undefined {
  const fields = value as Record<string, unknown> | undefined
  // A bare RAISE raises the caught error again; the parser gives it the level of errors too.
  if (key === 'PLpgSQL_stmt_raise' && Number(fields?.['elog_level'] ?? errorLevel) >= errorLevel)
    return 'has RAISE EXCEPTION'
  if (key === 'PLpgSQL_stmt_assert') return 'has ASSERT'
  if (key === 'strict' && value === true) return 'has INTO STRICT'
  if (key === 'PLpgSQL_stmt_case' && !('have_else' in (fields ?? {}))) return 'has a CASE without ELSE'
  return undefined
}

interface Statement {
  PLpgSQL_stmt_return?: { expr?: unknown; retvarno?: number }
  PLpgSQL_stmt_raise?: unknown
  PLpgSQL_stmt_block?: { body?: Statement[] }
  PLpgSQL_stmt_if?: {
    then_body?: Statement[]
    elsif_list?: { PLpgSQL_if_elsif?: { stmts?: Statement[] } }[]
    else_body?: Statement[]
  }
  PLpgSQL_stmt_case?: {
    case_when_list?: { PLpgSQL_case_when?: { stmts?: Statement[] } }[]
    else_stmts?: Statement[]
  }
}

/** Whether control may reach the end of the function without RETURN, which is an error (2F005). */
function mayEndWithoutReturn(parsed: unknown): boolean {
  const functions = (parsed as { plpgsql_funcs?: { PLpgSQL_function?: { action?: Statement } }[] })
    .plpgsql_funcs
  const action = functions?.[0]?.PLpgSQL_function?.action
  if (!action) return false
  const all = [...entriesIn(action)]
  // Set-returning functions, procedures and functions with OUT parameters need no RETURN.
  const returnsValue = all.some(
    ([key, value]) => key === 'PLpgSQL_stmt_return' && (value as { expr?: unknown }).expr,
  )
  return returnsValue && !alwaysReturns([action])
}

function alwaysReturns(statements: Statement[] = []): boolean {
  return statements.some((statement) => {
    const { PLpgSQL_stmt_return: returned, PLpgSQL_stmt_block: block, PLpgSQL_stmt_if: branch } = statement
    // If a body does not end with RETURN, the parser adds one without an expression.
    if (returned) return returned.expr !== undefined || returned.retvarno !== undefined
    if (statement.PLpgSQL_stmt_raise) return true
    if (block) return alwaysReturns(block.body)
    const choice = statement.PLpgSQL_stmt_case
    if (choice) {
      const arms = (choice.case_when_list ?? []).map((each) => each.PLpgSQL_case_when?.stmts)
      return [...arms, choice.else_stmts].every((each) => alwaysReturns(each))
    }
    if (!branch) return false
    const others = (branch.elsif_list ?? []).map((each) => each.PLpgSQL_if_elsif?.stmts)
    return [branch.then_body, ...others, branch.else_body].every((each) => alwaysReturns(each))
  })
}

/** Every key and value below, parents first. */
function* entriesIn(value: unknown): Generator<[string, unknown]> {
  if (typeof value !== 'object' || value === null) return
  for (const [key, child] of Object.entries(value)) {
    yield [key, child]
    yield* entriesIn(child)
  }
}
