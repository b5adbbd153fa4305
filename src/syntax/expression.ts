import { deparseSync } from 'pgsql-deparser'
import { loadModule, parse, parseSync } from 'pgsql-parser'
import { UsageError } from '../errors.ts'
import { excerpt } from './excerpt.ts'
import type { Node, SelectStmt, TypeName } from './nodes.ts'
import { as, kindOf } from './nodes.ts'

interface ParseResult {
  stmts?: { stmt: Node }[]
}

/**
 * Parses one expression, such as a policy's predicate, with PostgreSQL's own parser.
 *
 * `(owner = auth.uid())` -> `{ A_Expr: { kind: 'AEXPR_OP', name: [...], lexpr: ..., rexpr: ... } }`
 *
 * @throws UsageError if the text is not exactly one expression.
 */
export async function parseExpression(text: string): Promise<Node> {
  let parsed: ParseResult
  try {
    parsed = (await parse(`SELECT ${text}`)) as ParseResult
  } catch (error) {
    throw notAnExpression(text, error)
  }
  const expression = onlyTarget(parsed)
  if (!expression) throw notAnExpression(text)
  return expression
}

/**
 * An expression's tree as SQL text. The text is parsed again and compared with the tree, so that printing never
 * changes the meaning.
 *
 * @throws UsageError where the printer does not know a construct or would change its meaning.
 */
export async function deparseExpression(expression: Node): Promise<string> {
  await loadModule()
  return printExpression(expression)
}

const printed = new WeakMap<Node, string>()

/** As `deparseExpression`, for callers that have parsed something, so the parser is loaded. Each tree is printed once. */
export function printExpression(expression: Node): string {
  const known = printed.get(expression) ?? printAndCompare(expression)
  printed.set(expression, known)
  return known
}

function printAndCompare(expression: Node): string {
  let text: string
  try {
    text = deparseSync(expression as never)
  } catch (error) {
    throw notPrintable(kindOf(expression), error)
  }
  let again: Node | undefined
  try {
    again = readAgain(text)
  } catch (error) {
    throw notPrintable(text, error)
  }
  if (!again || !sameTree(again, expression)) throw notPrintable(text)
  return text
}

/** The texts that were printed last, parsed again for comparison: many policies have the same text. */
const lastRead = new Map<string, Node | undefined>()
const mostKept = 500

function readAgain(text: string): Node | undefined {
  if (lastRead.has(text)) return lastRead.get(text)
  const tree = onlyTarget(parseSync(`SELECT ${text}`) as ParseResult)
  if (lastRead.size >= mostKept) lastRead.clear()
  lastRead.set(text, tree)
  return tree
}

/** `uuid[]` -> the type, as the tree of a cast holds it. */
export async function parseTypeName(type: string): Promise<TypeName> {
  const cast = as(await parseExpression(`NULL::${type}`), 'TypeCast')
  if (!cast) throw notAnExpression(type)
  return cast.typeName
}

/** Whether two trees are equal, apart from the positions of their parts in the text. */
export function sameTree(one: unknown, other: unknown): boolean {
  if (!isObject(one) || !isObject(other)) return one === other
  if (Array.isArray(one) !== Array.isArray(other)) return false
  let fields = 0
  for (const [key, value] of Object.entries(one)) {
    if (!isMeaningful(key, value)) continue
    if (!sameTree(value, other[key])) return false
    fields += 1
  }
  for (const [key, value] of Object.entries(other)) if (isMeaningful(key, value)) fields -= 1
  return fields === 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isMeaningful(key: string, value: unknown): boolean {
  return value !== undefined && !positions.has(key)
}

/** The tree as a text: equal trees have equal texts. */
export function canonical(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) => {
    if (positions.has(key)) return undefined
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** Fields that say where in the text something stood. */
const positions = new Set(['location', 'rexpr_list_start', 'rexpr_list_end', 'list_start', 'list_end'])

/** The expression of `SELECT expression`, where that is all there is. */
function onlyTarget({ stmts = [] }: ParseResult): Node | undefined {
  const [statement, ...more] = stmts
  const select = as(statement?.stmt, 'SelectStmt')
  return more.length === 0 ? bareTarget(select) : undefined
}

function bareTarget(select: SelectStmt | undefined): Node | undefined {
  const [target, ...others] = select && isBare(select) ? (select.targetList ?? []) : []
  return others.length === 0 ? as(target, 'ResTarget')?.val : undefined
}

/** The expression in `(SELECT expression)` without FROM, WHERE or anything else. */
export function wrappedIn(node: Node): Node | undefined {
  const link = as(node, 'SubLink')
  return link?.subLinkType === 'EXPR_SUBLINK' ? bareTarget(as(link.subselect, 'SelectStmt')) : undefined
}

/** `SELECT a`, without FROM, WHERE or anything else. */
export function isBare(select: SelectStmt): boolean {
  const meaningful = Object.entries(select).filter(
    ([key, value]) => !(key === 'limitOption' && value === 'LIMIT_OPTION_DEFAULT') && value !== 'SETOP_NONE',
  )
  return meaningful.length === 1 && select.targetList !== undefined
}

function notAnExpression(text: string, cause?: unknown): UsageError {
  const reason = cause instanceof Error ? ` (${cause.message})` : ''
  return new UsageError(
    `PostgreSQL cannot read this as an SQL expression${reason}: ${excerpt(text)}`,
    'Fix the expression.',
    { cause },
  )
}

function notPrintable(text: string, cause?: unknown): UsageError {
  return new UsageError(
    `This expression cannot be printed without changing it: ${excerpt(text)}`,
    'Leave the expression as it is, or write the constructs in it another way.',
    { cause },
  )
}
