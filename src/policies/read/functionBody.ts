import { parsePlPgSQL } from 'libpg-query'
import { messageOf } from '../../errors.ts'
import { sqlTokens } from '../../postgres/sqlTokens.ts'
import { parseExpression } from '../../syntax/expression.ts'
import type { Node } from '../../syntax/nodes.ts'
import { as, isNode } from '../../syntax/nodes.ts'
import { splitStatements } from '../../syntax/statements.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { fieldsOf } from '../../syntax/walk.ts'
import { hidesParameter } from './hiddenParameters.ts'
import { plpgsqlResult } from './plpgsqlResult.ts'
import { plpgsqlTraits } from './plpgsqlTraits.ts'
import { recordDefaults } from './recordDefaults.ts'

/** What a function does, as far as its body shows it. */
export interface FunctionBody {
  /** Every statement and expression in it. */
  parts: Node[]
  /** The expression that it returns, if it does nothing else. */
  result?: Node
  /** What statements of PL/pgSQL amount to, as one expression; only where they read, compute and decide. */
  decides?: Node
  /** The defaults of its parameters, which a call evaluates if it leaves them out. */
  defaults?: Node[]
  /** Why it may raise an error on purpose, as a phrase: `has RAISE EXCEPTION`. */
  raises?: string
  /** What its statements do besides reading, computing and raising errors, as a phrase: `uses a cursor`. */
  acts?: string
  /** It runs dynamic SQL, so `parts` does not hold everything. */
  isDynamic?: true
  /** Types of its variables, as written. */
  variableTypes?: string[]
}

/** Reads a body in SQL or PL/pgSQL; otherwise says why it cannot be read. */
export async function readBody(called: CatalogFunction): Promise<FunctionBody | { unreadable: string }> {
  const { language, source, definition } = called
  try {
    const body =
      language === 'plpgsql'
        ? await readPlpgsql(called)
        : language !== 'sql'
          ? undefined
          : source.trim() === ''
            ? await readStandardBody(definition)
            : await readSql(source)
    if (!body) return { unreadable: `its body is in ${language}` }
    return called.defaults === 0 ? body : { ...body, defaults: await readDefaults(definition) }
  } catch (error) {
    return { unreadable: `its body cannot be parsed: ${messageOf(error)}` }
  }
}

async function readDefaults(definition: string): Promise<Node[]> {
  const [statement] = await splitStatements(definition)
  const parameters: readonly Node[] = as(statement?.node, 'CreateFunctionStmt')?.parameters ?? []
  return parameters.flatMap((each) => {
    const { defexpr } = each['FunctionParameter'] as { defexpr?: Node }
    return defexpr ? [defexpr] : []
  })
}

async function readSql(source: string): Promise<FunctionBody> {
  const statements = (await splitStatements(source)).map(({ node }) => node)
  const [only, ...more] = statements
  const result = more.length === 0 && only ? resultOfSelect(only) : undefined
  return { parts: statements, ...(result ? { result } : {}) }
}

/** `RETURN expression`, or `BEGIN ATOMIC SELECT expression; END`. */
async function readStandardBody(definition: string): Promise<FunctionBody> {
  const [statement] = await splitStatements(definition)
  const body = as(statement?.node, 'CreateFunctionStmt')?.sql_body
  if (!body) return { parts: [] }
  const returned = as(body, 'ReturnStmt')?.returnval
  if (returned) return { parts: [returned], result: returned }
  const items = as(as(body, 'List')?.items?.[0], 'List')?.items ?? []
  const [only, ...more] = items
  const result = more.length === 0 && only ? resultOfSelect(only) : undefined
  return { parts: items, ...(result ? { result } : {}) }
}

/** The expression of `SELECT expression` without FROM; a query with FROM is a scalar sub-select. */
function resultOfSelect(statement: Node): Node | undefined {
  const select = as(statement, 'SelectStmt')
  if (!select || select.larg || select.withClause || select.targetList?.length !== 1) return undefined
  const target = as(select.targetList[0], 'ResTarget')?.val
  const rest = Object.keys(select).filter((key) => !['targetList', 'limitOption', 'op'].includes(key))
  return rest.length === 0 ? target : { SubLink: { subLinkType: 'EXPR_SUBLINK', subselect: statement } }
}

async function readPlpgsql({ definition, source }: CatalogFunction): Promise<FunctionBody> {
  const parsed: unknown = await parsePlPgSQL(definition)
  const parts: Node[] = []
  for (const query of queriesIn(parsed)) parts.push(...(await readQuery(query)))
  const defaults = recordDefaults(source, recordNames(parsed))
  for (const each of defaults) parts.push(await parseExpression(each))
  const isPlain = defaults.length === 0 && !hidesParameter(parsed, definition)
  const returned = isPlain ? onlyReturn(parsed) : undefined
  const decides = isPlain && returned === undefined ? await plpgsqlResult(parsed, source) : undefined
  return {
    parts,
    ...plpgsqlTraits(parsed),
    ...(returned === undefined ? {} : { result: await parseExpression(returned) }),
    ...(decides ? { decides } : {}),
  }
}

/** Parses a statement, or an expression in PL/pgSQL's form: without SELECT. */
async function readQuery({ query, kind }: Query): Promise<Node[]> {
  if (kind === 'assignment') return readAssignment(query)
  if (kind === 'expression') return [await parseExpression(query)]
  return (await splitStatements(query)).map(({ node }) => node)
}

/** `target := expression`, or `target = expression`; a FROM may follow, as in a SELECT. */
async function readAssignment(text: string): Promise<Node[]> {
  const tokens = [...sqlTokens(text)]
  let depth = 0
  const at = tokens.findIndex((token) => {
    if (token === '[' || token === '(') depth += 1
    if (token === ']' || token === ')') depth -= 1
    return depth === 0 && token === '='
  })
  const target = tokens.slice(0, tokens[at - 1] === ':' ? at - 1 : at).join('')
  const source = await splitStatements(`SELECT ${tokens.slice(at + 1).join('')}`)
  return [await parseExpression(target), ...source.map(({ node }) => node)]
}

function recordNames(parsed: unknown): Set<string> {
  return new Set(
    Array.from(fieldsOf(parsed, 'PLpgSQL_rec'), ({ refname }) =>
      typeof refname === 'string' ? refname : '',
    ),
  )
}

interface Query {
  query: string
  kind: 'statement' | 'type' | 'expression' | 'assignment'
}

/** The parser's modes. There are several for assignments, one for each number of names in the target. */
const kinds = ['statement', 'type', 'expression', 'assignment'] as const

function* queriesIn(value: unknown): Generator<Query> {
  if (Array.isArray(value)) {
    for (const item of value) yield* queriesIn(item)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const { query, parseMode = 0 } = value as { query?: unknown; parseMode?: number }
  if (typeof query === 'string') yield { query, kind: kinds[Math.min(parseMode, 3)] ?? 'statement' }
  for (const child of Object.values(value)) yield* queriesIn(child)
}

/** The expression of a function whose body is `BEGIN RETURN expression; END` and which declares nothing. */
function onlyReturn(parsed: unknown): string | undefined {
  const functions = (parsed as { plpgsql_funcs?: { PLpgSQL_function?: PlpgsqlFunction }[] }).plpgsql_funcs
  const block = functions?.[0]?.PLpgSQL_function?.action?.PLpgSQL_stmt_block
  if (!block || block.exceptions !== undefined) return undefined
  const declares = functions?.[0]?.PLpgSQL_function?.datums?.some((datum) =>
    Object.values(datum).some((each) => typeof each === 'object' && each !== null && 'default_val' in each),
  )
  // If a body does not end with RETURN, the parser adds one without an expression.
  const statements = (block.body ?? []).filter((each) => !isEmptyReturn(each))
  const [only, ...more] = statements
  const query = only?.PLpgSQL_stmt_return?.expr?.PLpgSQL_expr?.query
  return more.length === 0 && !declares ? query : undefined
}

interface PlpgsqlFunction {
  datums?: Record<string, unknown>[]
  action?: { PLpgSQL_stmt_block?: { body?: PlpgsqlStatement[]; exceptions?: unknown } }
}

interface PlpgsqlStatement {
  PLpgSQL_stmt_return?: { expr?: { PLpgSQL_expr?: { query?: string } } }
}

function isEmptyReturn(statement: PlpgsqlStatement): boolean {
  return statement.PLpgSQL_stmt_return !== undefined && statement.PLpgSQL_stmt_return.expr === undefined
}

/** Whether a part of a body changes rows: INSERT, UPDATE, DELETE or MERGE. */
export function changesRows(parts: readonly Node[]): boolean {
  return parts.some((part) =>
    ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].some((kind) => hasKind(part, kind)),
  )
}

function hasKind(value: unknown, kind: string): boolean {
  if (Array.isArray(value)) return value.some((item) => hasKind(item, kind))
  if (typeof value !== 'object' || value === null) return false
  if (isNode(value) && kind in value) return true
  return Object.values(value).some((child) => hasKind(child, kind))
}
