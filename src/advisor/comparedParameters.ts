import type { Node } from '../syntax/nodes.ts'
import { as, nodesIn, words } from '../syntax/nodes.ts'
import type { NamedRelation } from '../syntax/relations.ts'

/** `alias.column = $n`, or `column < $n` without an alias. */
export interface Comparison {
  alias: string | undefined
  column: string
  /** As if the column stood on the left; `=` for IN and `= ANY`. */
  operator: string
  /** The parameter is an array. */
  isList: boolean
}

/** What a statement compares its parameters with. */
export interface ComparedParameters {
  /** By the parameter's number; the first where there are several. */
  comparisons: Map<number, Comparison>
  /** The tables that it names, by the name under which it calls their columns. */
  tables: { alias: string; table: NamedRelation }[]
  /** Numbers of parameters that an UPDATE writes as they are. */
  written: Set<number>
  /** Numbers of all parameters that stand anywhere. */
  named: Set<number>
}

const turned: Record<string, string> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=' }

/** Finds comparisons of a parameter with a column, anywhere in a statement. */
export function comparedParameters(statement: Node): ComparedParameters {
  const comparisons = new Map<number, Comparison>()
  const written = new Set<number>()
  const note = (
    column: Node | undefined,
    operator: string,
    value: Node | undefined,
    isList = false,
  ): void => {
    const number = parameterIn(value)
    const parts = words(as(withoutCast(column), 'ColumnRef')?.fields ?? [])
    const name = parts.at(-1)
    if (number === undefined || name === undefined || name === '*' || comparisons.has(number)) return
    comparisons.set(number, { alias: parts.at(-2), column: name, operator, isList })
  }
  for (const node of nodesIn(statement)) {
    const comparison = as(node, 'A_Expr')
    if (comparison) {
      const { kind, name, lexpr, rexpr } = comparison
      const operator = words(name).at(-1) ?? ''
      if (kind === 'AEXPR_OP' && operator in turned) {
        note(lexpr, operator, rexpr)
        note(rexpr, turned[operator] ?? operator, lexpr)
      }
      if (kind === 'AEXPR_OP_ANY' && operator === '=') note(lexpr, '=', rexpr, true)
      const items = as(rexpr, 'List')?.items ?? []
      if (kind === 'AEXPR_IN' && operator === '=') for (const item of items) note(lexpr, '=', item)
      if (kind === 'AEXPR_BETWEEN') {
        note(lexpr, '>=', items[0])
        note(lexpr, '<=', items[1])
      }
    }
    const { targetList } = (node['UpdateStmt'] ?? {}) as { targetList?: Node[] }
    for (const target of targetList ?? []) {
      const number = parameterIn(as(target, 'ResTarget')?.val)
      if (number !== undefined) written.add(number)
    }
  }
  const named = new Set(nodesIn(statement).flatMap((node) => as(node, 'ParamRef')?.number ?? []))
  return { comparisons, tables: tablesIn(statement), written, named }
}

function tablesIn(value: unknown): ComparedParameters['tables'] {
  if (Array.isArray(value)) return value.flatMap(tablesIn)
  if (typeof value !== 'object' || value === null) return []
  const { relname, schemaname, alias } = value as Record<string, unknown>
  const below = Object.values(value).flatMap(tablesIn)
  if (typeof relname !== 'string') return below
  const { aliasname } = (alias ?? {}) as { aliasname?: string }
  const table = { name: relname, ...(typeof schemaname === 'string' ? { schema: schemaname } : {}) }
  return [{ alias: aliasname ?? relname, table }, ...below]
}

function parameterIn(node: Node | undefined): number | undefined {
  return as(withoutCast(node), 'ParamRef')?.number
}

function withoutCast(node: Node | undefined): Node | undefined {
  const cast = as(node, 'TypeCast')
  return cast ? withoutCast(cast.arg) : node
}
