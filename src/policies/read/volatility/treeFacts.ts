import type { Node } from '../../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../../syntax/nodes.ts'
import type { NamedRelation } from '../../../syntax/relations.ts'
import { relationsIn } from '../../../syntax/relations.ts'
import { nameOf } from '../declarations.ts'
import { harmlessKinds } from '../neverFails.ts'

/** A function or operator as a tree names it; without a schema, `search_path` decides. */
export interface CodeName {
  schema: string | undefined
  name: string
}

/** What one statement or expression names and does. */
export interface TreeFacts {
  calls: CodeName[]
  /** Operators that it names, and the comparisons that IN, CASE, USING and the like imply. */
  operators: CodeName[]
  /** Names behind a dot, which may be functions: `m.is_admin` calls `is_admin(m)` if `m` has no such column. */
  fields: string[]
  reads: NamedRelation[]
  /** Targets of INSERT, UPDATE, DELETE and MERGE. */
  writes: NamedRelation[]
  /** Names of WITH queries. */
  queries: ReadonlySet<string>
  /** It asks who is calling, the time, or another setting of the session. */
  asksSession: boolean
  /** The first thing in it that is no reading and computing, as a phrase: `has INSERT`, `locks rows`. */
  acts?: string
  /** A statement in it besides SELECT, INSERT, UPDATE, DELETE, MERGE and NOTIFY: `VariableSet`. */
  otherStatement?: string
}

const facts = new WeakMap<Node, TreeFacts>()

/** What the tree names and does; read once for each tree. */
export function factsOf(tree: Node): TreeFacts {
  const known = facts.get(tree) ?? readFacts(tree)
  facts.set(tree, known)
  return known
}

/** Kinds of nodes that only read and compute. Everything else counts as an act. */
const reading = new Set([
  ...harmlessKinds,
  ...['A_Expr', 'BitString', 'FuncCall', 'GroupingFunc', 'GroupingSet', 'RangeVar', 'SelectStmt', 'TypeCast'],
])

const rowStatements = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']
const knownStatements = new Set([...rowStatements, 'SelectStmt', 'ReturnStmt', 'RawStmt', 'NotifyStmt'])

/** What IN, CASE, BETWEEN, USING and `= ANY` compare with, without naming it. */
const impliedOperators = ['=', '<>', '<', '>', '<=', '>=']

function readFacts(tree: Node): TreeFacts {
  const nodes = nodesIn(tree)
  const calls: CodeName[] = []
  const operators: CodeName[] = impliedOperators.map((name) => ({ schema: undefined, name }))
  const fields = new Set<string>()
  const queries = new Set<string>()
  const writes: NamedRelation[] = []
  let acts: string | undefined
  let otherStatement: string | undefined
  let asksSession = false
  for (const node of nodes) {
    const kind = kindOf(node)
    acts ??= actOf(node, kind)
    if (kind.endsWith('Stmt') && !knownStatements.has(kind)) otherStatement ??= kind.replace(/Stmt$/, '')
    if (rowStatements.includes(kind)) writes.push(...targetOf(node, kind))
    if (kind === 'SQLValueFunction') asksSession = true
    const call = as(node, 'FuncCall')
    if (call) {
      calls.push(nameOf(call))
      asksSession ||= nameOf(call).name === 'current_setting'
    }
    const query = as(node, 'CommonTableExpr')
    if (query) queries.add(query.ctename)
    for (const name of namesBehindDots(node)) fields.add(name)
    operators.push(...operatorsOf(node))
  }
  return {
    calls,
    operators,
    fields: [...fields],
    reads: relationsIn(tree),
    writes,
    queries,
    asksSession,
    ...(acts === undefined ? {} : { acts }),
    ...(otherStatement === undefined ? {} : { otherStatement }),
  }
}

function actOf(node: Node, kind: string): string | undefined {
  if (kind === 'LockingClause') return 'locks rows (FOR UPDATE or FOR SHARE)'
  if (as(node, 'SelectStmt')?.intoClause) return 'makes a table (SELECT INTO)'
  if (reading.has(kind)) return undefined
  if (kind === 'RangeTableSample') return 'reads a sample of rows (TABLESAMPLE)'
  return kind.endsWith('Stmt')
    ? `has ${kind.replace(/Stmt$/, '').toUpperCase()}`
    : `holds a construct that is not known to only read (${kind})`
}

function targetOf(node: Node, kind: string): NamedRelation[] {
  const { relation } = node[kind] as { relation?: unknown }
  return relation === undefined ? [] : relationsIn(relation as Node)
}

function namesBehindDots(node: Node): string[] {
  const column = as(node, 'ColumnRef')
  if (column) return words(column.fields).slice(1)
  const indirection = as(node, 'A_Indirection')
  return (indirection?.indirection ?? []).flatMap((each) => as(each, 'String')?.sval ?? [])
}

function operatorsOf(node: Node): CodeName[] {
  const sort = node['SortBy'] as { useOp?: Node[] } | undefined
  const names = as(node, 'A_Expr')?.name ?? as(node, 'SubLink')?.operName ?? sort?.useOp ?? []
  const parts = words(names)
  const name = parts.at(-1)
  return name === undefined ? [] : [{ schema: parts.at(-2), name }]
}
