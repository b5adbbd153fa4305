import type { CatalogFunction } from '../catalog/functions.ts'
import { readBody } from '../policies/read/functionBody.ts'
import type { PlanNode } from '../postgres/explain.ts'
import { deparseStatement } from '../syntax/deparse.ts'
import type { Node } from '../syntax/nodes.ts'
import { as, nodesIn, words } from '../syntax/nodes.ts'
import { replaceNodes } from '../syntax/replaceNodes.ts'
import type { PlannedStatement } from './plannedStatement.ts'
import { expressionsIn } from './scans.ts'

/**
 * The queries of the functions that a plan calls and does not show: those of SECURITY DEFINER, in PL/pgSQL, or with a
 * search_path of their own. Each is asked as often as the statement is sent, as whoever the function runs as.
 */
export async function statementsCalled(
  statement: PlannedStatement,
  plan: PlanNode,
  functions: readonly CatalogFunction[],
): Promise<{ statements: PlannedStatement[]; unread: { name: string; reason: string }[] }> {
  const found: PlannedStatement[] = []
  const unread: { name: string; reason: string }[] = []
  const called = namesCalledIn(plan, await expressionsIn(plan))
  for (const each of functions.filter(
    ({ schema, name }) => called.has(name) || called.has(`${schema}.${name}`),
  )) {
    const body = await readBody(each)
    const name = `what ${each.schema}.${each.name} sends`
    if ('unreadable' in body) {
      unread.push({ name, reason: body.unreadable })
      continue
    }
    if (body.isDynamic) unread.push({ name, reason: 'it runs SQL that it makes itself' })
    for (const [at, part] of body.parts.flatMap(queriesOf).entries()) {
      try {
        found.push({
          line: statement.line,
          calls: statement.calls,
          claims: statement.claims,
          name: `${each.schema}.${each.name}${at === 0 ? '' : ` ${at + 1}`}`,
          sql: await deparseStatement(withParameters(part, each)),
          types: each.argumentTypes,
          args: [each.argumentTypes.map((type) => `NULL::${type}`)],
          role: each.isSecurityDefiner ? each.owner : statement.role,
          isGeneric: true,
          ...searchPathOf(each),
        })
      } catch {
        // What cannot be printed again is no statement to plan.
      }
    }
  }
  return { statements: found, unread }
}

function namesCalledIn(
  plan: PlanNode & { 'Function Name'?: string },
  expressions: readonly Node[],
): Set<string> {
  const names = new Set<string>()
  const visit = (node: PlanNode & { 'Function Name'?: string }): void => {
    if (node['Function Name'] !== undefined) names.add(node['Function Name'])
    for (const child of node.Plans ?? []) visit(child)
  }
  visit(plan)
  for (const node of expressions.flatMap(nodesIn)) {
    const call = as(node, 'FuncCall')
    if (call) names.add(words(call.funcname).join('.'))
  }
  return names
}

/** The part itself where it is a statement, else the sub-selects within it. */
function queriesOf(part: Node): Node[] {
  const isStatement = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt'].some((kind) => kind in part)
  if (isStatement) return [part]
  return nodesIn(part).flatMap((node) => {
    const select = as(node, 'SubLink')?.subselect
    return select ? [select] : []
  })
}

/** Names of arguments become `$1`, `$2` ...; a column of the same name would go first in SQL, which is seldom meant. */
function withParameters(statement: Node, { name, argumentNames }: CatalogFunction): Node {
  return replaceNodes(statement, (node) => {
    const parts = words(as(node, 'ColumnRef')?.fields ?? [])
    const word =
      parts.length === 2 && parts[0] === name ? parts[1] : parts.length === 1 ? parts[0] : undefined
    const at = word === undefined || word === '' ? -1 : argumentNames.indexOf(word)
    return at < 0 ? undefined : { ParamRef: { number: at + 1 } }
  })
}

function searchPathOf({ settings }: CatalogFunction): { searchPath?: string } {
  const path = settings['search_path']
  return path === undefined ? {} : { searchPath: path === '""' ? '' : path }
}
