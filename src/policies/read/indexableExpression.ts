import type { Node, TypeName } from '../../syntax/nodes.ts'
import { as, kindOf, nodesIn, words } from '../../syntax/nodes.ts'
import { columnOf } from './comparedColumns.ts'
import type { PolicyCatalog } from './policyCatalog.ts'
import type { CatalogTable } from './tableCatalog.ts'

const indexableKinds = new Set([
  ...['A_Const', 'A_Expr', 'A_Indices', 'A_Indirection', 'CoalesceExpr', 'ColumnRef', 'FuncCall'],
  ...['Integer', 'String', 'TypeCast'],
])

/** Types whose casts to one another do not depend on settings, by the parser's and the catalog's names. */
const plainTypes = new Set([
  ...['text', 'varchar', 'character varying', 'uuid', 'bool', 'boolean', 'jsonb'],
  ...['int2', 'int4', 'int8', 'smallint', 'integer', 'bigint', 'numeric'],
])

type Known = Pick<PolicyCatalog, 'functions' | 'called'>

/**
 * Whether the table can have an index on the expression: it uses only IMMUTABLE functions, and casts that depend on no
 * setting. The server has the last word when it builds the index.
 */
export function isIndexable(expression: Node, table: CatalogTable, known: Known): boolean {
  for (const node of nodesIn(expression)) {
    if (!indexableKinds.has(kindOf(node))) return false
    const cast = as(node, 'TypeCast')
    if (cast && !isPlainCast(cast, table)) return false
    const call = as(node, 'FuncCall')
    if (call && !volatilitiesOf(words(call.funcname), known).every((each) => each === 'immutable'))
      return false
  }
  return true
}

function isPlainCast({ arg, typeName }: { arg: Node; typeName: TypeName }, table: CatalogTable): boolean {
  const name = columnOf(arg)
  const type = table.columns.find((column) => column.name === name)?.type ?? ''
  const from = name === undefined ? 'text' : type.replace(/\(.*/, '')
  return plainTypes.has(from) && plainTypes.has(words(typeName.names ?? []).at(-1) ?? '')
}

function volatilitiesOf(name: string[], { functions, called }: Known): (string | undefined)[] {
  const [schema, last] = [name.at(-2) ?? 'pg_catalog', name.at(-1) ?? '']
  if (schema === 'pg_catalog') return [functions.builtin.get(last)?.volatility]
  const found = called.filter((each) => each.schema === schema && each.name === last)
  return found.length === 0 ? [undefined] : found.map(({ volatility }) => volatility)
}
