import { cast } from '../../syntax/build.ts'
import type { Node, SelectStmt, TypeName } from '../../syntax/nodes.ts'
import { as, nodesIn, words } from '../../syntax/nodes.ts'
import { replaceBelow, replaceNodes } from '../../syntax/replaceNodes.ts'
import { aliasesOf } from '../../syntax/rowReferences.ts'
import type { CatalogFunction } from '../../catalog/functions.ts'
import { Unclear, relationsIn } from './queryColumns.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** What a call passes to a parameter that is the same for every row. */
export interface FixedValue {
  value: Node
  type: TypeName | undefined
}

/**
 * The body with its parameters by number, and those with a fixed value replaced by it. A column of the same name wins, as
 * in an SQL function; PL/pgSQL refuses to run such a body.
 *
 * `EXISTS (SELECT FROM m WHERE m.org_id = org AND m.role = wanted)` with `'owner'` for `wanted` ->
 * `EXISTS (SELECT FROM m WHERE m.org_id = $1 AND m.role = 'owner'::text)`
 *
 * @throws Unclear if a name may be a parameter or a column of something that is not a known table
 */
export function withParameters(
  body: Node,
  called: CatalogFunction,
  fixed: ReadonlyMap<number, FixedValue>,
  tables: CatalogTable[],
): Node {
  const positions = new Map(
    called.argumentNames
      .slice(0, called.argumentTypes.length)
      .flatMap((name, position) => (name === '' ? [] : [[name, position] as const])),
  )
  const parameter = (position: number): Node => {
    const given = fixed.get(position)
    if (!given) return { ParamRef: { number: position + 1 } }
    return given.type ? cast(given.value, given.type) : given.value
  }
  const visit = (node: Node, names: Names): Node | undefined => {
    const numbered = as(node, 'ParamRef')
    if (numbered) return parameter(numbered.number - 1)
    const column = as(node, 'ColumnRef')
    if (column) {
      const position = positionOf(words(column.fields), names)
      return position === undefined ? undefined : parameter(position)
    }
    const select = as(node, 'SelectStmt')
    if (!select) return undefined
    const inner = namesIn(select, names, tables)
    return { SelectStmt: replaceBelow(select, (each) => visit(each, inner)) }
  }
  const positionOf = ([first = '', second, ...more]: string[], names: Names): number | undefined => {
    if (second !== undefined) {
      const isOwn = first === called.name && more.length === 0 && !names.aliases.has(first)
      return isOwn ? positions.get(second) : undefined
    }
    const position = positions.get(first)
    if (position === undefined || names.columns.has(first) || names.aliases.has(first)) return undefined
    if (names.isOpen) throw new Unclear(`${first} in its body may be a parameter or a column`)
    return position
  }
  return replaceNodes(body, (node) => visit(node, { columns: new Set(), aliases: new Set(), isOpen: false }))
}

interface Names {
  columns: ReadonlySet<string>
  aliases: ReadonlySet<string>
  /** A relation is in sight whose columns are not known. */
  isOpen: boolean
}

/** The sides of a set operation have names of their own; they count for all. */
function namesIn(select: SelectStmt, outer: Names, tables: CatalogTable[]): Names {
  const sides = fromOf(select)
  const relations = nodesIn(sides).filter((node) => 'RangeVar' in node)
  const own = relationsIn({ fromClause: sides } as SelectStmt, tables)
  const isKnown = relations.every(
    (each) => relationsIn({ fromClause: [each] } as SelectStmt, tables).length > 0,
  )
  const isOther = nodesIn(sides).some((node) => 'RangeSubselect' in node || 'RangeFunction' in node)
  return {
    columns: new Set([...outer.columns, ...own.flatMap(({ columns }) => columns.map(({ name }) => name))]),
    aliases: new Set([...outer.aliases, ...aliasesOf(sides)]),
    isOpen: outer.isOpen || !isKnown || isOther || select.withClause !== undefined,
  }
}

function fromOf({ fromClause = [], larg, rarg }: SelectStmt): Node[] {
  return [...fromClause, ...(larg ? fromOf(larg) : []), ...(rarg ? fromOf(rarg) : [])]
}

/** The parameters of the row that an expression holds, by position. */
export function rowParameters(value: unknown): number[] {
  return [...new Set(nodesIn(value).flatMap((node) => as(node, 'ParamRef')?.number ?? []))].map(
    (number) => number - 1,
  )
}
