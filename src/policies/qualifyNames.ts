import type { FuncCall, Node, SelectStmt, TypeName } from '../sql/nodes.ts'
import { as, nodesIn, words } from '../sql/nodes.ts'
import { nameNodes } from '../sql/build.ts'
import { replaceBelow, replaceNodes } from '../sql/replaceNodes.ts'
import type { CatalogFunction } from './functionCatalog.ts'
import type { Bodies } from './declarations.ts'
import type { Surroundings } from './privateSchema.ts'
import type { CatalogTable } from './tableCatalog.ts'

/** Everything that a name in a body can mean. */
export interface Names {
  tables: CatalogTable[]
  bodies: Bodies
  surroundings: Surroundings
}

/** Why a body cannot be moved to where `search_path` is empty. */
export class Unclear extends Error {}

/**
 * The query of a function with every relation, function and type named with its schema, so that it means the same
 * where `search_path` is empty. A name is looked for along the function's own `search_path`; where it sets none, it
 * has to be the only one of that name.
 *
 * @throws Unclear where a name could mean several things
 */
export function qualifyNames(query: SelectStmt, called: CatalogFunction, names: Names): SelectStmt {
  const path = searchPathOf(called)
  const find = (what: string, name: string, schemas: readonly string[]): string => {
    const candidates = path
      ? path.filter((schema) => schemas.includes(schema)).slice(0, 1)
      : [...new Set(schemas)]
    const [schema, ...others] = candidates
    if (schema === undefined) throw new Unclear(`${what} ${name} in its body cannot be found`)
    if (others.length > 0) {
      throw new Unclear(
        `it sets no search_path, and ${what} ${name} in its body could be that of ${candidates.join(' or ')}`,
      )
    }
    return schema
  }
  const replace = (node: Node): Node | undefined => {
    const relation = as(node, 'RangeVar')
    if (relation) {
      if (relation.schemaname !== undefined) return undefined
      const schemas = names.tables.filter(({ name }) => name === relation.relname).map(({ schema }) => schema)
      return { RangeVar: { ...relation, schemaname: find('table', relation.relname, schemas) } }
    }
    const call = as(node, 'FuncCall')
    if (call && words(call.funcname).length === 1) return qualifyCall(call, names, find, replace)
    const typeCast = as(node, 'TypeCast')
    if (typeCast) {
      return {
        TypeCast: {
          arg: replaceNodes(typeCast.arg, replace),
          typeName: qualifyType(typeCast.typeName, names, find),
        },
      }
    }
    return undefined
  }
  const qualified = as(replaceNodes<Node>({ SelectStmt: query }, replace), 'SelectStmt')
  if (!qualified) throw new Unclear('its query cannot be read')
  refuseForeignOperators(qualified, names)
  return qualified
}

type Find = (what: string, name: string, schemas: readonly string[]) => string

function qualifyCall(
  call: FuncCall,
  { bodies }: Names,
  find: Find,
  replace: (node: Node) => Node | undefined,
): Node {
  const [name = ''] = words(call.funcname)
  const own = bodies.byName.get(name) ?? []
  const isBuiltin = bodies.functions.builtin.has(name)
  if (isBuiltin && own.length > 0) {
    throw new Unclear(`${name}() in its body could be the server's own or that of ${own[0]?.schema ?? ''}`)
  }
  const funcname = isBuiltin
    ? call.funcname
    : nameNodes([
        find(
          'function',
          `${name}()`,
          own.map(({ schema }) => schema),
        ),
        name,
      ])
  return { FuncCall: { ...replaceBelow(call, replace), funcname } }
}

function qualifyType(type: TypeName, { surroundings }: Names, find: Find): TypeName {
  const parts = words(type.names ?? [])
  const [name = ''] = parts
  const schemas = surroundings.typeSchemas.get(name)
  if (parts.length !== 1 || !schemas) return type
  return { ...type, names: nameNodes([find('type', name, schemas), name]) }
}

/** Types such as citext bring operators that are only found where `search_path` has their schema. */
function refuseForeignOperators(query: SelectStmt, names: Names): void {
  for (const { column, type } of columnsIn(query, names.tables)) {
    const base = type.replace(/\(.*\)$/, '')
    if (base.includes('.') && !names.surroundings.enums.has(base)) {
      throw new Unclear(
        `its body reads column ${column} of type ${type}, whose operators depend on search_path`,
      )
    }
  }
}

/** The columns of the query's relations that it names, with their types. */
export function columnsIn(query: SelectStmt, tables: CatalogTable[]): { column: string; type: string }[] {
  const named = new Set(
    Array.from(nodesIn({ SelectStmt: query })).flatMap((node) => {
      const column = as(node, 'ColumnRef')
      return column ? words(column.fields).slice(-1) : []
    }),
  )
  return relationsIn(query, tables).flatMap(({ columns }) =>
    columns.filter(({ name }) => named.has(name)).map(({ name, type }) => ({ column: name, type })),
  )
}

/** The tables that the query reads; those without a schema by their name alone. */
export function relationsIn(query: SelectStmt, tables: CatalogTable[]): CatalogTable[] {
  return Array.from(nodesIn({ SelectStmt: query })).flatMap((node) => {
    const relation = as(node, 'RangeVar')
    if (!relation) return []
    const { schemaname, relname } = relation
    return tables.filter(({ schema, name }) => name === relname && schema === (schemaname ?? schema))
  })
}

/** The schemas of a function's `SET search_path`, without pg_temp; undefined where it has none. */
export function searchPathOf({ settings }: CatalogFunction): string[] | undefined {
  const setting = settings.find((each) => each.startsWith('search_path='))
  if (setting === undefined) return undefined
  return setting
    .slice('search_path='.length)
    .split(',')
    .map((part) =>
      part
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .replaceAll('""', '"'),
    )
    .filter((schema) => schema !== '' && schema !== 'pg_temp')
}
