import { cast, columnReference } from '../../syntax/build.ts'
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
 * The body with its parameters by number, those with a fixed value replaced by it, and columns with the name of their
 * relation. A column of the same name as a parameter wins, as in an SQL function; PL/pgSQL refuses to run such a body.
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
      return position === undefined ? qualifiedColumn(node, names) : parameter(position)
    }
    const select = as(node, 'SelectStmt')
    return select && { SelectStmt: visitSelect(select, names) }
  }
  /** The sides of a set operation have names of their own. */
  const visitSelect = ({ larg, rarg, sortClause, ...own }: SelectStmt, outer: Names): SelectStmt => {
    const inner = namesIn(own as SelectStmt, outer, tables)
    // ORDER BY may name a column of the result.
    const unqualified = { ...inner, levels: [] }
    return {
      ...replaceBelow(own as SelectStmt, (each) => visit(each, inner)),
      ...(sortClause ? { sortClause: replaceBelow(sortClause, (each) => visit(each, unqualified)) } : {}),
      ...(larg ? { larg: visitSelect(larg, inner) } : {}),
      ...(rarg ? { rarg: visitSelect(rarg, inner) } : {}),
    }
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
  const nothing = { columns: new Set<string>(), aliases: new Set<string>(), isOpen: false, levels: [] }
  return replaceNodes(body, (node) => visit(node, nothing))
}

interface Names {
  columns: ReadonlySet<string>
  aliases: ReadonlySet<string>
  /** A relation is in sight whose columns are not known. */
  isOpen: boolean
  /** For each query, the innermost first, the relation that a column belongs to; undefined where several have it. */
  levels: ReadonlyMap<string, string | undefined>[]
}

function namesIn(select: SelectStmt, outer: Names, tables: CatalogTable[]): Names {
  const from = select.fromClause ?? []
  const relations = nodesIn(from).filter((node) => 'RangeVar' in node)
  const level = new Map<string, string | undefined>()
  let isKnown = true
  for (const relation of relations) {
    const own = relationsIn({ fromClause: [relation] } as SelectStmt, tables)
    const [alias] = aliasesOf([relation])
    isKnown &&= own.length > 0
    for (const name of new Set(own.flatMap(({ columns }) => columns.map((column) => column.name)))) {
      const isSure = own.every(({ columns }) => columns.some((column) => column.name === name))
      level.set(name, level.has(name) || !isSure ? undefined : alias)
    }
  }
  const isOther = nodesIn(from).some((node) => 'RangeSubselect' in node || 'RangeFunction' in node)
  const isOpen = outer.isOpen || !isKnown || isOther || select.withClause !== undefined
  return {
    columns: new Set([...outer.columns, ...level.keys()]),
    aliases: new Set([...outer.aliases, ...aliasesOf(from)]),
    isOpen,
    levels: isOpen ? [] : [level, ...outer.levels],
  }
}

/** `role` -> `members.role`, as PostgreSQL prints it in policies. */
function qualifiedColumn(node: Node, { levels }: Names): Node | undefined {
  const [name = '', ...more] = words(as(node, 'ColumnRef')?.fields ?? [])
  const level = more.length === 0 ? levels.find((each) => each.has(name)) : undefined
  const relation = level?.get(name)
  return relation === undefined ? undefined : columnReference(relation, name)
}

/** The parameters of the row that an expression holds, by position. */
export function rowParameters(value: unknown): number[] {
  return [...new Set(nodesIn(value).flatMap((node) => as(node, 'ParamRef')?.number ?? []))].map(
    (number) => number - 1,
  )
}
